"""`GCSExternalStorage`: payloads as objects of one bucket.

The client is the application's, so google-cloud-storage is never imported here. What its errors
are is read from the status that the store answered with.
"""

from typing import Any, Final, Protocol, cast

from durable_workflow.external_storage._keys import (
    key_of_uri,
    normalize_prefix,
    object_key,
    require_name,
)

# Other servers write the second spelling; this one writes the first.
_SCHEMES: Final = ("gs", "gcs")


class GCSBlob(Protocol):
    """What the driver uses of a `google.cloud.storage` blob."""

    metadata: Any

    def upload_from_string(self, data: bytes, *, content_type: str) -> object: ...

    def download_as_bytes(self) -> object: ...

    def delete(self) -> object: ...


class GCSBucket(Protocol):
    """What the driver calls of a bucket."""

    def blob(self, blob_name: str, /) -> GCSBlob: ...


class GCSCalls(Protocol):
    """What the driver calls of a `google.cloud.storage` client."""

    def bucket(self, bucket_name: str, /) -> GCSBucket: ...


class GCSExternalStorage:
    """Keeps payloads as objects of a bucket of Google Cloud Storage.

    Errors of the client pass through, save that a missing object is a `FileNotFoundError`.

    Attributes:
        client: The `google.cloud.storage` client.
        bucket: Name of the bucket.
        prefix: What keys begin with, without surrounding slashes, percent-encoded.
    """

    def __init__(self, client: Any, *, bucket: str, prefix: str = "") -> None:
        """Open a bucket; nothing is sent.

        Args:
            client: A `google.cloud.storage.Client`, or an object with its `bucket`.
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
        """Store bytes and return their `gs://` URI. The same bytes give the same URI.

        Raises:
            ValueError: The digest is none, or the codec cannot be part of a key.
        """
        key = object_key(codec, sha256, prefix=self.prefix)
        blob = self._blob(key)
        blob.metadata = {"sha256": sha256, "codec": codec}
        blob.upload_from_string(data, content_type="application/octet-stream")
        return f"gs://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        """Read the bytes of a URI.

        Raises:
            ValueError: The URI is not of an object below this bucket's prefix, or the client
                answered with something else than bytes.
            FileNotFoundError: There is no such object.
        """
        blob = self._blob(self._key(uri))
        try:
            data = blob.download_as_bytes()
        except Exception as error:
            if _is_missing(error):
                raise FileNotFoundError(f"external payload is missing: {uri}") from error
            raise
        if not isinstance(data, bytes):
            raise ValueError(f"GCS answered with {type(data).__name__} and not with bytes: {uri!r}")
        return data

    def delete(self, uri: str) -> None:
        """Delete the object of a URI; one that is not there is no error.

        Raises:
            ValueError: The URI is not of an object below this bucket's prefix.
        """
        blob = self._blob(self._key(uri))
        try:
            blob.delete()
        except Exception as error:
            if not _is_missing(error):
                raise

    def _blob(self, key: str) -> GCSBlob:
        return cast("GCSCalls", self.client).bucket(self.bucket).blob(key)

    def _key(self, uri: str) -> str:
        return key_of_uri(uri, schemes=_SCHEMES, container=self.bucket, prefix=self.prefix)


def _is_missing(error: Exception) -> bool:
    # The status is the same for a bucket that is not there, and only the text tells the two apart.
    return getattr(error, "code", None) == 404 and "bucket does not exist" not in str(error).lower()


# Users import it from dw-core's `durable_workflow.external_storage`, which finds it here.
GCSExternalStorage.__module__ = "durable_workflow.external_storage"
