"""A place where a file is fetched from."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from slipway_optimizer.spec.base import SpecModel


def _bare_hex(value: Any) -> Any:
    return value.removeprefix("sha256:").lower() if isinstance(value, str) else value


Sha256 = Annotated[str, BeforeValidator(_bare_hex), StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Source(SpecModel):
    uri: str = Field(min_length=1)
    sha256: Sha256 | None = None
    secret_ref: dict[str, Any] | None = None
