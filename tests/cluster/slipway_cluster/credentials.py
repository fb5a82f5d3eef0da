"""Everything that the components prove themselves with, made anew at each start."""

from dataclasses import dataclass
from pathlib import Path

from slipway_cluster.certificates import Authority, KeyPair, create_authority, create_signing_key, write_kubeconfig
from slipway_cluster.node_settings import CLUSTER_DOMAIN, NODE_NAME, NodeSettings


@dataclass(frozen=True)
class Credentials:
    """The authorities, the servers' certificates, and one kubeconfig per client."""

    cluster: Authority
    front_proxy: Authority
    etcd: KeyPair
    api_server: KeyPair
    api_server_to_kubelet: KeyPair
    aggregator: KeyPair
    kubelet: KeyPair
    metrics_server: KeyPair
    service_accounts: KeyPair
    admin: KeyPair
    kubeconfigs: dict[str, Path]


# component -> the user and group that RBAC's and the Node authorizer's built-in roles are bound to
CLIENTS = {
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
}


def create_credentials(settings: NodeSettings) -> Credentials:
    pki = settings.layout.pki
    pki.mkdir(parents=True, mode=0o700)
    node = settings.addresses.node
    cluster = create_authority(pki / "ca", "slipway-cluster")
    front_proxy = create_authority(pki / "front-proxy-ca", "slipway-front-proxy")
    admin = cluster.issue(pki / "admin", "slipway-admin", "system:masters")
    metrics_names = ["metrics-server.kube-system.svc", "metrics-server"]
    kubeconfigs = _client_kubeconfigs(cluster, settings)
    write_kubeconfig(settings.layout.kubeconfig, settings.api_server, cluster, admin)
    return Credentials(
        cluster=cluster,
        front_proxy=front_proxy,
        etcd=cluster.issue(pki / "etcd", "etcd", hosts=[node]),
        api_server=cluster.issue(pki / "kube-apiserver", "kube-apiserver", hosts=api_server_hosts(settings)),
        api_server_to_kubelet=cluster.issue(pki / "apiserver-kubelet-client", "kube-apiserver", "system:masters"),
        aggregator=front_proxy.issue(pki / "front-proxy-client", "front-proxy-client"),
        kubelet=cluster.issue(pki / "kubelet-server", NODE_NAME, hosts=[NODE_NAME, node]),
        metrics_server=cluster.issue(pki / "metrics-server", metrics_names[0], hosts=metrics_names),
        service_accounts=create_signing_key(pki / "service-accounts"),
        admin=admin,
        kubeconfigs=kubeconfigs,
    )


def api_server_hosts(settings: NodeSettings) -> list[str]:
    service = "kubernetes.default"
    names = ["kubernetes", service, f"{service}.svc", f"{service}.svc.{CLUSTER_DOMAIN}"]
    return [*names, settings.addresses.node, settings.addresses.api_service]


def _client_kubeconfigs(cluster: Authority, settings: NodeSettings) -> dict[str, Path]:
    files = {}
    for component, (user, group) in CLIENTS.items():
        pair = cluster.issue(settings.layout.pki / f"{component}-client", user, group)
        file = settings.layout.pki / f"{component}.kubeconfig"
        files[component] = write_kubeconfig(file, settings.api_server, cluster, pair)
    return files
