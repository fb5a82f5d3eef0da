"""The Go programs that make up the cluster; the versions are in each module's go.mod."""

from dataclasses import dataclass

KUBERNETES_VERSION = "v1.37.2"


@dataclass(frozen=True)
class GoModule:
    """One folder below tests/cluster/go: a module of its own, since these programs' dependencies disagree."""

    name: str
    binaries: dict[str, str]
    tags: str = ""
    ldflags: str = "-s -w"


def _kubernetes_ldflags() -> str:
    # Without these, clients and the kubelet report v0.0.0 and version checks of charts fail.
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {
        "gitVersion": KUBERNETES_VERSION,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": KUBERNETES_VERSION,
        "gitTreeState": "clean",
    }
    flags = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items()]
    return " ".join(["-s -w", *flags, f"-X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES_VERSION}"])


def _kubernetes() -> GoModule:
    names = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"]
    return GoModule(
        "kubernetes", {name: f"k8s.io/kubernetes/cmd/{name}" for name in names}, ldflags=_kubernetes_ldflags()
    )


def _containerd() -> GoModule:
    names = ["containerd", "containerd-shim-runc-v2", "ctr"]
    binaries = {name: f"github.com/containerd/containerd/v2/cmd/{name}" for name in names}
    return GoModule("containerd", binaries, tags="no_btrfs no_devmapper no_zfs")


MODULES = [
    GoModule("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
    _containerd(),
    _kubernetes(),
    GoModule("helm", {"helm": "helm.sh/helm/v3/cmd/helm"}),
    GoModule("registry", {"registry": "github.com/distribution/distribution/v3/cmd/registry"}),
    GoModule("coredns", {"coredns": "github.com/coredns/coredns"}),
    GoModule("metrics-server", {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"}),
    GoModule("local-path-provisioner", {"local-path-provisioner": "github.com/rancher/local-path-provisioner"}),
    GoModule("versitygw", {"versitygw": "github.com/versity/versitygw/cmd/versitygw"}),
    GoModule("pause", {"pause": "."}),
    GoModule("device-plugin", {"device-plugin": "."}),
]
