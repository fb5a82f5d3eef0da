"""What every component's command line is made from."""

from dataclasses import dataclass

from slipway_cluster.network import Addresses
from slipway_cluster.paths import Layout

NODE_NAME = "slipway-node"
REGISTRY_NAME = "registry.slipway.test"
CLUSTER_DOMAIN = "cluster.local"


@dataclass(frozen=True)
class NodeSettings:
    """One cluster's folders, addresses and options."""

    layout: Layout
    addresses: Addresses
    registry_port: int
    gpus: int
    nameservers: tuple[str, ...]

    @property
    def registry_name(self) -> str:
        return REGISTRY_NAME

    @property
    def registry_address(self) -> str:
        return f"127.0.0.1:{self.registry_port}"

    @property
    def api_server(self) -> str:
        return f"https://{self.addresses.node}:6443"

    @property
    def etcd(self) -> str:
        return f"https://{self.addresses.node}:2379"
