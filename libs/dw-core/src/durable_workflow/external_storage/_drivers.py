"""From a policy to a driver, whichever wheel has it.

The cloud drivers are wheels of their own, which this one must not depend on. So a driver is a row
of a table with the module to import when someone asks for it, and a missing one says what to
install. The modules are named here rather than found through entry points: there are three of
them, ours, and this way a program frozen without metadata finds them too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from durable_workflow.external_storage._local import (
    LocalFilesystemExternalStorage,
    path_of_file_uri,
)
from durable_workflow.external_storage._payloads import ExternalStorageDriver
from durable_workflow.external_storage._policy import ExternalPayloadStoragePolicy


class ExternalStorageNotInstalledError(ImportError, ValueError):
    """The wheel of a storage driver is not installed; the text has the install line.

    An `ImportError`, as for every name of a missing wheel, and a `ValueError`, as for every policy
    that no driver can be built from.
    """


@dataclass(frozen=True, slots=True)
class CloudDriver:
    """A driver that lives in a wheel of its own."""

    class_name: str
    module: str
    wheel: str
    client_argument: str
    container_argument: str
    container_keys: tuple[str, ...]
    # Ways to write the bucket in the policy's reference, the bucket being group 1. Text that has
    # none of these forms is the bucket itself.
    locators: tuple[re.Pattern[str], ...]

    def load(self) -> Callable[..., Any]:
        """The driver class.

        Raises:
            ExternalStorageNotInstalledError: Its wheel is missing.
        """
        try:
            module = import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name != self.module:
                raise
            raise ExternalStorageNotInstalledError(
                f"{self.class_name} is in another wheel: pip install {self.wheel}", name=error.name
            ) from error
        return cast("Callable[..., Any]", getattr(module, self.class_name))

    def container_of(self, policy: ExternalPayloadStoragePolicy) -> str:
        """The bucket or container of a policy, or an empty string."""
        for key in self.container_keys:
            configured = policy.config.get(key)
            if isinstance(configured, str) and configured.strip():
                return configured.strip()
        reference = (policy.reference or "").strip()
        for locator in self.locators:
            if found := locator.match(reference):
                return found.group(1)
        return "" if "://" in reference else reference


CLOUD_DRIVERS: Mapping[str, CloudDriver] = {
    "s3": CloudDriver(
        class_name="S3ExternalStorage",
        module="durable_workflow.storage_s3",
        wheel="dw-storage-s3",
        client_argument="s3_client",
        container_argument="bucket",
        container_keys=("bucket",),
        locators=(re.compile(r"arn:aws[\w-]*:s3:::([^/]+)"), re.compile(r"s3://([^/]+)")),
    ),
    "gcs": CloudDriver(
        class_name="GCSExternalStorage",
        module="durable_workflow.storage_gcs",
        wheel="dw-storage-gcs",
        client_argument="gcs_client",
        container_argument="bucket",
        container_keys=("bucket",),
        locators=(re.compile(r".*/buckets/([^/]+)"), re.compile(r"gc?s://([^/]+)")),
    ),
    "azure": CloudDriver(
        class_name="AzureBlobExternalStorage",
        module="durable_workflow.storage_azure",
        wheel="dw-storage-azure",
        client_argument="azure_container_client",
        container_argument="container",
        container_keys=("container", "bucket"),
        locators=(re.compile(r"azure(?:-blob)?://([^/]+)"),),
    ),
}
_ALIASES = {"azure-blob": "azure"}


def cloud_driver_class(class_name: str) -> Any:
    """The driver class of that name.

    Raises:
        AttributeError: There is no driver of that name.
        ExternalStorageNotInstalledError: Its wheel is missing.
    """
    for driver in CLOUD_DRIVERS.values():
        if driver.class_name == class_name:
            return driver.load()
    raise AttributeError(
        f"module 'durable_workflow.external_storage' has no attribute {class_name!r}"
    )


def external_storage_driver_from_policy(
    policy: ExternalPayloadStoragePolicy | Mapping[str, Any],
    *,
    s3_client: Any | None = None,
    gcs_client: Any | None = None,
    azure_container_client: Any | None = None,
    local_root: str | Path | None = None,
) -> ExternalStorageDriver:
    """Build the driver that a namespace's policy asks for.

    Args:
        policy: The policy, or the document to read it from.
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
    name = _ALIASES.get(name, name)
    if name not in CLOUD_DRIVERS:
        raise ValueError(f"unsupported external payload storage driver: {policy.driver}")
    clients = {
        "s3_client": s3_client,
        "gcs_client": gcs_client,
        "azure_container_client": azure_container_client,
    }
    return _cloud_storage(name, CLOUD_DRIVERS[name], policy, clients)


def _cloud_storage(
    name: str,
    driver: CloudDriver,
    policy: ExternalPayloadStoragePolicy,
    clients: Mapping[str, Any | None],
) -> ExternalStorageDriver:
    # What the caller forgot comes before what is not installed: it is wrong either way.
    client = clients[driver.client_argument]
    if client is None:
        raise ValueError(
            f"external payload storage driver {name} requires {driver.client_argument}"
        )
    container = driver.container_of(policy)
    if not container:
        raise ValueError(
            f"external payload storage driver {name} requires a {driver.container_argument}"
        )
    storage = driver.load()(
        client, **{driver.container_argument: container}, prefix=_prefix(policy)
    )
    return cast("ExternalStorageDriver", storage)


def _prefix(policy: ExternalPayloadStoragePolicy) -> str:
    configured = policy.config.get("prefix")
    return configured if isinstance(configured, str) and configured else policy.prefix


def _local_root(policy: ExternalPayloadStoragePolicy, local_root: str | Path | None) -> Path:
    location = local_root or policy.config.get("uri") or policy.reference
    if isinstance(location, Path):
        return location
    if not isinstance(location, str) or not location.strip():
        raise ValueError("external payload storage driver local requires a root or a uri")
    if "://" in location or location.startswith("file:"):
        return path_of_file_uri(location)
    return Path(location)
