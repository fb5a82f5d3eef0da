"""Flags, and the environment as their default."""

import pytest

from slipway_operator.options import parse_options

IMAGES = [
    "--optimizer-image-cpu",
    "o",
    "--optimizer-image-gpu",
    "og",
    "--serving-image-cpu",
    "c",
    "--serving-image-gpu",
    "g",
]


def test_defaults() -> None:
    options = parse_options(IMAGES, {})

    assert options.namespaces == ()
    assert options.settings.artifact_access_modes == ("ReadWriteOnce",)
    assert options.settings.artifact_storage_class is None
    assert (options.http_port, options.log_level) == (8081, "info")
    assert not options.settings.allow_pickle


def test_pickle_has_to_be_allowed() -> None:
    assert parse_options([*IMAGES, "--allow-pickle"], {}).settings.allow_pickle


def test_what_may_be_repeated() -> None:
    options = parse_options(
        [*IMAGES, "--namespace", "a", "--namespace", "b", "--artifact-access-mode", "ReadWriteMany"], {}
    )

    assert options.namespaces == ("a", "b")
    assert options.settings.artifact_access_modes == ("ReadWriteMany",)


def test_the_environment_is_the_default_and_a_flag_replaces_it() -> None:
    environment = {
        "SLIPWAY_OPTIMIZER_IMAGE_CPU": "o",
        "SLIPWAY_OPTIMIZER_IMAGE_GPU": "og",
        "SLIPWAY_ALLOW_PICKLE": "true",
        "SLIPWAY_SERVING_IMAGE_CPU": "c",
        "SLIPWAY_SERVING_IMAGE_GPU": "g",
        "SLIPWAY_NAMESPACE": "a,b",
        "SLIPWAY_HTTP_PORT": "9000",
    }

    assert parse_options([], environment).namespaces == ("a", "b")
    assert parse_options([], environment).http_port == 9000
    assert parse_options([], environment).settings.allow_pickle
    assert parse_options(["--namespace", "c", "--namespace", "d"], environment).namespaces == ("c", "d")


def test_the_images_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options([], {})

    assert "--optimizer-image-cpu" in capsys.readouterr().err


def test_the_identity_is_the_pod() -> None:
    assert parse_options(IMAGES, {"POD_NAME": "p", "POD_UID": "u"}).identity == "p_u"
    assert parse_options(IMAGES, {}).identity != parse_options(IMAGES, {}).identity
