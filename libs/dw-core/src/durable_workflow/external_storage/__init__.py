"""Payloads too large for history, kept elsewhere and named by a verified reference.

The drivers of the cloud stores are wheels of their own; their three classes are attributes of this
module once the wheel is installed.
"""

from typing import TYPE_CHECKING, Any

from durable_workflow._publish import publish
from durable_workflow.external_storage._cache import ExternalPayloadCache
from durable_workflow.external_storage._drivers import external_storage_driver_from_policy
from durable_workflow.external_storage._local import LocalFilesystemExternalStorage
from durable_workflow.external_storage._payloads import (
    ExternalPayloadIntegrityError,
    ExternalStorageDriver,
    ExternalStorageRequiredError,
    delete_external_payload,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.external_storage._policy import ExternalPayloadStoragePolicy
from durable_workflow.external_storage._providers import (
    ExternalStorageNotInstalledError,
    ExternalStorageProvider,
    driver_class,
)
from durable_workflow.external_storage._reference import (
    EXTERNAL_PAYLOAD_REFERENCE_SCHEMA,
    ExternalPayloadReference,
)

if TYPE_CHECKING:  # in wheels of their own; `__getattr__` finds them
    from durable_workflow.storage_azure import AzureBlobExternalStorage as AzureBlobExternalStorage
    from durable_workflow.storage_gcs import GCSExternalStorage as GCSExternalStorage
    from durable_workflow.storage_s3 import S3ExternalStorage as S3ExternalStorage

__all__ = [
    "EXTERNAL_PAYLOAD_REFERENCE_SCHEMA",
    "ExternalPayloadCache",
    "ExternalPayloadIntegrityError",
    "ExternalPayloadReference",
    "ExternalPayloadStoragePolicy",
    "ExternalStorageDriver",
    "ExternalStorageNotInstalledError",
    "ExternalStorageProvider",
    "ExternalStorageRequiredError",
    "LocalFilesystemExternalStorage",
    "delete_external_payload",
    "external_storage_driver_from_policy",
    "fetch_external_payload",
    "store_external_payload",
]

publish(globals(), __all__)


def __getattr__(name: str) -> Any:
    """Find the cloud drivers in their own wheels, and remember them."""
    driver = driver_class(name)
    globals()[name] = driver
    return driver
