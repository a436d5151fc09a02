"""Where large payloads of namespaces are kept, as far as this server can open it.

A policy names a driver and a place. Of a `local` policy the place is a folder, which must lie below
one root: whoever may set policies must not read and write files anywhere on the machine. Other
drivers are those of the storage wheels that are installed; their credentials are the server's.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageDriver,
    external_storage_driver_from_policy,
)
from durable_workflow.external_storage._providers import installed_drivers, provider_of
from durable_workflow.server.requests.namespaces import STORAGE_DRIVERS

T = TypeVar("T")
# How many places that could not be opened are remembered, and for how long.
_REMEMBERED: Final = 64
_REMEMBERED_SECONDS: Final = 15.0
# Characters of what a provider's client says.
_LONGEST_REASON: Final = 500

# Probes have a folder of their own among the codecs: no payload is ever overwritten by one.
_CODEC: Final = "storage-probe"


class StorageUnavailable(Exception):
    """The place cannot be opened, or does not keep what is written; the text says why."""


class PayloadStorage:
    """Opens the places of policies.

    Args:
        root: Below it lie the folders of `local` policies; None where there is none.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        # Why places could not be opened, and until when that is believed. Looking for credentials
        # on the network takes seconds, and requests with references ask each time.
        self._refused: dict[bytes, tuple[float, str]] = {}
        # Two probes at once would delete each other's payloads.
        self._probing = asyncio.Lock()

    def folder(self, namespace: str, config: Mapping[str, Any]) -> Path:
        """The folder of a `local` policy.

        Args:
            config: Of the policy; its `uri` is a path, or a ``file://`` URI. Without it the folder
                is called as the namespace.
        Raises:
            ValueError: It is not below the root; the text goes on after the field's name.
        """
        if self._root is None:
            raise ValueError("cannot be used: set DW_EXTERNAL_STORAGE_ROOT to a folder.")
        root = self._root.resolve()
        uri = config.get("uri")
        try:
            # Resolved, so that neither `..` nor a symbolic link leads outside. The name of a
            # namespace may be either, too.
            folder = (root / (namespace if uri is None else _path(uri))).resolve()
        except (ValueError, OSError, RuntimeError):
            raise ValueError("must be a path or a file:// URI of this machine.") from None
        if folder == root or not folder.is_relative_to(root):
            raise ValueError("must name a folder below DW_EXTERNAL_STORAGE_ROOT.")
        return folder

    def openable(self) -> list[str]:
        """The drivers that this server can open."""
        return ["local", *filter(_is_openable, STORAGE_DRIVERS)]

    def open(self, namespace: str, driver: str, config: Mapping[str, Any]) -> ExternalStorageDriver:
        """Open the place of a policy.

        That may import a provider's SDK, so it is not for the event loop. What is opened raises
        `OSError` where the store refuses or cannot be reached, whichever driver it is.

        Raises:
            StorageUnavailable: This server cannot.
        """
        if driver != "local":
            return self._open_elsewhere(driver, config)
        try:
            folder = self.folder(namespace, config)
        except ValueError as error:
            raise StorageUnavailable(f"The folder of the policy {error}") from None
        policy = {"driver": driver, "enabled": True}
        try:
            return external_storage_driver_from_policy(policy, local_root=folder)
        except OSError as error:
            raise StorageUnavailable(f"The folder cannot be made: {error.strerror}.") from error

    def _open_elsewhere(self, driver: str, config: Mapping[str, Any]) -> ExternalStorageDriver:
        key = msgspec.json.encode([driver, config])
        until, why = self._refused.get(key, (0.0, ""))
        if time.monotonic() < until:
            raise StorageUnavailable(why)
        policy = ExternalPayloadStoragePolicy(enabled=True, driver=driver, config=config)
        try:
            provider = provider_of(driver)
            return _Translated(provider.from_environment(policy), provider.errors())
        except (ImportError, ValueError) as error:
            why = f"This server cannot open the storage driver {driver}: {_sentence(error)}"
            if len(self._refused) >= _REMEMBERED:
                self._refused.clear()
            self._refused[key] = (time.monotonic() + _REMEMBERED_SECONDS, why)
            raise StorageUnavailable(why) from error

    async def probe(self, storage: ExternalStorageDriver, data: bytes) -> dict[str, Any]:
        """Write a payload, read it back, delete it; what came of it.

        Raises:
            StorageUnavailable: It was not kept.
        """
        async with self._probing:
            # In a thread: disks and networks are slow.
            return await asyncio.to_thread(_probe, storage, data)


def _is_openable(driver: str) -> bool:
    return driver in installed_drivers() and provider_of(driver).can_open_from_environment()


class _Translated:
    """A driver whose provider's errors are `OSError`, as those of files are."""

    def __init__(self, storage: ExternalStorageDriver, errors: tuple[type[Exception], ...]) -> None:
        self._storage = storage
        self._errors = errors

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        return self._call(lambda: self._storage.put(data, sha256=sha256, codec=codec))

    def get(self, uri: str) -> bytes:
        return self._call(lambda: self._storage.get(uri))

    def delete(self, uri: str) -> None:
        self._call(lambda: self._storage.delete(uri))

    def _call(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except self._errors as error:
            if isinstance(error, OSError):
                raise
            raise OSError(errno.EIO, f"{type(error).__name__}: {_sentence(error)}") from error


def _sentence(error: object) -> str:
    """What an error says, as the end of a sentence: some clients add the whole answer below it."""
    lines = str(error).strip().splitlines() or ["no reason was given"]
    return lines[0].rstrip(" .")[:_LONGEST_REASON] + "."


def _probe(storage: ExternalStorageDriver, data: bytes) -> dict[str, Any]:
    began = time.perf_counter()
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        uri = storage.put(data, sha256=sha256, codec=_CODEC)
        try:
            verified = storage.get(uri) == data
        finally:
            storage.delete(uri)
    except OSError as error:
        text = f"A payload could not be kept: {_sentence(error.strerror or error)}"
        raise StorageUnavailable(text) from error
    except ValueError as error:  # a link that leads out of the folder, or no bytes came back
        raise StorageUnavailable(f"A payload could not be kept: {_sentence(error)}") from error
    if not verified:
        raise StorageUnavailable("A payload was read back with other bytes than were written.")
    return {
        "status": "passed",
        "bytes": len(data),
        "sha256": sha256,
        "reference_uri": uri,
        "wrote": True,
        "read": True,
        "verified": True,
        "latency_ms": round(1000 * (time.perf_counter() - began), 3),
    }


def _path(uri: str) -> Path:
    if "://" not in uri:
        return Path(uri)
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise ValueError(uri)
    return Path(url2pathname(parts.path))
