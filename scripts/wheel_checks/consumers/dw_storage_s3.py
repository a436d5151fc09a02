"""What a program may do with dw-storage-s3."""

from durable_workflow.external_storage import (
    ExternalStorageDriver,
    S3ExternalStorage,
    external_storage_driver_from_policy,
)


class Client:
    """Stands in for the application's client."""


storage: ExternalStorageDriver = S3ExternalStorage(Client(), bucket="payloads")
policy = {"driver": "s3", "config": {"bucket": "payloads"}}
same: ExternalStorageDriver = external_storage_driver_from_policy(policy, s3_client=Client())
