"""etcd, API server, controller manager and scheduler, with real authentication, authorization and aggregation."""

from slipway_cluster import process
from slipway_cluster.credentials import Credentials
from slipway_cluster.node_settings import NodeSettings
from slipway_cluster.record import Record


def start_etcd(settings: NodeSettings, credentials: Credentials, record: Record) -> process.Component:
    node, authority, pair = settings.addresses.node, credentials.cluster, credentials.etcd
    peer = f"https://{node}:2380"
    argv = [
        str(settings.layout.bin / "etcd"),
        "--name=slipway",
        f"--data-dir={settings.layout.state / 'etcd'}",
        f"--listen-client-urls={settings.etcd}",
        f"--advertise-client-urls={settings.etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=slipway={peer}",
        f"--cert-file={pair.certificate}",
        f"--key-file={pair.key}",
        f"--trusted-ca-file={authority.certificate}",
        "--client-cert-auth",
        f"--peer-cert-file={pair.certificate}",
        f"--peer-key-file={pair.key}",
        f"--peer-trusted-ca-file={authority.certificate}",
        "--peer-client-cert-auth",
        "--unsafe-no-fsync",  # the state is thrown away at the next start anyway
        "--log-level=warn",
    ]
    return process.start("etcd", argv, settings.layout.logs, record)


def start_api_server(settings: NodeSettings, credentials: Credentials, record: Record) -> process.Component:
    argv = [
        str(settings.layout.bin / "kube-apiserver"),
        f"--bind-address={settings.addresses.node}",
        f"--advertise-address={settings.addresses.node}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={settings.addresses.services}",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        *_api_server_storage(settings, credentials),
        *_api_server_identity(credentials),
        *_aggregation(credentials),
    ]
    return process.start("kube-apiserver", argv, settings.layout.logs, record)


def _api_server_storage(settings: NodeSettings, credentials: Credentials) -> list[str]:
    return [
        f"--etcd-servers={settings.etcd}",
        f"--etcd-cafile={credentials.cluster.certificate}",
        f"--etcd-certfile={credentials.etcd.certificate}",
        f"--etcd-keyfile={credentials.etcd.key}",
    ]


def _api_server_identity(credentials: Credentials) -> list[str]:
    return [
        f"--client-ca-file={credentials.cluster.certificate}",
        f"--tls-cert-file={credentials.api_server.certificate}",
        f"--tls-private-key-file={credentials.api_server.key}",
        f"--kubelet-certificate-authority={credentials.cluster.certificate}",
        f"--kubelet-client-certificate={credentials.api_server_to_kubelet.certificate}",
        f"--kubelet-client-key={credentials.api_server_to_kubelet.key}",
        "--kubelet-preferred-address-types=InternalIP",  # nothing resolves the node's name
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={credentials.service_accounts.certificate}",
        f"--service-account-signing-key-file={credentials.service_accounts.key}",
    ]


def _aggregation(credentials: Credentials) -> list[str]:
    return [
        f"--requestheader-client-ca-file={credentials.front_proxy.certificate}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={credentials.aggregator.certificate}",
        f"--proxy-client-key-file={credentials.aggregator.key}",
        "--enable-aggregator-routing=true",
    ]


def start_controller_manager(settings: NodeSettings, credentials: Credentials, record: Record) -> process.Component:
    kubeconfig, authority = credentials.kubeconfigs["kube-controller-manager"], credentials.cluster
    argv = [
        str(settings.layout.bin / "kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={settings.addresses.node}",
        "--controllers=*,bootstrapsigner,tokencleaner",
        "--use-service-account-credentials=true",
        f"--root-ca-file={authority.certificate}",
        f"--service-account-private-key-file={credentials.service_accounts.key}",
        f"--cluster-signing-cert-file={authority.pair.certificate}",
        f"--cluster-signing-key-file={authority.pair.key}",
        "--leader-elect=false",
        "--horizontal-pod-autoscaler-sync-period=5s",
    ]
    return process.start("kube-controller-manager", argv, settings.layout.logs, record)


def start_scheduler(settings: NodeSettings, credentials: Credentials, record: Record) -> process.Component:
    kubeconfig = credentials.kubeconfigs["kube-scheduler"]
    argv = [
        str(settings.layout.bin / "kube-scheduler"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={settings.addresses.node}",
        "--leader-elect=false",
    ]
    return process.start("kube-scheduler", argv, settings.layout.logs, record)
