"""One emulated store of each provider, and what the tests do to it beside the driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
from azure.storage.blob import ContainerClient
from botocore.config import Config
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage.client import (  # pyright: ignore[reportMissingTypeStubs]
    Client as GCSClient,
)

from durable_workflow import AzureBlobExternalStorage, GCSExternalStorage, S3ExternalStorage
from durable_workflow.external_storage import ExternalStorageDriver

PLACE = "payloads"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Store(Protocol):
    """A store with the bucket or container `payloads`."""

    driver: str
    url: str
    environment: dict[str, str]
    """What a server needs to open it."""

    def open(
        self, *, url: str | None = None, place: str = PLACE, prefix: str = ""
    ) -> ExternalStorageDriver:
        """The driver over a client of its own, closed by `close`.

        Args:
            url: Where the client connects, if not to the store itself.
        """
        ...

    def make(self) -> None:
        """Make the bucket or container."""
        ...

    def overwrite(self, uri: str, data: bytes) -> None:
        """Put other bytes where a URI leads."""
        ...

    def close(self) -> None:
        """Close every client that was opened."""
        ...


def key_of(uri: str) -> str:
    """The key in a URI."""
    return urlsplit(uri).path.removeprefix("/")


@dataclass
class S3:
    """S3, by moto."""

    url: str
    access_key: str = "test"
    driver: str = "s3"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    clients: list[Any] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self.environment = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.url,
        }

    def client(self, url: str | None = None) -> Any:
        client: Any = boto3.client(  # pyright: ignore[reportUnknownMemberType]
            "s3",
            endpoint_url=url or self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key="test",
            config=Config(read_timeout=10, retries={"max_attempts": 1}),
        )
        self.clients.append(client)
        return client

    def open(
        self, *, url: str | None = None, place: str = PLACE, prefix: str = ""
    ) -> ExternalStorageDriver:
        return S3ExternalStorage(self.client(url), bucket=place, prefix=prefix)

    def make(self) -> None:
        self.client().create_bucket(Bucket=PLACE)

    def overwrite(self, uri: str, data: bytes) -> None:
        self.client().put_object(Bucket=PLACE, Key=key_of(uri), Body=data)

    def close(self) -> None:
        for client in self.clients:
            client.close()


@dataclass
class GCS:
    """Google Cloud Storage, by gcp-storage-emulator."""

    url: str
    driver: str = "gcs"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    clients: list[Any] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self.environment = {"STORAGE_EMULATOR_HOST": self.url}

    def client(self, url: str | None = None) -> Any:
        client: Any = GCSClient(
            project="test",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": url or self.url},
        )
        self.clients.append(client)
        return client

    def open(
        self, *, url: str | None = None, place: str = PLACE, prefix: str = ""
    ) -> ExternalStorageDriver:
        return GCSExternalStorage(self.client(url), bucket=place, prefix=prefix)

    def make(self) -> None:
        self.client().create_bucket(PLACE)

    def overwrite(self, uri: str, data: bytes) -> None:
        self.client().bucket(PLACE).blob(key_of(uri)).upload_from_string(data)

    def close(self) -> None:
        for client in self.clients:
            client.close()


@dataclass
class Azure:
    """Azure Blob Storage, by Azurite."""

    url: str
    account_key: str = _KEY
    driver: str = "azure"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    clients: list[Any] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self.environment = {"AZURE_STORAGE_CONNECTION_STRING": self._connection(self.url)}

    def client(self, url: str | None = None, place: str = PLACE) -> ContainerClient:
        client = ContainerClient.from_connection_string(
            self._connection(url or self.url), place, retry_total=0, read_timeout=10
        )
        self.clients.append(client)
        return client

    def open(
        self, *, url: str | None = None, place: str = PLACE, prefix: str = ""
    ) -> ExternalStorageDriver:
        return AzureBlobExternalStorage(self.client(url, place), container=place, prefix=prefix)

    def make(self) -> None:
        self.client().create_container()

    def overwrite(self, uri: str, data: bytes) -> None:
        self.client().upload_blob(key_of(uri), data, overwrite=True)

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def _connection(self, url: str) -> str:
        account = "devstoreaccount1"
        return (
            f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={self.account_key};"
            f"BlobEndpoint={url}/{account}"
        )
