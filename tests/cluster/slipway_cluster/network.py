"""The node's network: address ranges that the machine does not use, and the pods' bridge."""

import ipaddress
import json
import socket
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from slipway_cluster.errors import ClusterError
from slipway_cluster.run import run, succeeds

# The bridge's own address is the node's: it is there on any machine, whatever its other interfaces are.
BRIDGE = "slipway0"
BRIDGE_MAC = "0a:58:0a:f4:00:01"  # without one of its own, a bridge changes it with each pod that comes and goes
CANDIDATES = (
    ("10.244.0.0/16", "10.96.0.0/16"),
    ("172.30.0.0/16", "172.31.0.0/16"),
    ("192.168.128.0/18", "192.168.192.0/18"),
    ("198.18.0.0/16", "198.19.0.0/16"),
)
HOST_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Addresses:
    """The two ranges, and the addresses in them that must be known beforehand."""

    pods: IPv4Network
    services: IPv4Network

    @property
    def node(self) -> str:
        return str(self.pods[1])

    @property
    def api_service(self) -> str:
        return str(self.services[1])

    @property
    def dns(self) -> str:
        return str(self.services[10])


def choose_addresses(taken: list[IPv4Network]) -> Addresses:
    """The first pair of ranges that overlaps with nothing that the machine routes already."""
    for pair in CANDIDATES:
        pods, services = (IPv4Network(text) for text in pair)
        if not any(network.overlaps(pods) or network.overlaps(services) for network in taken):
            return Addresses(pods, services)
    raise ClusterError(f"Each candidate for the pod and Service ranges is in use on this machine: {CANDIDATES}.")


def routed_networks() -> list[IPv4Network]:
    routes = json.loads(run("ip", "-json", "-4", "route", "show"))
    return [IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]


def smallest_mtu() -> int:
    """The smallest packet size of the machine's own interfaces; pods must not send larger ones."""
    links = json.loads(run("ip", "-json", "link", "show", "up"))
    # an interface that is down is listed as {}
    return min((link["mtu"] for link in links if link and link["ifname"] not in {"lo", BRIDGE}), default=1500)


def create_bridge(addresses: Addresses) -> None:
    run("ip", "link", "add", BRIDGE, "address", BRIDGE_MAC, "type", "bridge")
    run("ip", "address", "add", f"{addresses.node}/{addresses.pods.prefixlen}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    # Host processes reach Services from the node's address, also where the machine has no default route.
    run("ip", "route", "add", str(addresses.services), "dev", BRIDGE, "src", addresses.node)


def remove_bridge() -> None:
    succeeds("ip", "link", "delete", BRIDGE)


def cni_configuration(addresses: Addresses, allocations: Path, mtu: int) -> str:
    return json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": "slipway",
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": BRIDGE,
                    "isGateway": True,
                    "hairpinMode": True,
                    "mtu": mtu,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(allocations),
                        "ranges": [[{"subnet": str(addresses.pods), "gateway": addresses.node}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                }
            ],
        },
        indent=2,
    )


def reachable_nameservers(resolv_conf: str) -> list[str]:
    """The machine's nameservers that a pod can ask too: not those on the loopback."""
    servers = [line.split()[1] for line in resolv_conf.splitlines() if line.startswith("nameserver ")]
    return [server for server in servers if not ipaddress.ip_address(server.partition("%")[0]).is_loopback]


def free_port(preferred: int) -> int:
    """A port of 127.0.0.1 that nothing listens on, the preferred one if possible."""
    for port in (preferred, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise ClusterError("No free port on 127.0.0.1.")
