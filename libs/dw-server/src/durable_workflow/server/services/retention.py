"""Retention (control-plane 12.3): closed runs go once their namespace has kept them long enough.

One write has nobody find a run any more, and frees its workflow id where that was its last run. Its
rows are deleted afterwards, in units of a few milliseconds each; what a crash leaves of them is
found again, because the run's own row goes last.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, Protocol

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import SECOND, offset
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.records import (
    external_payloads,
    instances,
    kept_answers,
    namespaces,
    run_deletion,
    runs,
    schedules,
)
from durable_workflow.server.replies import Reply
from durable_workflow.server.services import repetitions, unread_payloads
from durable_workflow.server.store import OutcomeUnknown, Store, StoreUnavailable, StoreUnusable
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views.namespaces import find as find_namespace

_DAY: Final = 86_400 * SECOND
# What a pass looks at, at most (control-plane 12).
MOST_RUNS: Final = 100
# Removed by one write, in the background.
_RUNS_AT_ONCE: Final = 10
# A unit may have waited for others, or its process been stopped: no pause is longer for that.
_LONGEST_PAUSE_SECONDS: Final = 1.0
# It is the store that fails, whatever run it is at.
_STORE_FAILURES = (StoreUnavailable, StoreUnusable, OutcomeUnknown)


class _Remove(Protocol):
    """Removes one run, or says why not."""

    def __call__(self, tx: Tx, /, *, run_id: str) -> Skipped | None: ...


class Skipped(msgspec.Struct, frozen=True):
    """Why a run was left as it is, as a word of the wire."""

    reason: str


def status(read: Read, namespace: str, limit: int = MOST_RUNS) -> JsonObject:
    """What retention would remove of a namespace now, at most `limit` runs."""
    found = find_namespace(read, namespace)
    most = min(limit, MOST_RUNS)
    cutoff = _cutoff(read, found.retention_days)
    expired = run_deletion.expired(read, namespace, cutoff, most)
    return {
        "namespace": namespace,
        "retention_days": found.retention_days,
        "cutoff": offset(cutoff),
        "expired_run_count": len(expired),
        "expired_run_ids": list(expired),
        "scan_limit": most,
        "scan_pressure": len(expired) >= most,
    }


async def run_pass(
    store: Store,
    namespace: str,
    payloads: ExternalPayloads | None = None,
    *,
    limit: int = MOST_RUNS,
    run_ids: Sequence[str] | None = None,
) -> Reply:
    """Remove runs with all their rows: the expired ones, or those named.

    Args:
        payloads: Deletes the payloads that they refer to; without it that is left to others.
        limit: How many expired runs at most.
        run_ids: Closed runs that go whether they are expired or not.
    """
    named = list(dict.fromkeys(run_ids or ()))
    if not named:
        named = await store.read(lambda read: _expired(read, namespace, min(limit, MOST_RUNS)))
    for run_id in named:
        await unread_payloads.note(store, run_id)
    keeping = payloads is not None and not await payloads.can_delete(namespace)
    remove_one = functools.partial(remove, namespace=namespace, keeping=keeping)
    results = [await _prune_or_report(store, payloads, run_id, remove_one) for run_id in named]
    outcomes = [result["outcome"] for result in results]
    return Reply(
        {
            "processed": len(results),
            "pruned": outcomes.count("pruned"),
            "skipped": outcomes.count("skipped"),
            "failed": outcomes.count("error"),
            "results": results,
        }
    )


async def remove_expired(store: Store, payloads: ExternalPayloads | None = None) -> int:
    """Remove what is expired in any namespace, and finish what was begun; how many runs it was.

    It pauses for as long as it has worked, so that others have the store in between.
    """
    await sweep(store, payloads, gently=True)
    count = 0
    for namespace in await store.read(namespaces.all_served):
        keeping = payloads is not None and not await payloads.can_delete(namespace.name)
        find = functools.partial(
            _expired, namespace=namespace.name, most=MOST_RUNS, keeping=keeping
        )
        while expired := await store.read(find):
            for first in range(0, len(expired), _RUNS_AT_ONCE):
                some = expired[first : first + _RUNS_AT_ONCE]
                began = time.perf_counter()
                await store.run(functools.partial(_remove_all, namespace.name, some, keeping))
                await _pause(began, gently=True)
            await _delete_removed(store, gently=True)
            count += len(expired)
        await _delete_of_schedules(store, namespace.name)
    await _repeat(store, lambda tx: kept_answers.delete_some(tx, tx.now - repetitions.KEPT))
    if count and payloads is not None:
        await payloads.delete_released()
    await release_space(store, gently=True)
    return count


async def sweep(
    store: Store, payloads: ExternalPayloads | None = None, *, gently: bool = False
) -> None:
    """Delete what removed runs have left, and give the space of the file back."""
    await unread_payloads.note_all(store)
    await _delete_removed(store, gently=gently)
    if payloads is not None:
        await payloads.delete_released()
    await release_space(store, gently=gently)


async def release_space(store: Store, *, gently: bool = False) -> None:
    """Give the pages of the file that hold nothing back to the system."""
    await _repeat(store, run_deletion.release_space, gently=gently)


def _cutoff(read: Read, retention_days: int) -> int:
    return read.now - retention_days * _DAY


def _expired(read: Read, namespace: str, most: int, *, keeping: bool = False) -> list[str]:
    found = namespaces.find(read, namespace)
    if found is None:
        return []
    cutoff = _cutoff(read, found.retention_days)
    return run_deletion.expired(read, namespace, cutoff, most, without_payloads=keeping)


def remove(tx: Tx, namespace: str, run_id: str, *, keeping: bool = False) -> Skipped | None:
    """Have nobody find a closed run of a namespace any more.

    Args:
        keeping: Whether a run stays that refers to payloads which are kept elsewhere.
    Returns:
        Why not, where it stays.
    """
    seen = runs.find(tx, run_id)
    if seen is None or seen.namespace != namespace:
        return Skipped("run_not_found")
    instances.lock(tx, namespace, seen.workflow_id)
    run = runs.lock(tx, run_id)
    if run is None:
        return Skipped("run_not_found")
    if not run.closed:
        return Skipped("run_not_terminal")
    if run.archived_at is not None:
        return Skipped("run_archived")
    if keeping and external_payloads.is_holding(tx, run_id):
        return Skipped("external_payload_storage_driver_unavailable")
    run_deletion.remove(tx, run)
    return None


def _remove_all(namespace: str, run_ids: Sequence[str], keeping: bool, tx: Tx) -> None:
    found = [run for run in map(functools.partial(runs.find, tx), run_ids) if run is not None]
    for workflow_id in sorted({run.workflow_id for run in found}):
        instances.lock(tx, namespace, workflow_id)
    for run in sorted(found, key=attrgetter("run_id")):
        remove(tx, namespace, run.run_id, keeping=keeping)


async def _delete_of_schedules(store: Store, namespace: str) -> None:
    """Delete what schedules' histories have from before the retention of their namespace."""

    def delete(tx: Tx) -> bool:
        found = namespaces.find(tx, namespace)
        if found is None:
            return False
        return schedules.delete_expired(tx, namespace, _cutoff(tx, found.retention_days))

    await _repeat(store, delete)


async def _delete_removed(store: Store, *, gently: bool) -> None:
    await _repeat(store, run_deletion.delete_removed, gently=gently)


async def _repeat(store: Store, unit: Callable[[Tx], bool], *, gently: bool = True) -> None:
    """Run a unit until it says that there is no more."""
    more = True
    while more:
        began = time.perf_counter()
        more = await store.run(unit)
        await _pause(began, gently)


async def _prune_or_report(
    store: Store, payloads: ExternalPayloads | None, run_id: str, remove_one: _Remove
) -> JsonObject:
    try:
        return await _prune(store, payloads, run_id, remove_one)
    except _STORE_FAILURES:
        raise
    except Exception as error:  # noqa: BLE001  reported, and the other runs go on
        reason = f"{type(error).__name__}: {error}"
        return {"run_id": run_id, "outcome": "error", "reason": reason}


async def _prune(
    store: Store, payloads: ExternalPayloads | None, run_id: str, remove_one: _Remove
) -> JsonObject:
    skipped = await store.run(lambda tx: remove_one(tx, run_id=run_id))
    if skipped is not None:
        return {"run_id": run_id, "outcome": "skipped", "reason": skipped.reason}
    counts = await _delete_rows(store, run_id)
    deleted = 0 if payloads is None else await payloads.delete_released(run_id)
    tasks = counts["workflow_tasks"] + counts["activity_executions"]
    return {
        "run_id": run_id,
        "outcome": "pruned",
        "history_events_deleted": counts["history_events"],
        "tasks_deleted": tasks,
        "external_payloads_deleted": deleted,
        "deleted": {f"{kind}_deleted": count for kind, count in counts.items()},
    }


async def _delete_rows(store: Store, run_id: str, *, gently: bool = False) -> dict[str, int]:
    """Delete all rows of a removed run; how many of each kind this call has deleted."""
    counts = dict.fromkeys(run_deletion.KINDS, 0)
    while True:
        began = time.perf_counter()
        deleted = await store.run(lambda tx: run_deletion.delete_rows(tx, run_id))
        for kind, count in deleted.items():
            counts[kind] += count
        # None of its row: somebody else has finished it.
        if "runs" in deleted:
            return counts
        await _pause(began, gently)


async def _pause(began: float, gently: bool) -> None:
    worked = time.perf_counter() - began
    await asyncio.sleep(min(worked, _LONGEST_PAUSE_SECONDS) if gently else 0)
