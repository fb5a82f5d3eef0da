import pytest

from slipway_serving.errors import StartupError
from slipway_serving.settings import Settings, parse_duration, read_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({"SLIPWAY_BATCH_MAX_SIZE": "", "SLIPWAY_MODEL_NAME": ""}) == Settings()


def test_every_variable_is_read() -> None:
    assert read_settings(
        {
            "SLIPWAY_MODEL_NAME": "lite0",
            "SLIPWAY_BATCH_MAX_SIZE": "32",
            "SLIPWAY_BATCH_MAX_DELAY": "5ms",
            "SLIPWAY_QUEUE_SIZE": "7",
            "SLIPWAY_INTRA_OP_THREADS": "2",
            "SLIPWAY_EXPECTED_ACCELERATOR": "nvidia.com/gpu",
            "SLIPWAY_MAX_REQUEST_BYTES": "1000",
            "SLIPWAY_DRAIN_DELAY": "1m30s",
            "SLIPWAY_DRAIN_TIMEOUT": "10s",
        }
    ) == Settings(
        model_name="lite0",
        batch_max_size=32,
        batch_max_delay=0.005,
        queue_size=7,
        intra_op_threads=2,
        expected_accelerator="nvidia.com/gpu",
        max_request_bytes=1000,
        drain_delay=90.0,
        drain_timeout=10.0,
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("2ms", 0.002), ("500us", 0.0005), ("1.5s", 1.5), ("1m30s", 90.0), ("1h", 3600.0)],
)
def test_durations_are_written_as_kubernetes_writes_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "2", "ms", "-2ms", "2 ms", "2msx", "1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SLIPWAY_BATCH_MAX_SIZE", "0", "SLIPWAY_BATCH_MAX_SIZE must be a whole number of at least 1, not '0'"),
        ("SLIPWAY_QUEUE_SIZE", "many", "SLIPWAY_QUEUE_SIZE must be a whole number of at least 1, not 'many'"),
        ("SLIPWAY_INTRA_OP_THREADS", "-1", "SLIPWAY_INTRA_OP_THREADS must be a whole number of at least 0, not '-1'"),
        ("SLIPWAY_BATCH_MAX_DELAY", "soon", "SLIPWAY_BATCH_MAX_DELAY must be a duration such as 2ms or 3s, not 'soon'"),
        ("SLIPWAY_ACCESS_LOG", "1.1", "SLIPWAY_ACCESS_LOG must be a number from 0 to 1, not '1.1'"),
        ("SLIPWAY_ACCESS_LOG", "yes", "SLIPWAY_ACCESS_LOG must be a number from 0 to 1, not 'yes'"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, sentence: str) -> None:
    with pytest.raises(StartupError) as refusal:
        read_settings({name: value})
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(("text", "share"), [("0", 0.0), ("0.01", 0.01), (".5", 0.5), ("1", 1.0)])
def test_a_share_is_a_number_from_0_to_1(text: str, share: float) -> None:
    assert read_settings({"SLIPWAY_ACCESS_LOG": text}).access_log == share
