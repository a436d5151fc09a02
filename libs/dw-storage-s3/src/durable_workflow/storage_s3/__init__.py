"""Large payloads in Amazon S3. Import the driver from `durable_workflow.external_storage`."""

from durable_workflow.storage_s3._storage import S3ExternalStorage

__all__ = ["S3ExternalStorage"]
