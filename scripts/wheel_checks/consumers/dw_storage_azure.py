"""What a program may do with dw-storage-azure."""

from durable_workflow.external_storage import (
    AzureBlobExternalStorage,
    ExternalStorageDriver,
    external_storage_driver_from_policy,
)


class Client:
    """Stands in for the application's client."""


storage: ExternalStorageDriver = AzureBlobExternalStorage(Client(), container="payloads")
policy = {"driver": "azure", "config": {"container": "payloads"}}
same: ExternalStorageDriver = external_storage_driver_from_policy(
    policy, azure_container_client=Client()
)
