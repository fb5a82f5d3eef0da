"""Images of the addons: one static binary on nothing, written as an OCI archive that containerd imports."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway_cluster.apt import static_busybox
from slipway_cluster.node_settings import REGISTRY_NAME
from slipway_cluster.paths import Layout

GO_IMAGES = ("pause", "coredns", "metrics-server", "local-path-provisioner", "versitygw", "device-plugin")
NAMES = (*GO_IMAGES, "busybox")
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class AddonImage:
    """A reference that pods name, and the archive that holds it."""

    name: str
    reference: str
    archive: Path


def build_addon_images(layout: Layout) -> dict[str, AddonImage]:
    layout.images.mkdir(parents=True, exist_ok=True)
    images = [_build(name, layout.bin / name, layout, _go_layer) for name in GO_IMAGES]
    images.append(_build("busybox", static_busybox(layout), layout, _busybox_layer))
    return {image.name: image for image in images}


def _build(name: str, binary: Path, layout: Layout, layer_of: Callable[[Path], bytes]) -> AddonImage:
    """The tag says what is in it, so an archive that is there already is right."""
    with binary.open("rb") as content:
        tag = hashlib.file_digest(content, "sha256").hexdigest()[:12]
    archive = layout.images / f"{name}-{tag}.tar"
    image = AddonImage(name, f"{REGISTRY_NAME}/cluster/{name}:{tag}", archive)
    if not archive.exists():
        for old in layout.images.glob(f"{name}-????????????.tar"):
            old.unlink()
        entrypoint = [] if name == "busybox" else [f"/{name}"]
        draft = archive.with_suffix(".new")
        draft.write_bytes(oci_archive(image.reference, layer_of(binary), entrypoint))
        draft.replace(archive)
    return image


def oci_archive(reference: str, layer: bytes, entrypoint: list[str]) -> bytes:
    """An OCI image layout with one image of one layer, as a tar."""
    blobs: dict[str, bytes] = {}

    def describe(media_type: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=/bin:/"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": describe(CONFIG_TYPE, _json(config)),
        # Fast, weak compression: the archive never leaves this machine.
        "layers": [describe(LAYER_TYPE, gzip.compress(layer, compresslevel=1, mtime=0))],
    }
    named = describe(MANIFEST_TYPE, _json(manifest)) | {"annotations": {"io.containerd.image.name": reference}}
    index = {"schemaVersion": 2, "manifests": [named]}
    return _tar({"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)} | blobs)


def _go_layer(binary: Path) -> bytes:
    return _tar({binary.name: binary.read_bytes()}, mode=0o755)


def _busybox_layer(binary: Path) -> bytes:
    applets = subprocess.run([binary, "--list"], check=True, capture_output=True, text=True).stdout.split()
    return _tar(
        {"bin/busybox": binary.read_bytes()},
        mode=0o755,
        links={f"bin/{applet}": "busybox" for applet in applets if applet != "busybox"},
    )


def _tar(files: dict[str, bytes], mode: int = 0o644, links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(entry)
    return buffer.getvalue()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()
