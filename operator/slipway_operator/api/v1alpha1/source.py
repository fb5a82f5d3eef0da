"""Where bytes are: sources that are read, and the store that artifacts are kept in."""

from typing import Annotated

from pydantic import Field

from slipway_operator.api.v1alpha1.base import ApiModel, ObjectName, Rule

# A claim is mounted by its name, and the rest is read as a path: anything else would only fail later, in the Job.
_CLAIM = "pvc://[a-z0-9][-a-z0-9.]*"
_PLACES = "|".join(
    (
        "(s3|gs|az)://[^/]+/.+",
        "https?://[^/]+/.*[^/]",
        f"{_CLAIM}/.+",
        "file:///.+",
        "hf://[^/@]+/[^/@]+(@[^/]+)?(/.*)?",  # a data set's too: datasets/ORG and a path
        "oci://[^/]+/[^@:]+(:[^/@:]+|@sha256:[0-9a-f]{64})",
    )
)
_STORE = f"^((s3|gs|az)://[^/]+|{_CLAIM})(/.*)?$"

_NO_PARENT_FOLDER = Rule(
    "!self.uri.matches('(^|/)[.][.](/|$)')",
    "uri must not contain the segment '..': write the path that it leads to",
    ".uri",
)


class SecretReference(ApiModel):
    """A Secret in the same namespace."""

    name: Annotated[ObjectName, Field(description="Name of a Secret in the same namespace.")]


class Source(ApiModel):
    """A file or a folder, by URI."""

    rules = (
        Rule(
            f"self.uri.matches('^({_PLACES})$')",
            "uri must be s3://, gs:// or az://BUCKET/KEY, https://HOST/PATH, pvc://CLAIM/PATH, file:///PATH, "
            "hf://ORG/NAME[@REVISION][/PATH] or oci://REGISTRY/REPOSITORY:TAG",
            ".uri",
        ),
        _NO_PARENT_FOLDER,
        Rule(
            "!self.uri.matches('^(https?|oci)://[^/]*@')",
            "uri must not contain credentials: put them into the Secret that secretRef names",
            ".uri",
        ),
        Rule(
            "!has(self.sha256) || self.sha256.matches('^[0-9a-f]{64}$')",
            "sha256 must be 64 lower-case hexadecimal digits, as of sha256sum",
            ".sha256",
        ),
        Rule(
            "!has(self.secretRef) || !self.uri.matches('^(pvc|file)://')",
            "secretRef has no effect on pvc:// and file://: remove it",
            ".secretRef",
        ),
    )
    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="Where the bytes are, as in s3://BUCKET/KEY, pvc://CLAIM/PATH on a PersistentVolumeClaim or "
            "hf://ORG/NAME@REVISION. With a / at its end it is a folder. What it leads to is in status.sources.",
        ),
    ]
    sha256: Annotated[
        str | None,
        Field(
            max_length=128,
            description="SHA-256 of the file, or of what sha256sum prints for a folder's files: other bytes are "
            "refused, and the same bytes elsewhere are the same source.",
        ),
    ] = None
    secret_ref: Annotated[
        SecretReference | None,
        Field(description="Secret with the credentials, such as the key AWS_ACCESS_KEY_ID or HF_TOKEN."),
    ] = None


class Store(ApiModel):
    """Where artifacts are kept, each in a folder of its own."""

    rules = (
        Rule(
            f"self.uri.matches('{_STORE}')",
            "uri must be s3://, gs:// or az://BUCKET[/PREFIX], or pvc://CLAIM[/PATH]",
            ".uri",
        ),
        _NO_PARENT_FOLDER,
        Rule(
            "!has(self.secretRef) || !self.uri.startsWith('pvc://')",
            "secretRef has no effect on pvc://: remove it",
            ".secretRef",
        ),
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
            description="s3://, gs:// or az://BUCKET[/PREFIX], or pvc://CLAIM[/PATH] on a PersistentVolumeClaim in the "
            "same namespace. Several ModelDeployments may share a store. It cannot be changed later.",
        ),
    ]
    secret_ref: Annotated[
        SecretReference | None,
        Field(
            description="Secret with the credentials of the bucket. S3: the keys AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, optionally AWS_SESSION_TOKEN, AWS_ENDPOINT_URL (a server other than AWS) and "
            "AWS_REGION. GCS: GOOGLE_APPLICATION_CREDENTIALS. Azure: AZURE_STORAGE_CONNECTION_STRING, for one."
        ),
    ] = None
