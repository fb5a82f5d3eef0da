"""Volumes of claims, Secrets and scratch space, each with the place where it is mounted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slipway_operator.api.v1alpha1 import ModelDeployment, Source
from slipway_operator.objects.store import STORE_PATH, claim_of, store_root

SECRETS_PATH = "/var/run/secrets/slipway"
SOURCES_PATH = "/sources"


@dataclass(frozen=True)
class Mounted:
    """A volume and its mount."""

    volume: dict[str, Any]
    mount: dict[str, Any]


def volumes(mounted: Iterable[Mounted]) -> list[dict[str, Any]]:
    """The volumes, each once."""
    return list({item.volume["name"]: item.volume for item in mounted}.values())


def mounts(mounted: Iterable[Mounted]) -> list[dict[str, Any]]:
    return [item.mount for item in mounted]


def scratch(size_limit: str | None = None) -> Mounted:
    empty_dir = {"sizeLimit": size_limit} if size_limit else {}
    return Mounted({"name": "tmp", "emptyDir": empty_dir}, {"name": "tmp", "mountPath": "/tmp"})  # noqa: S108


def store_volumes(parent: ModelDeployment, *, read_only: bool) -> list[Mounted]:
    """The store's claim, or the Secret that opens it."""
    store = parent.spec.store
    if claim := claim_of(store_root(parent)):
        return [_claim("store", claim, STORE_PATH, read_only=read_only)]
    return [_secret("store", store.secret_ref.name)] if store and store.secret_ref else []


def source_volumes(parent: ModelDeployment) -> list[Mounted]:
    """Claims at /sources/CLAIM, each once, and the Secrets of the sources."""
    sources = _sources(parent)
    claims = sorted({claim for source in sources.values() if (claim := claim_of(source.uri))})
    return [
        *(
            _claim(f"source-claim-{index}", claim, f"{SOURCES_PATH}/{claim}", read_only=True)
            for index, claim in enumerate(claims)
        ),
        *(_secret(role, source.secret_ref.name) for role, source in sources.items() if source.secret_ref),
    ]


def _sources(parent: ModelDeployment) -> dict[str, Source]:
    """The URIs that the optimizer reads, by the folder of their credentials."""
    spec = parent.spec
    sources = {"source": spec.model.source, "code": spec.model.code, "data": spec.optimize.evaluate.data}
    return {role: source for role, source in sources.items() if source is not None}


def _claim(name: str, claim: str, path: str, *, read_only: bool) -> Mounted:
    mount: dict[str, Any] = {"name": name, "mountPath": path}
    if read_only:
        mount["readOnly"] = True
    return Mounted({"name": name, "persistentVolumeClaim": {"claimName": claim}}, mount)


def _secret(role: str, secret: str) -> Mounted:
    name = f"secret-{role}"
    return Mounted(
        {"name": name, "secret": {"secretName": secret}},
        {"name": name, "mountPath": f"{SECRETS_PATH}/{role}", "readOnly": True},
    )
