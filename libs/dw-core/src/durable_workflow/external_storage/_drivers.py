"""From a policy to a driver, whichever wheel has it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from durable_workflow.external_storage._local import (
    LocalFilesystemExternalStorage,
    path_of_file_uri,
)
from durable_workflow.external_storage._payloads import ExternalStorageDriver
from durable_workflow.external_storage._policy import ExternalPayloadStoragePolicy
from durable_workflow.external_storage._providers import provider_of

# The argument that has the client of a driver. Other drivers open their place by themselves.
_CLIENT_ARGUMENTS: Final[Mapping[str, str]] = {
    "s3": "s3_client",
    "gcs": "gcs_client",
    "azure": "azure_container_client",
    "azure-blob": "azure_container_client",
}


def external_storage_driver_from_policy(
    policy: ExternalPayloadStoragePolicy | Mapping[str, Any] | None,
    *,
    s3_client: Any | None = None,
    gcs_client: Any | None = None,
    azure_container_client: Any | None = None,
    local_root: str | Path | None = None,
) -> ExternalStorageDriver:
    """Build the driver that a namespace's policy asks for.

    `local`, `s3`, `gcs` and `azure` are ours. A driver of another name is found by its entry point
    (`ExternalStorageProvider`) and gets its client from the environment.

    Args:
        policy: The policy, or the document to read it from. None, which is what a namespace
            without a policy has, is refused.
        s3_client: A boto3 S3 client, for the driver `s3`.
        gcs_client: A `google.cloud.storage` client, for `gcs`.
        azure_container_client: An Azure container client, for `azure`.
        local_root: Folder for `local`; without it the policy names one.

    Raises:
        ValueError: The policy is disabled, names no driver or an unknown one, or lacks the client
            or the location that its driver needs.
        ExternalStorageNotInstalledError: The driver's wheel is missing. A `ValueError` too.
    """
    if not isinstance(policy, ExternalPayloadStoragePolicy):
        policy = ExternalPayloadStoragePolicy.from_dict(policy)
    if not policy.enabled:
        raise ValueError("external payload storage policy is disabled")
    name = (policy.driver or "").strip().lower()
    if not name:
        raise ValueError("external payload storage policy has no driver")
    if name == "local":
        return LocalFilesystemExternalStorage(_local_root(policy, local_root))
    if name not in _CLIENT_ARGUMENTS:
        return provider_of(name).from_environment(policy)
    clients = {
        "s3_client": s3_client,
        "gcs_client": gcs_client,
        "azure_container_client": azure_container_client,
    }
    client = clients[_CLIENT_ARGUMENTS[name]]
    # What the caller forgot comes before what is not installed: it is wrong either way.
    if client is None:
        raise ValueError(
            f"external payload storage driver {name} requires {_CLIENT_ARGUMENTS[name]}"
        )
    return provider_of(name).with_client(policy, client)


def _local_root(policy: ExternalPayloadStoragePolicy, local_root: str | Path | None) -> Path:
    location = local_root or policy.config.get("uri") or policy.reference
    if isinstance(location, Path):
        return location
    if not isinstance(location, str) or not location.strip():
        raise ValueError("external payload storage driver local requires a root or a uri")
    if "://" in location or location.startswith("file:"):
        return path_of_file_uri(location)
    return Path(location)
