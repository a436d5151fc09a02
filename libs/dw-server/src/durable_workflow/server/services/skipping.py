"""Skipping time: for tests, so that what takes a month is over at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import msgspec

from durable_workflow.server.records import runs
from durable_workflow.server.records import skipping as records
from durable_workflow.server.store.protocol import Read, Tx

# The newest tasks that wait to be taken, of either kind.
Ready: TypeAlias = tuple[str | None, str | None]

NONE_READY: Ready = None, None


class Wish(msgspec.Struct, frozen=True):
    """Why time is to be skipped.

    Attributes:
        awaited: Runs whose result callers wait for: as long as one is open, to what is due next.
        until: A moment that is asked for; None for none.
    """

    awaited: Collection[str] = ()
    until: int | None = None


def waiting(read: Read) -> Ready | None:
    """The tasks that wait to be taken; None where somebody works, or something is to be done."""
    return _waiting(records.standing(read, read.now), read.now)


def skip(tx: Tx, wish: Wish, *, now: int, move_to: Callable[[int], None], forsaken: Ready) -> bool:
    """Jump to what is due next, if nobody works.

    The clock is moved inside the unit: those behind it, which may lease a task, see the new time.
    A unit may be run again, and then finds the clock moved: so it reckons from `now`.

    Args:
        now: The moment to jump from.
        move_to: Moves the clock.
        forsaken: Tasks that wait to be taken and that nobody takes.
    Returns:
        Whether time was skipped.
    """
    standing = records.standing(tx, now)
    if _waiting(standing, now) not in (NONE_READY, forsaken):
        return False
    at = standing.times.first(workers=False)
    target = None
    if any(_is_open(tx, run_id) for run_id in wish.awaited):
        target = at
    if wish.until is not None:
        # What is asked for ends the jump, whatever else is waited for.
        target = wish.until if at is None else min(at, wish.until)
    if target is None or target <= now:
        return False
    records.shift_workers(tx, target - now)
    move_to(target)
    return True


def _waiting(standing: records.Standing, now: int) -> Ready | None:
    at = standing.times.first()
    if standing.leased or (at is not None and at <= now):
        return None
    return standing.ready


def _is_open(read: Read, run_id: str) -> bool:
    run = runs.find(read, run_id)
    return run is not None and not run.closed
