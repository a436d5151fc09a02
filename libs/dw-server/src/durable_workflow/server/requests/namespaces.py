"""Namespaces and where their large payloads go (control-plane 6 and 7)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec

from durable_workflow.server.fields import (
    Beside,
    Choice,
    Flag,
    Inside,
    Reading,
    Text,
    Whole,
)

STORAGE_DRIVERS: Final = ("local", "s3", "gcs", "azure")

# `.` and `..` are not names: clients take them out of paths, and they are folders of the system.
NAMESPACE: Final = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]+")
LONGEST_NAMESPACE: Final = 128
_LONGEST_DESCRIPTION: Final = 1000
_LARGEST_SMALL: Final = 1_048_576
_LARGEST_LARGE: Final = 16_777_216


class NamespaceName(Text, frozen=True, kw_only=True):
    """The name of a namespace, in small letters."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        name = super().read(value, at, reading)
        return name.lower() if name is not None else None


class NamespaceBeside(Beside, frozen=True, kw_only=True):
    """The name of a namespace beside the document, in small letters."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        name = super().read(value, at, reading)
        return name.lower() if name is not None else None


class CreateNamespace(msgspec.Struct, frozen=True, kw_only=True):
    """A new namespace; `retention_days` is None for the server's default."""

    name: Annotated[str, NamespaceName(longest=LONGEST_NAMESPACE, pattern=NAMESPACE)]
    description: Annotated[str | None, Text(longest=_LONGEST_DESCRIPTION)] = None
    retention_days: Annotated[int | None, Whole(least=1, most=365)] = None


class NamedNamespace(msgspec.Struct, frozen=True, kw_only=True):
    """The namespace of that name."""

    name: Annotated[str, NamespaceBeside(name="namespace")]


class UpdateNamespace(msgspec.Struct, frozen=True, kw_only=True):
    """What is None stays as it is."""

    name: Annotated[str, NamespaceBeside(name="namespace")]
    description: Annotated[str | None, Text(longest=_LONGEST_DESCRIPTION)] = None
    retention_days: Annotated[int | None, Whole(least=1, most=365)] = None


class StorageConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a driver finds its place. What is not listed here is not kept."""

    uri: Annotated[str | None, Text(longest=2048)] = None
    bucket: Annotated[str | None, Text()] = None
    disk: Annotated[str | None, Text()] = None
    prefix: Annotated[str | None, Text(longest=1024)] = None
    region: Annotated[str | None, Text(longest=128)] = None
    endpoint: Annotated[str | None, Text(longest=2048)] = None
    auth_profile: Annotated[str | None, Text()] = None


class SetExternalStorage(msgspec.Struct, frozen=True, kw_only=True):
    """The whole policy of a namespace anew."""

    name: Annotated[str, NamespaceBeside(name="namespace")]
    driver: Annotated[str, Choice(words=STORAGE_DRIVERS)]
    enabled: Annotated[bool, Flag()] = True
    threshold_bytes: Annotated[int, Whole(least=1)] = 65_536
    config: Annotated[StorageConfig, Inside(into=StorageConfig)] = StorageConfig()


class StorageProbe(msgspec.Struct, frozen=True, kw_only=True):
    """Write two payloads, read them back, delete them.

    Attributes:
        driver: None is the driver of the namespace's policy.
    """

    driver: Annotated[str | None, Choice(words=STORAGE_DRIVERS)] = None
    small_payload_bytes: Annotated[int, Whole(least=1, most=_LARGEST_SMALL)] = 128
    large_payload_bytes: Annotated[int, Whole(least=1, most=_LARGEST_LARGE)] = 2_097_152
