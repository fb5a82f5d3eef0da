"""What runs in the cluster beside Kubernetes: their manifests, filled in, and when each of them is ready."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from slipway_cluster.addon_images import AddonImage
from slipway_cluster.api_server import ApiServer
from slipway_cluster.credentials import Credentials
from slipway_cluster.node_settings import CLUSTER_DOMAIN, NODE_NAME, NodeSettings
from slipway_cluster.paths import MANIFESTS, STATE, Layout
from slipway_cluster.run import run

GPU = "nvidia.com/gpu"
BUCKET = "models"
S3_PORT = 7070


@dataclass(frozen=True)
class S3Keys:
    """Credentials of the object store, random at each start."""

    access_key: str
    secret_key: str


def new_s3_keys() -> S3Keys:
    return S3Keys(f"AK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))


def corefile(nameservers: tuple[str, ...]) -> str:
    """CoreDNS's configuration; without a nameserver that pods can reach, it answers for the cluster only."""
    lines = [
        ".:53 {",
        "    errors",
        "    health :8080",
        "    ready :8181",
        f"    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{",
        "        pods insecure",
        "        fallthrough in-addr.arpa ip6.arpa",
        "        ttl 5",
        "    }",
        *([f"    forward . {' '.join(nameservers)}"] if nameservers else []),
        "    cache 5",
        "    loop",
        "    reload",
        "}",
    ]
    return "\n".join(lines) + "\n"


def manifests(settings: NodeSettings, credentials: Credentials, images: Mapping[str, AddonImage], keys: S3Keys) -> str:
    """All addons as one YAML stream."""
    values = {
        "dns_address": settings.addresses.dns,
        "corefile": _indent(corefile(settings.nameservers), 4),
        "gpus": str(settings.gpus),
        "volumes": str(STATE / "volumes"),
        "bucket": BUCKET,
        "access_key": keys.access_key,
        "secret_key": keys.secret_key,
        "authority": _encoded(credentials.cluster.certificate.read_bytes()),
        "metrics_certificate": _encoded(credentials.metrics_server.certificate.read_bytes()),
        "metrics_key": _encoded(credentials.metrics_server.key.read_bytes()),
        **{f"image_{name.replace('-', '_')}": image.reference for name, image in images.items()},
    }
    texts = [Template(file.read_text()).substitute(values) for file in sorted(MANIFESTS.glob("*.yaml"))]
    return "\n---\n".join(texts)


def apply(settings: NodeSettings, text: str) -> None:
    kubectl = [str(settings.layout.bin / "kubectl"), f"--kubeconfig={settings.layout.kubeconfig}"]
    run(*kubectl, "apply", "--server-side", "--force-conflicts", "--validate=false", "-f", "-", stdin=text)


def readiness(api: ApiServer, gpus: int) -> dict[str, Callable[[], bool]]:
    """What has to be true before the cluster is ready, by name."""
    apps = "/apis/apps/v1/namespaces"
    return {
        "node": lambda: has_condition(api.get(f"/api/v1/nodes/{NODE_NAME}"), "Ready"),
        "CoreDNS": lambda: has_condition(api.get(f"{apps}/kube-system/deployments/coredns"), "Available"),
        "local-path provisioner": lambda: has_condition(
            api.get(f"{apps}/local-path-storage/deployments/local-path-provisioner"), "Available"
        ),
        f"{gpus} {GPU} devices": lambda: allocatable_gpus(api.get(f"/api/v1/nodes/{NODE_NAME}")) == gpus,
        "object store": lambda: has_condition(api.get(f"{apps}/object-store/deployments/s3"), "Available"),
        "metrics-server": lambda: has_condition(
            api.get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"), "Available"
        ),
    }


def has_condition(content: dict[str, Any] | None, condition: str) -> bool:
    conditions = (content or {}).get("status", {}).get("conditions", [])
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


def allocatable_gpus(node: dict[str, Any] | None) -> int:
    return int((node or {}).get("status", {}).get("allocatable", {}).get(GPU, -1))


def write_s3_file(layout: Layout, api: ApiServer, keys: S3Keys) -> None:
    service = api.get("/api/v1/namespaces/object-store/services/s3") or {}
    content = {
        "endpoint": f"http://s3.object-store.svc:{S3_PORT}",
        "hostEndpoint": f"http://{service['spec']['clusterIP']}:{S3_PORT}",
        "accessKey": keys.access_key,
        "secretKey": keys.secret_key,
        "bucket": BUCKET,
    }
    file = layout.s3_file
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(content, indent=2) + "\n")


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _indent(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}" for line in text.splitlines(keepends=True)).lstrip()
