"""Where everything lies: all state in one ignored folder of the repository, sockets and mount points under /run."""

from dataclasses import dataclass
from pathlib import Path

# Fixed for the whole machine, so that one run finds the remains of another, also of one from another clone.
RUN = Path("/run/slipway-cluster")
RECORD = Path("/run/slipway-cluster.json")
LOCK = Path("/run/slipway-cluster.lock")

# The state folder is bind-mounted here: unix sockets and overlay mounts want short paths, a clone may lie anywhere.
STATE = RUN / "state"
CONTAINERD_SOCKET = RUN / "containerd.sock"
CONTAINERD_STATE = RUN / "containerd"
SHIM_SOCKETS = RUN / "s"

POD_LOGS = STATE / "pod-logs"

# Kubernetes and CNI fix these three; they are removed again if they were not there before.
KUBELET_ROOT = Path("/var/lib/kubelet")
CONTAINER_LOG_LINKS = Path("/var/log/containers")
CNI_CACHE = Path("/var/lib/cni")

REPOSITORY = Path(__file__).resolve().parents[3]
GO_MODULES = REPOSITORY / "tests/cluster/go"
MANIFESTS = REPOSITORY / "tests/cluster/manifests"


@dataclass(frozen=True)
class Layout:
    """The folders of one clone's cluster, below `root` (`.cluster` in the repository)."""

    root: Path = REPOSITORY / ".cluster"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def images(self) -> Path:
        return self.root / "addon-images"

    @property
    def registry(self) -> Path:
        return self.root / "registry"

    @property
    def state(self) -> Path:
        """Everything that a new start throws away."""
        return self.root / "state"

    @property
    def discarded(self) -> Path:
        """State of earlier starts, on its way out."""
        return self.root / "discarded"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def environment(self) -> Path:
        return self.root / "env"

    @property
    def registry_file(self) -> Path:
        return self.root / "registry.json"

    @property
    def s3_file(self) -> Path:
        return self.root / "s3.json"

    @property
    def access_files(self) -> list[Path]:
        """What tells others how to reach the cluster; it must not outlive it."""
        return [self.kubeconfig, self.environment, self.registry_file, self.s3_file]
