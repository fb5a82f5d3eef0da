"""How often and how long: until several tries in a row brought nothing."""

import pytest

from slipway_optimizer.sources.patience import Patience


def fail_always(patience: Patience, brings_bytes_at: int) -> None:
    for number, attempt in enumerate(patience.attempts(), 1):
        with attempt:
            if number == brings_bytes_at:
                patience.encourage()
            raise ConnectionError


def test_pauses_grow_until_patience_is_over_and_bytes_begin_it_anew(monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with pytest.raises(ConnectionError):
        fail_always(Patience(), brings_bytes_at=3)
    assert pauses == [0.5, 1.0, 0.5, 1.0, 2.0, 4.0, 8.0]
