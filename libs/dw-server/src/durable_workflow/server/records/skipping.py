"""What decides whether time may be skipped."""

from __future__ import annotations

import msgspec

from durable_workflow.server.records.due import DueTimes, times_of
from durable_workflow.server.store.protocol import Read, Tx


class Standing(msgspec.Struct, frozen=True):
    """What is to be done, being done, and waiting.

    Attributes:
        times: When the first of each kind falls due.
        leased: Whether any task is leased.
        ready: The newest workflow task and the newest activity task that wait to be taken.
    """

    times: DueTimes
    leased: bool
    ready: tuple[str | None, str | None]


def standing(read: Read, now: int) -> Standing:
    """What is to be done, being done, and waiting at a moment."""
    row = read.one("standing", now=now)
    assert row is not None
    *times, leased, workflow_task, activity_task = row
    first = times_of(read, DueTimes(*times), now)
    return Standing(first, bool(leased), (workflow_task, activity_task))


def shift_workers(tx: Tx, by: int) -> None:
    """Let all workers have been heard later by as much as time was skipped."""
    tx.do("shift_workers", by=by)
