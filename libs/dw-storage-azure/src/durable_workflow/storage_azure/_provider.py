"""Opens the driver `azure`: what the wheel's entry points name."""

import re
from importlib.util import find_spec
from typing import Any, Final

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
)
from durable_workflow.external_storage._locations import container_of, prefix_of
from durable_workflow.storage_azure._storage import AzureBlobExternalStorage

_LOCATORS: Final = (re.compile(r"azure(?:-blob)?://([^/]+)"),)


class AzureProvider:
    """Opens containers of policies."""

    storage_class = AzureBlobExternalStorage

    def with_client(
        self, policy: ExternalPayloadStoragePolicy, client: Any
    ) -> AzureBlobExternalStorage:
        """Open a policy's container with the application's client.

        Raises:
            ValueError: The policy names no container, or its prefix is unsafe.
        """
        return AzureBlobExternalStorage(
            client, container=_container(policy), prefix=prefix_of(policy)
        )

    def from_environment(self, policy: ExternalPayloadStoragePolicy) -> AzureBlobExternalStorage:
        """Open a policy's container with the credentials of the environment.

        These are `AZURE_STORAGE_CONNECTION_STRING`; else the account, which is the policy's
        `endpoint` or `AZURE_STORAGE_ACCOUNT`, with `AZURE_STORAGE_KEY`,
        `AZURE_STORAGE_SAS_TOKEN` or what azure-identity finds.

        Raises:
            ExternalStorageNotInstalledError: azure-storage-blob is not installed.
            ValueError: The policy names no container, its prefix is unsafe, it has an
                `auth_profile` or an `endpoint` that may not have the credentials, or the
                environment names no account.
        """
        container, prefix = _container(policy), prefix_of(policy)
        if not self.can_open_from_environment():
            raise ExternalStorageNotInstalledError(
                "external payload storage driver azure needs azure-storage-blob: "
                'pip install "dw-storage-azure[azure]"'
            )
        from durable_workflow.storage_azure._environment import container_client

        client = container_client(policy, container)
        return AzureBlobExternalStorage(client, container=container, prefix=prefix)

    def can_open_from_environment(self) -> bool:
        """Whether azure-storage-blob is installed."""
        try:
            return find_spec("azure.storage.blob") is not None
        except ModuleNotFoundError:  # no other package of Azure's is there either
            return False

    def errors(self) -> tuple[type[Exception], ...]:
        """What the client raises when the store refuses, or cannot be reached."""
        from azure.core.exceptions import AzureError

        return (AzureError,)


def _container(policy: ExternalPayloadStoragePolicy) -> str:
    return container_of(policy, "azure", keys=("container", "bucket"), locators=_LOCATORS)


PROVIDER: Final = AzureProvider()
