"""Credentials: from a source's own Secret, else from the environment; and the page that lists the keys is complete."""

import re
from pathlib import Path

import slipway_optimizer
from slipway_optimizer.credentials import Credentials, azure_options, gcs_options, s3_options

FIELD = "model.source"


def mounted(tmp_path, monkeypatch, **keys):
    monkeypatch.setenv("SLIPWAY_SECRETS_DIR", str(tmp_path))
    (tmp_path / FIELD).mkdir()
    for key, value in keys.items():
        (tmp_path / FIELD / key).write_text(value)
    return Credentials(FIELD)


def test_the_secret_comes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = s3_options(mounted(tmp_path, monkeypatch, AWS_ACCESS_KEY_ID="mine\n", AWS_REGION=""))
    assert (options["key"], options["secret"]) == ("mine", "secret")
    assert options["client_kwargs"] == {}


def test_a_key_file_is_used_where_it_is_mounted_or_where_the_environment_says(tmp_path, monkeypatch):
    own_key = "/home/me/key.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", own_key)
    assert gcs_options(Credentials("elsewhere"))["token"] == own_key
    secret = mounted(tmp_path, monkeypatch, GOOGLE_APPLICATION_CREDENTIALS="{}")
    assert gcs_options(secret)["token"] == str(tmp_path / FIELD / "GOOGLE_APPLICATION_CREDENTIALS")


def test_an_endpoint_alone_is_asked_anonymously(tmp_path, monkeypatch):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    secret = mounted(tmp_path, monkeypatch, STORAGE_EMULATOR_HOST="http://gcs:4443")
    assert gcs_options(secret) == {"endpoint_url": "http://gcs:4443", "token": "anon"}


def test_only_what_is_given_reaches_azure_s_driver(tmp_path, monkeypatch):
    keys = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_SAS_TOKEN": "signature"}
    assert azure_options(mounted(tmp_path, monkeypatch, **keys)) == {
        "account_name": "account",
        "sas_token": "signature",
    }


def test_the_page_about_sources_names_every_key():
    package = Path(slipway_optimizer.__file__).parent
    code = "".join(path.read_text() for path in [package / "credentials.py", *(package / "sources").glob("*.py")])
    read = set(re.findall(r'(?:credentials\.(?:get|path)|_keys)\("([.A-Za-z_]+)"\)', code))
    page = (Path(__file__).parents[3] / "examples/sources.md").read_text()
    table = page.partition("## Credentials")[2].partition("##")[0]
    named = set(re.findall(r"`((?:[A-Z]+_[A-Z_]+)|\.dockerconfigjson)(?:: \"true\")?`", table))
    assert named == read
