"""`AzureBlobExternalStorage`: payloads as blobs of one container.

The client is the application's, so Azure's SDK is never imported here. What its errors are is read
from the code that the store answered with.
"""

from typing import Any, Final, Protocol, cast

from durable_workflow.external_storage._keys import (
    key_of_uri,
    normalize_prefix,
    object_key,
    require_name,
)

# Other servers write the second spelling; this one writes the first.
_SCHEMES: Final = ("azure-blob", "azure")


class AzureDownload(Protocol):
    """What the driver calls of a download."""

    def readall(self) -> object: ...


class AzureCalls(Protocol):
    """What the driver calls of an Azure container client."""

    def upload_blob(
        self, name: str, data: bytes, *, overwrite: bool, metadata: dict[str, str]
    ) -> object: ...

    def download_blob(self, blob: str, /) -> AzureDownload: ...

    def delete_blob(self, blob: str, /) -> object: ...


class AzureBlobExternalStorage:
    """Keeps payloads as blobs of a container of Azure Blob Storage.

    Errors of the client pass through, save that a missing blob is a `FileNotFoundError`.

    Attributes:
        container_client: The client of the container.
        container: Name of the container.
        prefix: What keys begin with, without surrounding slashes, percent-encoded.
    """

    def __init__(self, container_client: Any, *, container: str, prefix: str = "") -> None:
        """Open a container; nothing is sent.

        Args:
            container_client: An `azure.storage.blob.ContainerClient`, or an object with its
                `upload_blob`, `download_blob` and `delete_blob`.
            container: Name of the container, which is there already.
            prefix: What keys begin with.

        Raises:
            ValueError: The container's name is empty, or a segment of the prefix is empty, `.` or
                `..`.
        """
        self.container_client = container_client
        self.container = require_name(container, "container")
        self.prefix = normalize_prefix(prefix)

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        """Store bytes and return their `azure-blob://` URI. The same bytes give the same URI.

        Raises:
            ValueError: The digest is none, or the codec cannot be part of a key.
        """
        key = object_key(codec, sha256, prefix=self.prefix)
        self._calls.upload_blob(
            name=key, data=data, overwrite=True, metadata={"sha256": sha256, "codec": codec}
        )
        return f"azure-blob://{self.container}/{key}"

    def get(self, uri: str) -> bytes:
        """Read the bytes of a URI.

        Raises:
            ValueError: The URI is not of a blob below this container's prefix, or the client
                answered with something else than bytes.
            FileNotFoundError: There is no such blob.
        """
        key = self._key(uri)
        try:
            data = self._calls.download_blob(key).readall()
        except Exception as error:
            if _is_missing(error):
                raise FileNotFoundError(f"external payload is missing: {uri}") from error
            raise
        if not isinstance(data, bytes):
            raise ValueError(
                f"Azure answered with {type(data).__name__} and not with bytes: {uri!r}"
            )
        return data

    def delete(self, uri: str) -> None:
        """Delete the blob of a URI; one that is not there is no error.

        Raises:
            ValueError: The URI is not of a blob below this container's prefix.
        """
        key = self._key(uri)
        try:
            self._calls.delete_blob(key)
        except Exception as error:
            if not _is_missing(error):
                raise

    @property
    def _calls(self) -> AzureCalls:
        return cast("AzureCalls", self.container_client)

    def _key(self, uri: str) -> str:
        return key_of_uri(uri, schemes=_SCHEMES, container=self.container, prefix=self.prefix)


def _is_missing(error: Exception) -> bool:
    # A missing container has the same status, and a code of its own; it is an error.
    return getattr(error, "error_code", None) == "BlobNotFound"


# Users import it from dw-core's `durable_workflow.external_storage`, which finds it here.
AzureBlobExternalStorage.__module__ = "durable_workflow.external_storage"
