"""A container client from a policy and the environment. Imported only where the SDK is."""

import os
from typing import Final
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.storage.blob import ContainerClient

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
)
from durable_workflow.external_storage._locations import text_of

# Where Azure's own accounts are. A token or a SAS that goes elsewhere is given away.
_DOMAINS: Final = (
    ".blob.core.windows.net",
    ".blob.storage.azure.net",
    ".blob.core.chinacloudapi.cn",
    ".blob.core.usgovcloudapi.net",
)


def container_client(policy: ExternalPayloadStoragePolicy, container: str) -> ContainerClient:
    """The client of a policy's container.

    Raises:
        ExternalStorageNotInstalledError: azure-identity is needed, and not installed.
        ValueError: The policy and the environment do not name an account, or not the same.
    """
    if text_of(policy, "auth_profile"):
        raise ValueError("external payload storage driver azure has no auth_profile")
    endpoint = text_of(policy, "endpoint").rstrip("/")
    connection = os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    if connection:
        return _by_connection_string(connection, container, endpoint)
    account = os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    url = endpoint or (f"https://{account}.blob.core.windows.net" if account else "")
    if not url:
        raise ValueError(
            "external payload storage driver azure requires an endpoint in the policy, or "
            "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT in the environment"
        )
    parts = urlsplit(url)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(_DOMAINS):
        raise ValueError(
            "external payload storage driver azure takes an https endpoint of Azure; "
            "AZURE_STORAGE_CONNECTION_STRING in the environment names another one"
        )
    key = os.environ.get("AZURE_STORAGE_KEY", "")
    sas = os.environ.get("AZURE_STORAGE_SAS_TOKEN", "")
    if key or sas:
        return ContainerClient(url, container, credential=key or sas)
    return ContainerClient(url, container, credential=_identity())


def _by_connection_string(connection: str, container: str, endpoint: str) -> ContainerClient:
    try:
        client = ContainerClient.from_connection_string(connection, container)
    except ValueError as error:
        raise ValueError(f"AZURE_STORAGE_CONNECTION_STRING: {error}") from error
    if endpoint and client.url != f"{endpoint}/{container}":
        raise ValueError(
            f"external payload storage policy config.endpoint {endpoint} is not the account of "
            "AZURE_STORAGE_CONNECTION_STRING"
        )
    return client


def _identity() -> TokenCredential:
    try:
        from azure.identity import DefaultAzureCredential
    except ModuleNotFoundError as error:
        raise ExternalStorageNotInstalledError(
            "external payload storage driver azure needs azure-identity, or a key, a SAS or a "
            'connection string in the environment: pip install "dw-storage-azure[azure]"'
        ) from error
    return DefaultAzureCredential()
