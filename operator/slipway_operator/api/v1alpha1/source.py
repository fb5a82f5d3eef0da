"""Where bytes are: sources that are read, and the store that artifacts are kept in."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, ObjectName, Rule

# A source is read as a file and a claim is mounted by its name: anything else would only fail later, in the Job.
_CLAIM = "pvc://[a-z0-9][-a-z0-9.]*"
_FILE = f"^(s3://[^/]+/.*[^/]|https?://[^/]+/.+|{_CLAIM}/.*[^/]|file:///.*[^/])$"
_STORE = f"^(s3://[^/]+|{_CLAIM})(/.*)?$"

_NO_PARENT_FOLDER = Rule(
    "!self.uri.matches('(^|/)[.][.](/|$)')",
    "uri must not contain the path segment '..': write the path that it leads to",
    ".uri",
)
_SECRET_FOR_S3_ONLY = Rule(
    "!has(self.secretRef) || self.uri.startsWith('s3://')",
    "secretRef has an effect on s3:// only: remove it, or use an s3:// uri",
    ".secretRef",
)


class SecretReference(ApiModel):
    """A Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of a Secret in the same namespace.")]


class Source(ApiModel):
    """A file, by URI."""

    rules = (
        Rule(
            "self.uri.matches('^(s3|https?|pvc|file)://')",
            "uri must start with s3://, https://, http://, pvc:// or file://",
            ".uri",
        ),
        Rule(
            f"!self.uri.matches('^(s3|https?|pvc|file)://') || self.uri.matches('{_FILE}')",
            "uri must name a file: s3://BUCKET/KEY, https://HOST/PATH, pvc://CLAIM/PATH or file:///PATH",
            ".uri",
        ),
        _NO_PARENT_FOLDER,
        Rule(
            "!has(self.sha256) || self.sha256.matches('^[0-9a-f]{64}$')",
            "sha256 must be 64 lower-case hexadecimal digits with no prefix, as sha256sum prints them",
            ".sha256",
        ),
        _SECRET_FOR_S3_ONLY,
    )
    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="Where the file is: s3://BUCKET/KEY; https://HOST/PATH; pvc://CLAIM/PATH on a "
            "PersistentVolumeClaim in the same namespace, mounted read-only; file:///PATH inside the optimizer image. "
            "What it leads to is in status.sources; spec.updatePolicy says what happens to new bytes at the same uri.",
        ),
    ]
    sha256: Annotated[
        str | None,
        Field(
            max_length=128,
            description="SHA-256 of the file: 64 lower-case hexadecimal digits, as sha256sum prints them. Other bytes "
            "are refused before they are loaded, and the same bytes at another uri are the same model.",
        ),
    ] = None
    secret_ref: Annotated[
        SecretReference | None,
        Field(
            description="Secret with the credentials of an s3:// uri: the keys AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, optionally AWS_SESSION_TOKEN, AWS_ENDPOINT_URL (a server other than AWS) and "
            "AWS_REGION."
        ),
    ] = None


class Store(ApiModel):
    """Where artifacts are kept, each in a folder of its own."""

    rules = (
        Rule(
            f"self.uri.matches('{_STORE}')",
            "uri must be s3://BUCKET[/PREFIX] or pvc://CLAIM[/PATH]",
            ".uri",
        ),
        _NO_PARENT_FOLDER,
        _SECRET_FOR_S3_ONLY,
        Rule(
            "self.uri == oldSelf.uri",
            "store.uri is immutable, the artifacts are there: create a new ModelDeployment to use another store",
            ".uri",
        ),
    )
    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="s3://BUCKET[/PREFIX], or pvc://CLAIM[/PATH] on a PersistentVolumeClaim in the same namespace. "
            "Several ModelDeployments may share a store. It cannot be changed later.",
        ),
    ]
    secret_ref: Annotated[
        SecretReference | None,
        Field(description="Secret with the credentials of an s3:// store, with the same keys as a source's secretRef."),
    ] = None
