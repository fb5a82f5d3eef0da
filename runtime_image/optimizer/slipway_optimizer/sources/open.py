"""From a source's URI to its origin: one driver a scheme, imported only when it is used."""

from importlib import import_module
from typing import Final

from slipway_optimizer import reasons
from slipway_optimizer.credentials import Credentials
from slipway_optimizer.errors import UserError, first_line
from slipway_optimizer.sources.disk_origin import DiskOrigin
from slipway_optimizer.sources.origin import Origin
from slipway_optimizer.sources.uri import BUCKETS, DISK, parse_uri

_ORIGINS: Final = {
    **dict.fromkeys(BUCKETS, ("bucket_origin", "BucketOrigin")),
    **dict.fromkeys(("http", "https"), ("http_origin", "HttpOrigin")),
    "hf": ("hub_origin", "HubOrigin"),
    "oci": ("registry_origin", "RegistryOrigin"),
}


def open_origin(uri: str, field: str) -> Origin:
    """The origin of a URI; credentials come from the Secret mounted for the source's field.

    Raises:
        UserError: the URI names nothing, or what the Secret holds is not what it should be.
    """
    parsed = parse_uri(uri)
    if parsed.scheme in DISK:
        return DiskOrigin(parsed)
    module, name = _ORIGINS[parsed.scheme]
    kind = getattr(import_module(f"slipway_optimizer.sources.{module}"), name)
    try:
        origin: Origin = kind(parsed, Credentials(field))
    except ValueError as error:
        message = f"What the Secret for {field} holds cannot be used for {uri} ({first_line(error)}): correct its keys."
        raise UserError(reasons.SOURCE_ACCESS_DENIED, message) from error
    return origin
