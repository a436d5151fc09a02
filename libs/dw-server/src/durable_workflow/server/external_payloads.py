"""References to payloads that are kept elsewhere: verified before use, deleted when unused.

Both are for namespaces with an enabled policy whose driver this server can open; in others a
reference is opaque. Drivers wait for disks and networks, so they are called in threads.

An object may be shared, because drivers give the same bytes the same URI. What must not happen is
that one is deleted that a request has just been told is there. So while a request that refers to a
URI is carried out it is not deleted, and while it is deleted such a request is refused. One server
has the database, so this is known in memory; that nobody refers to it any more, the store says.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.external_storage import ExternalStorageDriver
from durable_workflow.server.fields import FoundReference
from durable_workflow.server.payload_storage import PayloadStorage, StorageUnavailable
from durable_workflow.server.payload_verification import first_problem
from durable_workflow.server.records import external_payloads as records
from durable_workflow.server.records import namespaces
from durable_workflow.server.records.external_payloads import Released
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.store import Read, Store, Tx

T = TypeVar("T")
_Deletion: TypeAlias = Literal["deleted", "left", "failed"]
_log = logging.getLogger(__name__)

# Calls of drivers at once. Each may have a payload in memory.
_THREADS: Final = 4
_SECONDS: Final = 30.0
# Deleted between two looks at the store.
_AT_ONCE: Final = 16
_OPENED: Final = 64


class ExternalPayloads:
    """What one server does with payloads that are kept elsewhere.

    Args:
        storage: Opens the places of policies.
        seconds: How long the drivers may take for one request.

    Attributes:
        storage: As it was given.
    """

    def __init__(self, store: Store, storage: PayloadStorage, *, seconds: float = _SECONDS) -> None:
        self._store = store
        self.storage = storage
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dw-payloads")
        self._opened: dict[bytes, ExternalStorageDriver] = {}
        self._used: Counter[str] = Counter()
        self._going: set[str] = set()

    def close(self) -> None:
        """Begin no call of a driver any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- requests ----------------------------------------------------------------------------

    async def begin_use(self, namespace: str, references: Sequence[FoundReference]) -> None:
        """Verify the references of a request. Until `end_use` none of them is deleted.

        Raises:
            Invalid: One is not to be used.
            Refused: That cannot be found out now.
        """
        uris = _uris(references)
        if not self._going.isdisjoint(uris):
            raise _unavailable("A payload that the request refers to is being deleted.")
        self._used.update(uris)
        try:
            await self._verify(namespace, references)
        except BaseException:
            self.end_use(references)
            raise

    def end_use(self, references: Sequence[FoundReference]) -> None:
        """The request is done: whoever goes on to refer to a payload is in the store."""
        self._used.subtract(_uris(references))
        self._used = +self._used

    async def _verify(self, namespace: str, references: Sequence[FoundReference]) -> None:
        now, policy = await self._store.read(lambda read: (read.now, _policy(read, namespace)))
        if policy is None:
            return

        def verify() -> dict[str, list[str]]:
            try:
                driver = self._open(namespace, policy)
            except StorageUnavailable:
                return {}  # opaque
            errors: dict[str, list[str]] = {}
            for found in references:
                problem = first_problem(driver, found, now)
                if problem is not None:
                    at = f"{found.at}.external_storage"
                    errors.setdefault(at, []).append(f"The {at} field {problem}")
            return errors

        try:
            errors = await self._in_thread(verify)
        except Exception as error:
            # What a provider's client raises is its own; nobody knows if the payload is there.
            _log.warning("a payload of namespace %s could not be verified: %r", namespace, error)
            # Translated or not: what the client raised tells a missing bucket from a dead network.
            name = type(error.__cause__ or error).__name__
            text = f"The storage of payloads refuses, or cannot be reached: {name}."
            raise _unavailable(text) from error
        if errors:
            raise Invalid(errors)

    # --- deletion ----------------------------------------------------------------------------

    async def can_delete(self, namespace: str) -> bool:
        """Whether what runs of a namespace refer to can be deleted, or need not be."""
        policy = await self._store.read(lambda read: _policy(read, namespace))
        if policy is None:
            return True
        try:
            await self._in_thread(lambda: self._open(namespace, policy))
        except (StorageUnavailable, TimeoutError):
            return False
        return True

    async def delete_released(self, run_id: str | None = None) -> int:
        """Delete payloads that nobody refers to any more; how many. What fails stays for later.

        Nothing is deleted while there are runs of which it is not known what they refer to.

        Args:
            run_id: Only those that this removed run referred to last.
        """
        count, after = 0, ""
        if await self._store.read(lambda read: records.unread_runs(read, 1)):
            return 0  # one of them may refer to any
        while True:
            some = await self._store.read(
                functools.partial(records.some_released, after=after, holder=run_id, most=_AT_ONCE)
            )
            if not some:
                return count
            after = some[-1].uri
            count += await self._delete([each for each in some if self._is_free(each.uri)])

    def _is_free(self, uri: str) -> bool:
        return uri not in self._used and uri not in self._going

    async def _delete(self, some: Sequence[Released]) -> int:
        self._going.update(each.uri for each in some)
        try:
            unheld = await self._store.run(lambda tx: _unheld(tx, some))
        except BaseException:
            self._end_deletion(some)
            raise
        work = asyncio.create_task(self._delete_unheld(some, unheld))
        try:
            async with asyncio.timeout(self._seconds):
                # It goes on where nobody waits any more: until then nobody may use the payloads.
                return await asyncio.shield(work)
        except TimeoutError:
            _log.warning("payloads are not deleted after %g s", self._seconds)
            return 0

    async def _delete_unheld(self, some: Sequence[Released], unheld: Sequence[Released]) -> int:
        try:
            loop = asyncio.get_running_loop()
            results = await loop.run_in_executor(
                self._threads, lambda: [self._delete_one(each) for each in unheld]
            )
            pairs = zip(unheld, results, strict=True)
            over = [each.uri for each, result in pairs if result != "failed"]
            await self._store.run(lambda tx: records.forget_released(tx, over))
        finally:
            self._end_deletion(some)
        return results.count("deleted")

    def _end_deletion(self, some: Sequence[Released]) -> None:
        self._going.difference_update(each.uri for each in some)

    def _delete_one(self, payload: Released) -> _Deletion:
        """Delete one in a thread; it is left where it is not in the place of the policy."""
        try:
            driver = self._open(payload.namespace, payload.policy)
            driver.delete(payload.uri)
        except (StorageUnavailable, ValueError) as error:
            # Another place than the policy's: whoever put it there keeps it.
            _log.warning("payload %s is left where it is: %s", payload.uri, error)
            return "left"
        except Exception as error:  # noqa: BLE001  reported, and tried again
            _log.warning("payload %s could not be deleted: %r", payload.uri, error)
            return "failed"
        return "deleted"

    # --- threads -----------------------------------------------------------------------------

    def _open(self, namespace: str, policy: JsonObject) -> ExternalStorageDriver:
        key = msgspec.json.encode([namespace, policy.get("driver"), policy.get("config")])
        driver = self._opened.get(key)
        if driver is None:
            driver = self.storage.open(
                namespace, policy.get("driver", ""), policy.get("config") or {}
            )
            if len(self._opened) >= _OPENED:
                self._opened.clear()
            self._opened[key] = driver
        return driver

    async def _in_thread(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._seconds):
            return await loop.run_in_executor(self._threads, work)


def _uris(references: Sequence[FoundReference]) -> set[str]:
    return {found.reference.uri for found in references}


def _policy(read: Read, namespace: str) -> JsonObject | None:
    """The policy of a namespace, where it is enabled."""
    found = namespaces.find(read, namespace)
    policy: dict[str, Any] | None = None if found is None else found.external_storage
    return policy if policy is not None and policy.get("enabled", True) else None


def _unheld(tx: Tx, some: Iterable[Released]) -> list[Released]:
    """Those that nobody refers to; the others stay."""
    held = [each for each in some if records.is_held(tx, each.uri)]
    records.forget_released(tx, (each.uri for each in held))
    return [each for each in some if each not in held]


def _unavailable(text: str) -> Refused:
    return Refused("external_payload_unavailable", f"{text} Try again.")
