"""The container runtime: containerd with the Debian runc and CNI plugins, all its state below the cluster's folders."""

from pathlib import Path

from slipway_cluster import network, process
from slipway_cluster.errors import ClusterError
from slipway_cluster.node_settings import NodeSettings
from slipway_cluster.paths import CONTAINERD_SOCKET, CONTAINERD_STATE, RUN, SHIM_SOCKETS, STATE
from slipway_cluster.record import Record
from slipway_cluster.run import run, succeeds

CNI_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin")

CONFIGURATION = """\
version = 4
root = '{state}/containerd'
state = '{containerd_state}'
imports = []

[plugins.'io.containerd.server.v1.grpc']
  address = '{socket}'
[plugins.'io.containerd.server.v1.ttrpc']
  address = '{socket}.ttrpc'
[plugins.'io.containerd.internal.v1.opt']
  path = '{state}/opt'
[plugins.'io.containerd.shim.v1.manager']
  socket_dir = '{shim_sockets}'
[plugins.'io.containerd.nri.v1.nri']
  disable = true

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '{pause_image}'
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = '{registries}'

[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE, runc may not lower oom_score_adj, and no sandbox would start.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  cdi_spec_dirs = []
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = '{run}/runc'
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['{cni_binaries}']
    conf_dir = '{cni_configuration}'
    use_internal_loopback = true
"""


def start(settings: NodeSettings, pause_image: str, record: Record) -> process.Component:
    config = settings.layout.config
    cni, registries = config / "cni", config / "registries"
    cni.mkdir(parents=True)
    conflist = network.cni_configuration(settings.addresses, STATE / "cni", network.smallest_mtu())
    (cni / "10-slipway.conflist").write_text(conflist)
    _write_registry_hosts(registries, settings)
    file = config / "containerd.toml"
    file.write_text(
        CONFIGURATION.format(
            run=RUN,
            state=STATE,
            containerd_state=CONTAINERD_STATE,
            socket=CONTAINERD_SOCKET,
            shim_sockets=SHIM_SOCKETS,
            pause_image=pause_image,
            registries=registries,
            cni_binaries=_cni_folder(),
            cni_configuration=cni,
        )
    )
    argv = [str(settings.layout.bin / "containerd"), "--config", str(file)]
    return process.start("containerd", argv, settings.layout.logs, record)


def is_ready(settings: NodeSettings) -> bool:
    return CONTAINERD_SOCKET.exists() and succeeds(*_ctr(settings), "version")


def import_image(settings: NodeSettings, archive: Path) -> None:
    run(*_ctr(settings), "--namespace", "k8s.io", "images", "import", "--local", archive)


def _ctr(settings: NodeSettings) -> list[str]:
    return [str(settings.layout.bin / "ctr"), "--address", str(CONTAINERD_SOCKET)]


def _write_registry_hosts(folder: Path, settings: NodeSettings) -> None:
    """Map the registry's fixed name to where it listens, so that image references look alike on every machine."""
    host = folder / settings.registry_name
    host.mkdir(parents=True)
    url = f"http://{settings.registry_address}"
    (host / "hosts.toml").write_text(f'server = "{url}"\n\n[host."{url}"]\n  capabilities = ["pull", "resolve"]\n')


def _cni_folder() -> str:
    for folder in CNI_FOLDERS:
        if (Path(folder) / "bridge").exists():
            return folder
    raise ClusterError(f"No CNI bridge plugin in {' or '.join(CNI_FOLDERS)}.")
