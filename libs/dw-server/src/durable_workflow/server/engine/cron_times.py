"""When a cron expression fires, in a time zone whose clock jumps twice a year.

`cronsim` says what fires on a wall clock that never jumps; here its times become moments. Around a
jump of the zone's clock:

- *Fixed times* (neither the minute nor the hour field begins with ``*``) fire once a day whatever
  the clock does: those in the hour that is missing at the first moment after it, those in the hour
  that comes twice the first time.
- All others follow the clock: they don't fire in the hour that is missing, and fire in both of the
  hours that are called alike.

Debian's cron does the same.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from cronsim import CronSim

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ON_THE_WALL: Final = _EPOCH.replace(tzinfo=None)
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_SECOND: Final = 1_000_000

# Where the reading of an expression in a zone was left: the last time, and those that follow.
_courses: dict[tuple[str, tzinfo], tuple[int, Iterator[int]]] = {}
_MOST_COURSES: Final = 1024


def first_cron_time(expression: str, moment: int, zone: tzinfo) -> int | None:
    """The first of `cron_times`; None where there is none."""
    # They are whole seconds, so it is the same for all moments of a second.
    return _first_of_second(expression, moment // _SECOND, zone)


@functools.lru_cache(maxsize=1024)
def _first_of_second(expression: str, second: int, zone: tzinfo) -> int | None:
    # Many schedules that fall due together have few expressions between them. What is asked next is
    # mostly what follows from the answer: reading the expression anew would take ten times as long.
    key, moment = (expression, zone), second * _SECOND
    # Taken out, so that no other thread goes on with it.
    last, times = _courses.pop(key, (None, None))
    if times is None or last != moment:
        times = cron_times(expression, moment, zone)
    at = next(times, None)
    if at is not None:
        _courses[key] = at, times
        if len(_courses) > _MOST_COURSES:
            _courses.pop(next(iter(_courses)), None)  # the one that was asked for longest ago
    return at


def cron_times(expression: str, moment: int, zone: tzinfo) -> Iterator[int]:
    """The moments after `moment` at which an expression of five fields fires, in order.

    Args:
        moment: Microseconds since 1970 UTC, as are the times that are found.
    """
    minute, hour, *_ = expression.split()
    fixed = not minute.startswith("*") and not hour.startswith("*")
    last = moment
    # Those of the second of two hours that are called alike: they come after all of the first.
    waiting: list[int] = []
    for wall in wall_times(expression, _first_wall(moment, zone)):
        found = _moments(wall, zone, fixed=fixed)
        for at in found:
            heapq.heappush(waiting, at)
        # Whatever is still to come is not before the first moment of this wall time.
        while found and waiting and waiting[0] <= found[0]:
            at = heapq.heappop(waiting)
            if at > last:
                yield at
                last = at
    yield from (at for at in sorted(waiting) if at > last)


def wall_times(expression: str, after: datetime) -> Iterator[datetime]:
    """The times after another at which an expression fires on a clock that never jumps, in order.

    Only the days are searched for: on one that fits, the hours and the minutes are those of the
    expression.
    """
    search = CronSim(expression, after)
    for first in search:
        yield first
        for hour in sorted(search.hours):
            if hour < first.hour:
                continue
            for minute in sorted(search.minutes):
                if hour > first.hour or minute > first.minute:
                    yield first.replace(hour=hour, minute=minute)
        search.dt = first.replace(hour=23, minute=59, second=59)


def _first_wall(moment: int, zone: tzinfo) -> datetime:
    """A wall time before which nothing fires after the moment."""
    at = _EPOCH + timedelta(microseconds=moment)
    # Where the clock is set back within a day, it shows earlier times once more.
    offsets = [each.astimezone(zone).utcoffset() or timedelta() for each in (at, at + _DAY)]
    return at.replace(tzinfo=None) + min(offsets)


def _moments(wall: datetime, zone: tzinfo, *, fixed: bool) -> list[int]:
    """When the clock of a zone shows a time: once, twice, or never."""
    if zone is UTC:
        return [(wall - _EPOCH_ON_THE_WALL) // _MICROSECOND]
    first = wall.replace(tzinfo=zone)
    second = first.replace(fold=1)
    if first.utcoffset() == second.utcoffset():
        return [_moment(first)]
    if not _is_missing(first):
        return [_moment(first)] if fixed else [_moment(first), _moment(second)]
    if not fixed:
        return []
    while _is_missing(first):
        first += _MINUTE
    return [_moment(first)]


def _is_missing(local: datetime) -> bool:
    there_and_back = local.astimezone(UTC).astimezone(local.tzinfo)
    return there_and_back.replace(tzinfo=None) != local.replace(tzinfo=None)


def _moment(local: datetime) -> int:
    return (local.astimezone(UTC) - _EPOCH) // _MICROSECOND
