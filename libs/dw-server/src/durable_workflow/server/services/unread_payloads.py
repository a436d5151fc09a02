"""Runs that an older server has written: what payloads they refer to is found by reading them.

Their references were not noted when they were made. Each such run is read once, in slices, with the
others having their turn in between.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Final, NamedTuple

from durable_workflow.server.engine.payloads import uris_of, uris_of_record
from durable_workflow.server.records import (
    activities,
    command_records,
    external_payloads,
    history,
    runs,
)
from durable_workflow.server.records.columns import value
from durable_workflow.server.store.protocol import Read, Store, Tx

_SLICE: Final = 200
_RUNS: Final = 64


async def note_all(store: Store) -> None:
    """Note what the unread runs refer to, until there is none."""
    while some := await store.read(lambda read: external_payloads.unread_runs(read, _RUNS)):
        for run_id in some:
            await note(store, run_id)


async def note(store: Store, run_id: str) -> None:
    """Note what a run refers to, where it is unread. A run that is gone refers to nothing."""
    if not await store.read(lambda read: external_payloads.is_unread(read, run_id)):
        return
    uris: set[str] = set()
    for find in (_in_history, _in_activities, _in_commands):
        after: int | None = 0
        while after is not None:
            # What comes while it is read is noted by whoever brings it.
            found = await store.read(functools.partial(find, run_id, after))
            uris |= found.uris
            after = found.last
            await asyncio.sleep(0)
    await store.run(functools.partial(_hold, run_id, sorted(uris)))


class _Found(NamedTuple):
    """What a slice refers to, and where it ends; None where nothing comes behind it."""

    uris: set[str]
    last: int | None


def _hold(run_id: str, uris: list[str], tx: Tx) -> None:
    gone = runs.lock(tx, run_id) is None
    external_payloads.hold_all_of_unread(tx, run_id, [] if gone else uris)


def _in_history(run_id: str, after: int, read: Read) -> _Found:
    run = runs.find(read, run_id)
    if run is None:
        return _Found(set(), None)
    uris: set[str] = set() if after else set(uris_of(runs.arguments(read, run_id)))
    for record in history.between(read, run_id, after, run.last_sequence, _SLICE):
        uris |= uris_of_record(record)
    last = after + _SLICE
    return _Found(uris, last if last < run.last_sequence else None)


def _in_activities(run_id: str, after: int, read: Read) -> _Found:
    found = activities.of_run(read, run_id, after=after, most=_SLICE)
    given = [value(activities.arguments(read, activity)) for activity in found]
    last = found[-1].sequence if len(found) == _SLICE else None
    return _Found({uri for each in given for uri in uris_of(each)}, last)


def _in_commands(run_id: str, after: int, read: Read) -> _Found:
    found = [
        stored.record for stored in command_records.of_run(read, run_id, after=after, most=_SLICE)
    ]
    last = found[-1].sequence if len(found) == _SLICE else None
    return _Found({uri for each in found for uri in uris_of(each.payload)}, last)
