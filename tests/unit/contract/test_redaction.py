import pytest

from slipway_contract.redaction import shown_uri, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "https://me:secret@host/net.pth does not exist: check the name.",
            "https://…@host/net.pth does not exist: check the name.",
        ),
        ("at https://token@host/net.pth", "at https://…@host/net.pth"),
        (
            "https://host/net.pth?X-Amz-Credential=me%2Fs3&X-Amz-Signature=abc could not be read",
            "https://host/net.pth?… could not be read",
        ),
        ("403 for url: https://cdn/ab/cd?sig=a/b+c==&se=2", "403 for url: https://cdn/ab/cd?…"),
        (
            "Max retries exceeded with url: /net.pth?sig=abc (Caused by …)",
            "Max retries exceeded with url: /net.pth?… (Caused by …)",
        ),
        ("Cannot connect to 'https://host/x?sig=abc': refused", "Cannot connect to 'https://host/x?…': refused"),
        (
            "hf://org/name@main/a.pt and oci://host/name@sha256:ab",
            "hf://org/name@main/a.pt and oci://host/name@sha256:ab",
        ),
        ("a/b? No: x=1", "a/b? No: x=1"),
        ("https://host/net.pth?t0ken could not be read", "https://host/net.pth?… could not be read"),
        ("is https://host/net.pth? It is", "is https://host/net.pth? It is"),
        ("s3://b/net.pth?versionId=3Lg.x_-1 is gone", "s3://b/net.pth?versionId=3Lg.x_-1 is gone"),
        ("s3://b/net.pth?versionId=3Lg&X-Amz-Signature=abc", "s3://b/net.pth?…"),
        ("/b/net.pth?versionId=3Lg=&sig=abc", "/b/net.pth?…"),
    ],
)
def test_of_a_url_only_what_names_the_file_is_shown(text: str, shown: str):
    assert without_secrets(text) == shown


def test_uris_that_are_shown_in_part_are_still_told_from_each_other():
    signed = ["https://host/net.pth?sig=abc", "https://host/net.pth?sig=abd", "https://me:pass@host/net.pth"]
    shown = [shown_uri(uri) for uri in signed]
    assert len(set(shown)) == len(signed)
    assert [text.partition("…")[0] for text in shown] == ["https://host/net.pth?", "https://host/net.pth?", "https://"]
    assert not any(secret in text for text in shown for secret in ("abc", "abd", "pass"))
    assert shown_uri("s3://b/net.pth?versionId=1") == "s3://b/net.pth?versionId=1"
