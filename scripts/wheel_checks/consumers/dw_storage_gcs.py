"""What a program may do with dw-storage-gcs."""

from durable_workflow.external_storage import (
    ExternalStorageDriver,
    GCSExternalStorage,
    external_storage_driver_from_policy,
)


class Client:
    """Stands in for the application's client."""


storage: ExternalStorageDriver = GCSExternalStorage(Client(), bucket="payloads")
policy = {"driver": "gcs", "config": {"bucket": "payloads"}}
same: ExternalStorageDriver = external_storage_driver_from_policy(policy, gcs_client=Client())
