"""Large payloads in GCS. Import the driver from `durable_workflow.external_storage`."""

from durable_workflow.storage_gcs._storage import GCSExternalStorage

__all__ = ["GCSExternalStorage"]
