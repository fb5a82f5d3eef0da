"""The init container on stores in GCS and Azure, through the one small driver that serving images have for both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.artifacts import build_mlp, write_artifact
from support.azure import ACCOUNT, AzureServer, azure_server
from support.gcs import GcsServer, gcs_server
from support.http_source import Answer, http_source, status

from slipway_contract.digest import sha256_of_file
from slipway_serving import fetch
from slipway_serving.artifact import open_artifact
from slipway_serving.errors import StartupError
from slipway_serving.store import azure_options

PREFIX = "artifacts/" + "ab" * 32
WEIGHTS = bytes(range(256)) * (20 << 12)


@pytest.fixture(scope="module", params=["gs", "az"])
def server(request: pytest.FixtureRequest) -> Iterator[GcsServer | AzureServer]:
    with gcs_server() if request.param == "gs" else azure_server() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store's Secret is mounted; the environment has nothing to fall back to."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setattr(fetch, "PAUSES_SECONDS", (0.0, 0.0))
    return tmp_path / "secrets" / "store"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"labels/en.txt": b"cat\ndog\n", "weights.bin": WEIGHTS}
    write_artifact(tmp_path / "store" / "abc", build_mlp(), extra_files=files)
    return tmp_path / "store" / "abc"


@pytest.fixture
def digest(folder: Path) -> str:
    return sha256_of_file(folder / "manifest.json")


def refusal(uri: str, digest: str, to: Path) -> str:
    with pytest.raises(StartupError) as error:
        fetch.fetch(uri, digest, to)
    assert not (to / "manifest.json").exists()
    return str(error.value)


def test_an_artifact_is_copied(
    server: GcsServer | AzureServer, secret: Path, folder: Path, digest: str, tmp_path: Path
) -> None:
    server.write_secret(secret)
    for file in (path for path in folder.rglob("*") if path.is_file()):
        uri = server.write(f"{PREFIX}/{file.relative_to(folder)}", file.read_bytes())
    to = tmp_path / "artifact"
    root = uri[: uri.index(PREFIX)] + PREFIX
    fetch.fetch(root, digest, to)
    assert open_artifact(to).digest == digest
    assert (to / "labels/en.txt").read_bytes() == b"cat\ndog\n"
    assert (to / "weights.bin").read_bytes() == WEIGHTS
    server.remove(f"{PREFIX}/labels/en.txt")
    missing = refusal(root, digest, tmp_path / "again")
    assert missing.startswith(f"{root}/labels/en.txt does not exist: ")


def test_a_bucket_that_is_not_there(server: GcsServer | AzureServer, secret: Path, digest: str, tmp_path: Path) -> None:
    server.write_secret(secret)
    scheme = "gs" if isinstance(server, GcsServer) else "az"
    assert "manifest.json does not exist" in refusal(f"{scheme}://nobody/abc", digest, tmp_path / "artifact")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (status(401), "may not be read ("),
        (status(403), "may not be read ("),
        (status(503), "could not be read in 3 attempts: "),
    ],
)
@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_what_the_store_says(scheme: str, answer: Answer, says: str, secret: Path, digest: str, tmp_path: Path) -> None:
    secret.mkdir(parents=True)
    with http_source() as store:
        path = "/models/abc%2Fmanifest%2Ejson" if scheme == "gs" else f"/{ACCOUNT}/models/abc/manifest.json"
        endpoint = store.answer(path, answer).partition("/models/")[0]
        (secret / "STORAGE_EMULATOR_HOST").write_text(endpoint)
        account = f"AccountName={ACCOUNT};AccountKey=a2V5;BlobEndpoint={endpoint}"
        (secret / "AZURE_STORAGE_CONNECTION_STRING").write_text(account)
        sentence = refusal(f"{scheme}://models/abc", digest, tmp_path / "artifact")
    assert sentence.startswith(f"{scheme}://models/abc/manifest.json {says}")
    assert "Debug source" not in sentence


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        (
            {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.windows.net"},
            {"account_name": "acme", "account_key": "a2V5==", "endpoint": "https://acme.blob.core.windows.net"},
        ),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": "BlobEndpoint=https://acme.b/;SharedAccessSignature=sv=1&sig=x%3D"},
            {"account_name": "acme", "sas_key": "sv=1&sig=x%3D", "endpoint": "https://acme.b"},
        ),
        (
            {"AZURE_STORAGE_ACCOUNT_NAME": "acme", "AZURE_STORAGE_SAS_TOKEN": "sv=1"},
            {"account_name": "acme", "sas_key": "sv=1"},
        ),
        (
            {f"AZURE_STORAGE_{key}": key for key in ("ACCOUNT_NAME", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")},
            {key.lower(): key for key in ("ACCOUNT_NAME", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")},
        ),
    ],
)
def test_every_way_into_an_account(keys: dict[str, str], options: dict[str, str], secret: Path) -> None:
    secret.mkdir(parents=True)
    for key, value in keys.items():
        (secret / key).write_text(value)
    assert azure_options() == options
