"""`S3ExternalStorage`: payloads as objects of one bucket.

The client is the application's, so boto3 is never imported here. What its errors are is read from
the code that S3 answered with.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

from durable_workflow.external_storage._keys import (
    key_of_uri,
    normalize_prefix,
    object_key,
    require_name,
)

# Of an object that is not there. A missing bucket has a code of its own, and is an error.
_MISSING: Final = frozenset({"NoSuchKey", "NotFound", "404"})


class S3Calls(Protocol):
    """What the driver calls of a boto3 S3 client."""

    def put_object(
        self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, Metadata: Mapping[str, str]
    ) -> object: ...

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]: ...

    def delete_object(self, *, Bucket: str, Key: str) -> object: ...


class S3ExternalStorage:
    """Keeps payloads as objects of an S3 bucket, or of a store that speaks S3's protocol.

    Errors of the client pass through, save that a missing object is a `FileNotFoundError`.

    Attributes:
        client: The boto3 S3 client.
        bucket: Name of the bucket.
        prefix: What keys begin with, without surrounding slashes, percent-encoded.
    """

    def __init__(self, client: Any, *, bucket: str, prefix: str = "") -> None:
        """Open a bucket; nothing is sent.

        Args:
            client: A boto3 S3 client, or an object with its `put_object`, `get_object` and
                `delete_object`.
            bucket: Name of the bucket, which is there already.
            prefix: What keys begin with.

        Raises:
            ValueError: The bucket's name is empty, or a segment of the prefix is empty, `.` or
                `..`.
        """
        self.client = client
        self.bucket = require_name(bucket, "bucket")
        self.prefix = normalize_prefix(prefix)

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        """Store bytes and return their `s3://` URI. The same bytes give the same URI.

        Raises:
            ValueError: The digest is none, or the codec cannot be part of a key.
        """
        key = object_key(codec, sha256, prefix=self.prefix)
        self._calls.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=data,
            ContentType="application/octet-stream",
            Metadata={"sha256": sha256, "codec": codec},
        )
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        """Read the bytes of a URI.

        Raises:
            ValueError: The URI is not of an object below this bucket's prefix, or the client
                answered with something else than bytes.
            FileNotFoundError: There is no such object.
        """
        key = self._key(uri)
        try:
            body = self._calls.get_object(Bucket=self.bucket, Key=key)["Body"]
        except Exception as error:
            if _is_missing(error):
                raise FileNotFoundError(f"external payload is missing: {uri}") from error
            raise
        data = _read(body)
        if not isinstance(data, bytes):
            raise ValueError(f"S3 answered with {type(data).__name__} and not with bytes: {uri!r}")
        return data

    def delete(self, uri: str) -> None:
        """Delete the object of a URI; one that is not there is no error.

        Raises:
            ValueError: The URI is not of an object below this bucket's prefix.
        """
        key = self._key(uri)
        try:
            self._calls.delete_object(Bucket=self.bucket, Key=key)
        except Exception as error:
            # S3 says nothing of it; some stores that speak its protocol do.
            if not _is_missing(error):
                raise

    @property
    def _calls(self) -> S3Calls:
        return cast("S3Calls", self.client)

    def _key(self, uri: str) -> str:
        return key_of_uri(uri, schemes=("s3",), container=self.bucket, prefix=self.prefix)


def _read(body: Any) -> object:
    if not hasattr(body, "read"):
        return body
    try:
        return body.read()
    finally:
        # Gives the connection back, also where reading was cut short.
        if hasattr(body, "close"):
            body.close()


def _is_missing(error: Exception) -> bool:
    answer = getattr(error, "response", None)
    details = cast("Mapping[str, Any]", answer).get("Error") if isinstance(answer, dict) else None
    return isinstance(details, dict) and cast("Mapping[str, Any]", details).get("Code") in _MISSING


# Users import it from dw-core's `durable_workflow.external_storage`, which finds it here.
S3ExternalStorage.__module__ = "durable_workflow.external_storage"
