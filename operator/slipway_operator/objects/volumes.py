"""Volumes of claims, Secrets and scratch space, each with the place where it is mounted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slipway_contract.source_ids import source_fields
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
        *(_secret(field, source.secret_ref.name) for field, source in sources.items() if source.secret_ref),
    ]


def _sources(parent: ModelDeployment) -> dict[str, Source]:
    """Every URI that the optimizer reads, by its field's path, which is the folder of its credentials."""
    spec = parent.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {field: Source.model_validate(source) for field, source in source_fields(spec).items()}


def _claim(name: str, claim: str, path: str, *, read_only: bool) -> Mounted:
    mount: dict[str, Any] = {"name": name, "mountPath": path}
    if read_only:
        mount["readOnly"] = True
    return Mounted({"name": name, "persistentVolumeClaim": {"claimName": claim}}, mount)


def _secret(folder: str, secret: str) -> Mounted:
    # The name of a volume is a DNS label.
    name = f"secret-{re.sub('[A-Z]', lambda letter: f'-{letter[0].lower()}', folder).replace('.', '-')}"
    return Mounted(
        {"name": name, "secret": {"secretName": secret}},
        {"name": name, "mountPath": f"{SECRETS_PATH}/{folder}", "readOnly": True},
    )
