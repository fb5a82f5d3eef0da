"""Which form of a graph a Job serves, said by the test: by itself a Job takes what the machine runs faster just now."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from slipway_optimizer.graph import settle

AS_EXPORTED = settle.OWN
REWRITTEN = "Offline"


@contextmanager
def served_form(name: str) -> Iterator[None]:
    """Jobs in this process serve this form, whatever was measured; it has to be one that took part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle, "choose_form", lambda figures: next(form for form in figures if form == name))
        yield
