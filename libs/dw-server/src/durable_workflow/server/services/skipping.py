"""Skipping time: for tests, so that what takes a month is over at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

import msgspec

from durable_workflow.server.records import due as due_records
from durable_workflow.server.records import runs
from durable_workflow.server.records import skipping as records
from durable_workflow.server.records.due import DueTimes
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import due
from durable_workflow.server.store.protocol import Read, Tx

# The newest tasks that wait to be taken, of either kind.
Ready: TypeAlias = tuple[str | None, str | None]

NONE_READY: Ready = None, None

# Runs, workers and schedules of which one jump does what is due: a part of each kind, so where it
# has done fewer things than such a part, none is left.
_PART = 10
_MOST = _PART * due.KINDS


class Wish(msgspec.Struct, frozen=True):
    """Why time is to be skipped.

    Attributes:
        awaited: Runs whose result callers wait for: as long as one is open, to what is due next.
        until: A moment that is asked for; None for none.
    """

    awaited: Collection[str] = ()
    until: int | None = None


class Jump(msgspec.Struct, frozen=True):
    """Where time goes at once.

    Attributes:
        origin: From when.
        target: To when.
        times: What was to fall due when, before it.
    """

    origin: int
    target: int
    times: DueTimes


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
    target, _ = _target(tx, wish, now, forsaken)
    if target is None:
        return False
    records.shift_workers(tx, target - now)
    move_to(target)
    return True


def next_jump(read: Read, wish: Wish) -> Jump | None:
    """The jump to what is due next, if nobody works; None to stay.

    Where something waits to be taken, or to be done, it is left to others to say for how long.
    """
    target, times = _target(read, wish, read.now, NONE_READY)
    return None if target is None else Jump(read.now, target, times)


def jump(tx: Tx, jump: Jump, settings: ServiceSettings) -> bool:
    """Have time skipped, and do what falls due then: a unit whose `now` is the end of the jump.

    Returns:
        Whether all of it is done; what is left is for those who do what is due at other times.
    """
    records.shift_workers(tx, jump.target - jump.origin)
    times = jump.times
    if times.set_aside is not None:
        times = due_records.times(tx)
    elif times.worker is not None:
        shifted = times.worker + jump.target - jump.origin
        times = msgspec.structs.replace(times, worker=shifted)
    return 0 < due.do_some(tx, _MOST, times, settings) < _PART


def _target(read: Read, wish: Wish, now: int, forsaken: Ready) -> tuple[int | None, DueTimes]:
    standing = records.standing(read, now)
    times = standing.times
    if _waiting(standing, now) not in (NONE_READY, forsaken):
        return None, times
    at = times.first(workers=False)
    target = None
    if any(_is_open(read, run_id) for run_id in wish.awaited):
        target = at
    if wish.until is not None:
        # What is asked for ends the jump, whatever else is waited for.
        target = wish.until if at is None else min(at, wish.until)
    return (None if target is None or target <= now else target), times


def _waiting(standing: records.Standing, now: int) -> Ready | None:
    at = standing.times.first()
    if standing.leased or (at is not None and at <= now):
        return None
    return standing.ready


def _is_open(read: Read, run_id: str) -> bool:
    run = runs.find(read, run_id)
    return run is not None and not run.closed
