"""`up`, `down` and `status`: the order in which the parts come and go."""

import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from slipway_cluster import (
    addons,
    cgroups,
    containerd,
    control_plane,
    firewall,
    mounts,
    network,
    node,
    registry,
    sysctls,
    teardown,
)
from slipway_cluster.addon_images import AddonImage, build_addon_images
from slipway_cluster.api_server import ApiServer
from slipway_cluster.apt import install_missing
from slipway_cluster.build import build_all
from slipway_cluster.certificates import KeyPair
from slipway_cluster.credentials import Credentials, create_credentials
from slipway_cluster.errors import ClusterError
from slipway_cluster.node_settings import NodeSettings
from slipway_cluster.paths import LOCK, REPOSITORY, RUN, Layout
from slipway_cluster.process import Component, wait_until
from slipway_cluster.progress import elapsed, say, step
from slipway_cluster.readiness import wait_for_all
from slipway_cluster.record import Record, current_boot_id, living_processes, load_record

DEFAULT_GPUS = 8
CONTROL_PLANE_SECONDS = 120.0


def up(layout: Layout, gpus: int | None) -> None:
    """Start the cluster, or wait for the one that runs already; `gpus` None means the default, or what it has."""
    require_root()
    with machine_lock():
        refuse_foreign_cluster()
        record = running_cluster(layout, gpus)
        if record:
            say("the cluster is running already")
            wait_for_all(readiness_of(layout, record), layout, record)
            say("the cluster is ready")
        else:
            clear_remains(layout)
            install_missing(layout)
            build_all(layout)
            images = build_addon_images(layout)
            start_all(layout, DEFAULT_GPUS if gpus is None else gpus, images)
        print_environment(layout)


def down(layout: Layout) -> None:
    require_root()
    with machine_lock():
        refuse_foreign_cluster()
        if not teardown.has_remains():
            say("no cluster is running")
            return
        with step("removing the cluster"):
            teardown.remove_cluster(layout)


def status(layout: Layout) -> bool:
    """Print each component and addon; true if all is well."""
    record = load_record()
    if record is None or record.folder != str(REPOSITORY):
        say("no cluster of this folder is running" if record is None else f"the cluster belongs to {record.folder}")
        return False
    living = living_processes(record)
    states = {name: name in living for name in record.processes}
    states |= {name: is_ready() for name, is_ready in readiness_of(layout, record).items()}
    for name, well in states.items():
        say(f"{'ok     ' if well else 'NOT OK '} {name}")
    return all(states.values())


def require_root() -> None:
    if os.geteuid() != 0:
        raise ClusterError("The bundled cluster mounts, makes network interfaces and runs containers: run it as root.")


@contextmanager
def machine_lock() -> Iterator[None]:
    """One `up` or `down` at a time on this machine; the kernel frees the lock when its holder ends, however it ends."""
    while True:
        with LOCK.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another `up` or `down` on this machine")
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(file, LOCK):
                continue  # the last holder removed it meanwhile: it locks nothing any more
            try:
                yield
            finally:
                LOCK.unlink()
            return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


def refuse_foreign_cluster() -> None:
    """A dead cluster's remains are cleared whoever's they are; a living one of another folder is not ours to end."""
    record = load_record()
    if record is None or record.folder == str(REPOSITORY):
        return
    living = living_processes(record)
    if living:
        raise ClusterError(
            f"A bundled cluster of {record.folder} is running on this machine ({', '.join(living)}). "
            f"One machine takes one: run `make cluster-down` in {record.folder} first."
        )


def running_cluster(layout: Layout, gpus: int | None) -> Record | None:
    """The record of this folder's cluster, if each of its processes still runs and it has the wanted devices."""
    record = load_record()
    if record is None or record.folder != str(REPOSITORY) or not layout.kubeconfig.exists():
        return None
    dead = record.processes.keys() - living_processes(record).keys()
    if dead or not record.complete:
        say(f"not running any more: {', '.join(sorted(dead)) or 'a start that did not end'}; starting anew")
        return None
    if gpus not in {None, record.settings["gpus"]}:
        say(f"the running cluster has {record.settings['gpus']} GPUs, not {gpus}; starting it anew")
        return None
    return record


def clear_remains(layout: Layout) -> None:
    if teardown.has_remains():
        with step("clearing what an earlier cluster left"):
            teardown.undo_machine_changes()
    teardown.discard_state(layout)
    foreign = [folder for folder in teardown.FIXED_FOLDERS[:1] if folder.exists() and any(folder.iterdir())]
    if foreign:
        raise ClusterError(f"{foreign[0]} is in use by another kubelet on this machine.")


def start_all(layout: Layout, gpus: int, images: dict[str, AddonImage]) -> None:
    begun = elapsed()
    settings = NodeSettings(
        layout=layout,
        addresses=network.choose_addresses(network.routed_networks()),
        registry_port=network.free_port(registry.PREFERRED_PORT),
        gpus=gpus,
        nameservers=tuple(network.reachable_nameservers(network.HOST_RESOLV_CONF.read_text())),
    )
    record = prepare_machine(settings)
    credentials = create_credentials(settings)
    api = ApiServer(settings.api_server, credentials.cluster.certificate, credentials.admin)
    with ThreadPoolExecutor(max_workers=1) as background:
        say("starting etcd, the registry, containerd and the API server ...")
        control_plane.start_etcd(settings, credentials, record)
        registry.start(settings, record)
        runtime = containerd.start(settings, images["pause"].reference, record)
        server = control_plane.start_api_server(settings, credentials, record)
        imported = background.submit(import_images, settings, runtime, images)
        wait_until(server, api.is_ready, CONTROL_PLANE_SECONDS)
        say("the API server is ready; starting controller manager, scheduler and kube-proxy ...")
        control_plane.start_controller_manager(settings, credentials, record)
        control_plane.start_scheduler(settings, credentials, record)
        node.start_kube_proxy(settings, credentials, record)
        imported.result()
        start_node_and_addons(settings, credentials, images, record, api)
    say(f"the cluster is ready, {elapsed() - begun:.1f} s after the start of its first process")


def prepare_machine(settings: NodeSettings) -> Record:
    """Record first what will be changed, then change it: whenever this is killed, the next run knows."""
    record = Record(
        folder=str(REPOSITORY),
        boot_id=current_boot_id(),
        sysctls=sysctls.read_all(),
        created_directories=teardown.missing_folders(),
        settings={
            "gpus": settings.gpus,
            "api_server": settings.api_server,
            "registry": settings.registry_address,
        },
    )
    record.save()
    RUN.mkdir(parents=True, exist_ok=True)
    settings.layout.config.mkdir(parents=True)
    settings.layout.logs.mkdir(parents=True, exist_ok=True)
    mounts.mount_state(settings.layout.state)
    cgroups.create()
    sysctls.apply_all(record.sysctls)
    network.create_bridge(settings.addresses)
    firewall.create_rules(settings.addresses)
    return record


def import_images(settings: NodeSettings, runtime: Component, images: dict[str, AddonImage]) -> None:
    wait_until(runtime, lambda: containerd.is_ready(settings), CONTROL_PLANE_SECONDS)
    for image in images.values():
        containerd.import_image(settings, image.archive)
    say("containerd has the addons' images")


def start_node_and_addons(
    settings: NodeSettings,
    credentials: Credentials,
    images: dict[str, AddonImage],
    record: Record,
    api: ApiServer,
) -> None:
    node.start_kubelet(settings, credentials, record)
    keys = addons.new_s3_keys()
    addons.apply(settings, addons.manifests(settings, credentials, images, keys))
    say("kubelet started, addons applied; waiting for the node and the addons ...")
    addons.write_s3_file(settings.layout, api, keys)
    record.complete = True
    record.save()
    wait_for_all(addons.readiness(api, settings.gpus), settings.layout, record)


def readiness_of(layout: Layout, record: Record) -> dict[str, Callable[[], bool]]:
    return addons.readiness(api_server_of(layout, record), int(record.settings["gpus"]))


def api_server_of(layout: Layout, record: Record) -> ApiServer:
    """The running cluster's API server, as an administrator sees it."""
    pki = layout.pki
    return ApiServer(str(record.settings["api_server"]), pki / "ca.crt", KeyPair(pki / "admin.crt", pki / "admin.key"))


def print_environment(layout: Layout) -> None:
    lines = [f"export KUBECONFIG={layout.kubeconfig}", f'export PATH="{layout.bin}:$PATH"']
    layout.environment.write_text("\n".join(lines) + "\n")
    say(f"kubectl and helm are in {layout.bin}; to use them (also: `. {layout.environment}`):")
    for line in lines:
        say(f"    {line}")
