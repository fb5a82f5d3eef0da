import pytest

from slipway_contract.redaction import without_secrets


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
    ],
)
def test_of_a_url_only_what_names_the_file_is_shown(text: str, shown: str):
    assert without_secrets(text) == shown
