"""kubelet and kube-proxy: the machine as the cluster's one node."""

from typing import Any

import yaml

from slipway_cluster import cgroups, process
from slipway_cluster.credentials import Credentials
from slipway_cluster.node_settings import CLUSTER_DOMAIN, NODE_NAME, NodeSettings
from slipway_cluster.paths import CONTAINERD_SOCKET, KUBELET_ROOT, POD_LOGS, STATE
from slipway_cluster.record import Record

NODE_LABELS = {"nvidia.com/gpu.product": "Fake-GPU"}


def kubelet_configuration(settings: NodeSettings, credentials: Credentials) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": settings.addresses.node,
        "healthzBindAddress": settings.addresses.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(credentials.cluster.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(credentials.kubelet.certificate),
        "tlsPrivateKeyFile": str(credentials.kubelet.key),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",  # no systemd
        "cgroupRoot": f"/{cgroups.NAME}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [settings.addresses.dns],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(settings.layout.config / "resolv.conf"),
        "podLogsDir": str(POD_LOGS),
        "volumePluginDir": str(STATE / "volume-plugins"),
        "makeIPTablesUtilChains": False,  # kube-proxy uses nftables
        "serializeImagePulls": False,
        # Addon images are imported, not pulled; once the same content was pulled by another name, the kubelet would
        # insist on pulling these too.
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        "nodeStatusUpdateFrequency": "2s",  # devices count only once the node's status has them
        # A developer's disk is often nearly full; images come back only from this machine, so none is collected.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "oomScoreAdj": 0,
    }


def kube_proxy_configuration(settings: NodeSettings, credentials: Credentials) -> dict[str, Any]:
    node = settings.addresses.node
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(credentials.kubeconfigs["kube-proxy"])},
        "clusterCIDR": str(settings.addresses.pods),
        "hostnameOverride": NODE_NAME,
        "bindAddress": node,
        "healthzBindAddress": f"{node}:10256",
        "metricsBindAddress": f"{node}:10249",
        # Zero: leave the machine's own connection tracking as it is.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
    }


def start_kubelet(settings: NodeSettings, credentials: Credentials, record: Record) -> process.Component:
    config = settings.layout.config
    resolv_conf = "".join(f"nameserver {server}\n" for server in settings.nameservers)
    (config / "resolv.conf").write_text(resolv_conf)
    file = config / "kubelet.yaml"
    file.write_text(yaml.safe_dump(kubelet_configuration(settings, credentials)))
    argv = [
        str(settings.layout.bin / "kubelet"),
        f"--config={file}",
        f"--kubeconfig={credentials.kubeconfigs['kubelet']}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={settings.addresses.node}",
        f"--node-labels={','.join(f'{name}={value}' for name, value in NODE_LABELS.items())}",
        f"--root-dir={KUBELET_ROOT}",
        f"--cert-dir={settings.layout.pki}",
    ]
    return process.start("kubelet", argv, settings.layout.logs, record)


def start_kube_proxy(settings: NodeSettings, credentials: Credentials, record: Record) -> process.Component:
    file = settings.layout.config / "kube-proxy.yaml"
    file.write_text(yaml.safe_dump(kube_proxy_configuration(settings, credentials)))
    argv = [str(settings.layout.bin / "kube-proxy"), f"--config={file}"]
    return process.start("kube-proxy", argv, settings.layout.logs, record)
