"""Where large payloads are, and a client that knows it. Programs and workers share this module."""

import os

from durable_workflow import Client, LocalFilesystemExternalStorage

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")
FOLDER = os.environ.get("PAYLOADS", "payloads")
THRESHOLD_BYTES = 10_000


def make_client() -> Client:
    """A client that puts each payload of `THRESHOLD_BYTES` or more into the store.

    The folder is for one machine. For several there are stores in the cloud, with the same methods:

        S3ExternalStorage(boto3.client("s3"), bucket="payloads")
        GCSExternalStorage(google.cloud.storage.Client(), bucket="payloads")
        AzureBlobExternalStorage(ContainerClient.from_connection_string(..., "payloads"))
    """
    return Client(
        URL,
        external_storage=LocalFilesystemExternalStorage(FOLDER),
        external_storage_threshold_bytes=THRESHOLD_BYTES,
    )
