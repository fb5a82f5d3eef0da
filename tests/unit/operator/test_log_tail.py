"""Log lines end up in a status that many may read: nothing that opens a door is among them."""

import pytest

from slipway_operator.stages.log_tail import TAIL_CHARACTERS, last_progress, readable_tail, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://alice:hunter2@example.com/a", "https://…@example.com/a"),
        ("s3://b/k?X-Amz-Credential=AB/2026&X-Amz-Signature=ab12&v=1", "s3://b/k?…"),
        ("X-Amz-Credential=AB/2026&X-Amz-Signature=ab12&v=1", "X-Amz-Credential=…&X-Amz-Signature=…&v=1"),
        (
            "GET https://a.blob.core.windows.net/models/net.pth?sv=2026&sig=ab%2B12",
            "GET https://a.blob.core.windows.net/models/net.pth?…",
        ),
        ("AWS_SECRET_ACCESS_KEY=abc/def", "AWS_SECRET_ACCESS_KEY=…"),
        ('{"aws_session_token": "abc", "x": 1}', '{"aws_session_token": "…", "x": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("key AKIAIOSFODNN7EXAMPLE was refused", "key … was refused"),
        ("KeyError: 'logits'", "KeyError: 'logits'"),
        ("tokenizer: tokenizer.json", "tokenizer: tokenizer.json"),
        ("set secretRef: {name: models-s3}", "set secretRef: {name: models-s3}"),
    ],
)
def test_credentials_are_not_shown(text, shown):
    assert redact(text) == shown


def test_a_tail_starts_with_a_whole_line_and_is_bounded():
    tail = readable_tail("\n".join(f"line {number} {'x' * 150}" for number in range(20)))
    assert tail.startswith("line ")
    assert tail.splitlines()[-1].startswith("line 19")
    assert len(tail) <= TAIL_CHARACTERS


def test_one_endless_line_is_cut():
    assert len(readable_tail("x" * 10_000)) == TAIL_CHARACTERS


def test_what_was_said_already_is_not_said_again():
    log = "Traceback (most recent call last):\n    ^^^^\nslipway.UserError: no such file\n"
    assert readable_tail(log, without="no such file") == "Traceback (most recent call last):"


@pytest.mark.parametrize(
    "log",
    [
        "",
        "{broken",
        "[1]",
        '{"event": "other"}',
        "plain",
        '{"event": "progress"}',
        '{"event": "progress", "stage": "Load", "percent": "half"}',
        '{"event": "progress", "stage": "Load", "percent": 101}',
        '{"event": "progress", "stage": {"a": 1}, "percent": 1}',
        '{"event": "progress", "stage": "Load", "percent": ' + "9" * 5000 + "}",
        '{"a":' * 20_000,
    ],
)
def test_a_log_without_progress_has_none(log):
    assert last_progress(log) is None


def test_the_last_line_that_is_progress_counts():
    """The model's own code prints into the same log."""
    log = (
        '{"event": "progress", "stage": "Fetch", "percent": 7, "message": "https://u:p@example.com/x"}\n'
        '{"event": "progress", "stage": "Mine", "percent": 7.5}\n'
        "epoch 3\n"
    )
    progress = last_progress(log)
    assert progress is not None
    assert (progress.stage, progress.percent, progress.message) == ("Fetch", 7, "https://…@example.com/x")
