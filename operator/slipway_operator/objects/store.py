"""Where the artifact store is: as a URI in the status, as a path or URI inside a pod."""

from slipway_contract.digest import hex_of
from slipway_operator.api.v1alpha1 import ModelDeployment
from slipway_operator.objects.names import claim_name

PVC_SCHEME = "pvc://"
STORE_PATH = "/store"


def store_root(parent: ModelDeployment) -> str:
    """The store's URI, without a slash at its end."""
    store = parent.spec.store
    return store.uri.rstrip("/") if store else PVC_SCHEME + claim_name(str(parent.metadata["name"]))


def artifact_uri(parent: ModelDeployment, recipe_digest: str) -> str:
    return f"{store_root(parent)}/{hex_of(recipe_digest)}"


def claim_of(uri: str) -> str | None:
    """The PersistentVolumeClaim that a pvc:// URI names."""
    return uri.removeprefix(PVC_SCHEME).split("/")[0] if uri.startswith(PVC_SCHEME) else None


def path_in_pod(uri: str) -> str:
    """What a container is told for a URI in the store: a path below the mounted claim, or the URI itself."""
    claim = claim_of(uri)
    return uri if claim is None else STORE_PATH + uri.removeprefix(PVC_SCHEME + claim)
