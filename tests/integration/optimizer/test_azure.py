"""What is Azure's own: its connection strings."""

import pytest
from support.azure import CONTAINER
from support.fetching import failure, mount_secrets

from slipway_optimizer.errors import JobError
from slipway_optimizer.stores import open_store


def test_a_secret_that_holds_something_else(tmp_path, monkeypatch):
    folder = mount_secrets(monkeypatch, tmp_path / "secrets")
    for mount in (folder, tmp_path / "secrets" / "store"):
        mount.mkdir(parents=True)
        (mount / "AZURE_STORAGE_CONNECTION_STRING").write_text("https://account")
    assert failure(f"az://{CONTAINER}/net.pth", tmp_path).reason == "SourceAccessDenied"
    with pytest.raises(JobError) as caught:
        open_store(f"az://{CONTAINER}/artifacts")
    assert caught.value.reason == "StoreAccessDenied"
