"""A real OCI registry on loopback: the one that the bundled cluster runs, over a temporary folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from oras.client import OrasClient
from support.local_server import free_port, program, running

USER = "slipway"
PASSWORD = "slipway-secret"  # noqa: S105  the server lives as long as its test
HTPASSWD = f"{USER}:$2b$04$9CynYNGHg0ys5lJ2mt0a9uuHKd/soAJBKY1.K1yWd/xRvpYRlIBuC\n"


@dataclass(frozen=True)
class Registry:
    """Its address, as the part of a reference before the first slash."""

    address: str

    def push(self, repository: str, files: Sequence[Path], tag: str = "v1", *, login: bool = False) -> str:
        """Push files as one artifact, a layer each with its name as the title; returns the manifest's digest."""
        client: Any = OrasClient(insecure=True, auth_backend="basic" if login else "token")
        if login:
            client.auth.set_basic_auth(USER, PASSWORD)
        response = client.push(
            f"{self.address}/{repository}:{tag}",
            files=[str(file) for file in files],
            disable_path_validation=True,
            quiet=True,
        )
        return str(response.headers["Docker-Content-Digest"])


@contextmanager
def registry(folder: Path, *, login: bool = False) -> Iterator[Registry]:
    """Start the server; with `login` it wants a password."""
    port = free_port()
    config = folder / "registry.yaml"
    config.write_text(yaml.safe_dump(_configuration(folder, port, login=login)))
    argv = [str(program("registry")), "serve", str(config)]
    with running(argv, port, folder / "registry.log", {"OTEL_TRACES_EXPORTER": "none"}):
        yield Registry(f"127.0.0.1:{port}")


def _configuration(folder: Path, port: int, *, login: bool) -> dict[str, Any]:
    content: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if login:
        (folder / "htpasswd").write_text(HTPASSWD)
        content["auth"] = {"htpasswd": {"realm": "models", "path": str(folder / "htpasswd")}}
    return content
