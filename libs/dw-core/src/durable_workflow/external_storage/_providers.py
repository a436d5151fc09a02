"""Drivers in wheels of their own, found by entry point.

A wheel that brings a driver has an entry point of the group `durable_workflow.storage` for each
driver name that policies use. It names an `ExternalStorageProvider`, which opens the driver. So
this wheel knows no module of another, and a driver of yours is found like one of ours.
"""

import functools
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, Protocol, cast

from durable_workflow.external_storage._payloads import ExternalStorageDriver
from durable_workflow.external_storage._policy import ExternalPayloadStoragePolicy

GROUP: Final = "durable_workflow.storage"

# What to install for the drivers that we publish. It is not where they are looked for.
WHEELS: Final[Mapping[str, str]] = {
    "s3": "dw-storage-s3",
    "gcs": "dw-storage-gcs",
    "azure": "dw-storage-azure",
    "azure-blob": "dw-storage-azure",
}
_CLASSES: Final[Mapping[str, str]] = {
    "S3ExternalStorage": "s3",
    "GCSExternalStorage": "gcs",
    "AzureBlobExternalStorage": "azure",
}


class ExternalStorageNotInstalledError(ImportError, ValueError):
    """The wheel of a storage driver, or the SDK that it needs, is not installed.

    The text has the install line. An `ImportError`, as for every name of a missing wheel, and a
    `ValueError`, as for every policy that no driver can be built from.
    """


class ExternalStorageProvider(Protocol):
    """Opens a driver: what an entry point of the group `durable_workflow.storage` names."""

    @property
    def storage_class(self) -> Callable[..., ExternalStorageDriver]:
        """The driver class."""
        ...

    def with_client(
        self, policy: ExternalPayloadStoragePolicy, client: Any
    ) -> ExternalStorageDriver:
        """Open the place that a policy names with the application's client.

        Raises:
            ValueError: The policy lacks the bucket or container.
        """
        ...

    def from_environment(self, policy: ExternalPayloadStoragePolicy) -> ExternalStorageDriver:
        """Open the place that a policy names with the credentials of this process' environment.

        Raises:
            ExternalStorageNotInstalledError: The provider's SDK is not installed.
            ValueError: The policy or the environment lacks something, or they contradict.
        """
        ...

    def can_open_from_environment(self) -> bool:
        """Whether the provider's SDK is installed."""
        ...

    def errors(self) -> tuple[type[Exception], ...]:
        """What the SDK raises when the store refuses, or cannot be reached."""
        ...


@functools.cache
def provider_of(name: str) -> ExternalStorageProvider:
    """The provider of a driver name.

    Raises:
        ExternalStorageNotInstalledError: It is one of ours, and its wheel is not installed.
        ValueError: Nothing that is installed brings this driver, or several bring different ones.
    """
    found = {entry.value: entry for entry in entry_points(group=GROUP, name=name)}
    if len(found) > 1:
        raise ValueError(
            f"external payload storage driver {name} is brought by several distributions: "
            f"{', '.join(sorted(found))}"
        )
    if not found:
        raise _missing(name)
    (entry,) = found.values()
    return cast("ExternalStorageProvider", entry.load())


def installed_drivers() -> frozenset[str]:
    """The driver names that what is installed brings, beside `local`."""
    return frozenset(entry_points(group=GROUP).names)


def driver_class(class_name: str) -> Any:
    """One of our driver classes, by its name.

    Raises:
        AttributeError: There is no driver of that name.
        ExternalStorageNotInstalledError: Its wheel is missing.
    """
    name = _CLASSES.get(class_name)
    if name is None:
        raise AttributeError(
            f"module 'durable_workflow.external_storage' has no attribute {class_name!r}"
        )
    return provider_of(name).storage_class


def _missing(name: str) -> ValueError:
    wheel = WHEELS.get(name)
    if wheel is None:
        return ValueError(f"unsupported external payload storage driver: {name}")
    return ExternalStorageNotInstalledError(
        f"external payload storage driver {name} is in another wheel: pip install {wheel}"
    )
