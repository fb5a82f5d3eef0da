"""Who is calling: only the API server's aggregation layer may, and it says on whose behalf.

It proves itself with a client certificate; see "Configure the Aggregation Layer" in the Kubernetes documentation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"

PeerCertificate = Mapping[str, Any]  # as ssl.SSLSocket.getpeercert() gives it: verified, or empty


@dataclass(frozen=True)
class FrontProxy:
    """What the cluster says about its aggregation layer."""

    ca: str
    allowed_names: tuple[str, ...]  # empty: any certificate of that CA
    username_headers: tuple[str, ...]
    group_headers: tuple[str, ...]
    extra_prefixes: tuple[str, ...]


@dataclass(frozen=True)
class User:
    """On whose behalf a request comes."""

    name: str
    groups: tuple[str, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Unauthenticated(Exception):  # noqa: N818
    """The caller is not the aggregation layer."""


def parse_front_proxy(config_map: Mapping[str, Any]) -> FrontProxy:
    """Read the ConfigMap.

    Raises:
        ValueError: the cluster runs without an aggregation layer.
    """
    data = config_map.get("data") or {}
    ca = data.get("requestheader-client-ca-file", "")
    if not ca:
        raise ValueError(
            "kube-system/extension-apiserver-authentication has no requestheader-client-ca-file: "
            "start kube-apiserver with --requestheader-client-ca-file to have an aggregation layer"
        )

    def names(key: str, default: str) -> tuple[str, ...]:
        return tuple(json.loads(data.get(f"requestheader-{key}") or default))

    return FrontProxy(
        ca=ca,
        allowed_names=names("allowed-names", "[]"),
        username_headers=names("username-headers", '["X-Remote-User"]'),
        group_headers=names("group-headers", '["X-Remote-Group"]'),
        extra_prefixes=names("extra-headers-prefix", '["X-Remote-Extra-"]'),
    )


def authenticate(proxy: FrontProxy, peer: PeerCertificate | None, headers: list[tuple[str, str]]) -> User:
    """The user that the aggregation layer speaks for.

    Raises:
        Unauthenticated: no verified client certificate, a name that is not allowed, or no user in the headers.
    """
    if not peer:
        raise Unauthenticated("only the Kubernetes API server's aggregation layer may call this server: ask it instead")
    common_names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
    if proxy.allowed_names and not set(common_names) & set(proxy.allowed_names):
        raise Unauthenticated(f"the client certificate's name {common_names} is not an allowed front proxy")
    name = next(iter(_values(headers, proxy.username_headers)), "")
    if not name:
        raise Unauthenticated("the front proxy sent no user")
    groups = _values(headers, proxy.group_headers)
    if UNAUTHENTICATED not in groups and AUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return User(name=name, groups=groups, extra=_extra(headers, proxy.extra_prefixes))


def _values(headers: list[tuple[str, str]], names: tuple[str, ...]) -> tuple[str, ...]:
    wanted = {name.lower() for name in names}
    return tuple(value for key, value in headers if key.lower() in wanted)


def _extra(headers: list[tuple[str, str]], prefixes: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in headers:
        for prefix in prefixes:
            if key.lower().startswith(prefix.lower()):
                name = unquote(key[len(prefix) :].lower())
                found[name] = (*found.get(name, ()), value)
    return tuple(sorted(found.items()))
