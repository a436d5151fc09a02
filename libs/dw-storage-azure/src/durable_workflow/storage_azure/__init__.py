"""Large payloads in Azure. Import the driver from `durable_workflow.external_storage`."""

from durable_workflow.storage_azure._storage import AzureBlobExternalStorage

__all__ = ["AzureBlobExternalStorage"]
