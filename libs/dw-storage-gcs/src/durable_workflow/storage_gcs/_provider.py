"""Opens the driver `gcs`: what the wheel's entry point names."""

import re
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
)
from durable_workflow.external_storage._locations import container_of, prefix_of, text_of
from durable_workflow.storage_gcs._storage import GCSExternalStorage

_LOCATORS: Final = (re.compile(r".*/buckets/([^/]+)"), re.compile(r"gc?s://([^/]+)"))


class GCSProvider:
    """Opens buckets of policies."""

    storage_class = GCSExternalStorage

    def with_client(self, policy: ExternalPayloadStoragePolicy, client: Any) -> GCSExternalStorage:
        """Open a policy's bucket with the application's client.

        Raises:
            ValueError: The policy names no bucket, or its prefix is unsafe.
        """
        return GCSExternalStorage(client, bucket=_bucket(policy), prefix=prefix_of(policy))

    def from_environment(self, policy: ExternalPayloadStoragePolicy) -> GCSExternalStorage:
        """Open a policy's bucket with the credentials that google-auth finds.

        `STORAGE_EMULATOR_HOST` names another store than Google's; it is used without credentials.

        Raises:
            ExternalStorageNotInstalledError: google-cloud-storage is not installed.
            ValueError: The policy names no bucket, its prefix is unsafe, it has an `endpoint` that
                is not Google's or an `auth_profile`, or there are no credentials.
        """
        bucket, prefix = _bucket(policy), prefix_of(policy)
        endpoint = _endpoint(policy)
        if not self.can_open_from_environment():
            raise ExternalStorageNotInstalledError(
                "external payload storage driver gcs needs google-cloud-storage: "
                'pip install "dw-storage-gcs[gcs]"'
            )
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage.client import Client  # pyright: ignore[reportMissingTypeStubs]

        options = {"api_endpoint": endpoint} if endpoint else None
        try:
            client = Client(client_options=options)
        except GoogleAuthError as error:
            raise ValueError(
                f"external payload storage driver gcs has no credentials: {error}"
            ) from error
        return GCSExternalStorage(client, bucket=bucket, prefix=prefix)

    def can_open_from_environment(self) -> bool:
        """Whether google-cloud-storage is installed."""
        try:
            return find_spec("google.cloud.storage") is not None
        except ModuleNotFoundError:  # no other package of Google's is there either
            return False

    def errors(self) -> tuple[type[Exception], ...]:
        """What the client raises when the store refuses, or cannot be reached."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            DataCorruption,
            InvalidResponse,
        )

        return (GoogleAPIError, GoogleAuthError, DataCorruption, InvalidResponse)


def _bucket(policy: ExternalPayloadStoragePolicy) -> str:
    return container_of(policy, "gcs", keys=("bucket",), locators=_LOCATORS)


def _endpoint(policy: ExternalPayloadStoragePolicy) -> str:
    """The policy's endpoint. It gets a token of this process, so it must be Google's."""
    if text_of(policy, "auth_profile"):
        raise ValueError("external payload storage driver gcs has no auth_profile")
    endpoint = text_of(policy, "endpoint")
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(".googleapis.com"):
        raise ValueError(
            "external payload storage driver gcs takes an https endpoint below googleapis.com; "
            "STORAGE_EMULATOR_HOST in the environment names another one"
        )
    return endpoint


PROVIDER: Final = GCSProvider()
