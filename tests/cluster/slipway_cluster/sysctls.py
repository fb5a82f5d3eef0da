"""Kernel settings that the node needs, and those that the kubelet changes by itself: noted before, put back after."""

from collections.abc import Iterable
from pathlib import Path

from slipway_cluster.errors import ClusterError
from slipway_cluster.run import succeeds

PROC = Path("/proc/sys")
WANTED = {
    "net.ipv4.ip_forward": 1,
    "net.bridge.bridge-nf-call-iptables": 1,  # else replies between two pods bypass the Service's translation
}
AT_LEAST = {
    "fs.inotify.max_user_instances": 1024,
    "fs.inotify.max_user_watches": 524288,
}
CHANGED_BY_KUBELET = (
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
)


def read_all() -> dict[str, str]:
    """Present values of all that the cluster may change."""
    _load_bridge_filter()
    return {name: _file(name).read_text().strip() for name in _present((*WANTED, *AT_LEAST, *CHANGED_BY_KUBELET))}


def apply_all(present: dict[str, str]) -> None:
    for name in WANTED.keys() - present.keys():
        raise ClusterError(f"The kernel has no {name}; load its module (for net.bridge: `modprobe br_netfilter`).")
    for name, value in WANTED.items():
        _file(name).write_text(str(value))
    for name, least in AT_LEAST.items():
        if int(present.get(name, least)) < least:
            _file(name).write_text(str(least))


def restore(values: dict[str, str]) -> None:
    for name in _present(values):
        if _file(name).read_text().strip() != values[name]:
            _file(name).write_text(values[name])


def _load_bridge_filter() -> None:
    if not _file("net.bridge.bridge-nf-call-iptables").exists():
        succeeds("/sbin/modprobe", "br_netfilter")


def _present(names: Iterable[str]) -> list[str]:
    return [name for name in names if _file(name).exists()]


def _file(name: str) -> Path:
    # bridge-nf-call-iptables has no dot of its own, so every dot is a folder
    return PROC / name.replace(".", "/")
