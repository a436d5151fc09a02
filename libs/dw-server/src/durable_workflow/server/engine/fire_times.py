"""When a schedule fires: a function of its spec and a moment (control-plane 8.12).

Intervals count real time from 1970 on; the calendar has no part in it. Cron expressions are read
on the wall clock of a time zone; `cron_times` says what they do where that clock jumps.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from durable_workflow.server.engine.cron_times import cron_times, first_cron_time
from durable_workflow.server.fields.calendars import five_fields
from durable_workflow.server.fields.durations import microseconds


class FireTimes:
    """The fire times of one spec. All times are microseconds since 1970 UTC.

    Args:
        crons: Expressions of five fields.
        intervals: Period and offset of each, in microseconds.
        zone: Where the cron expressions are read.
    """

    def __init__(
        self, crons: Sequence[str], intervals: Sequence[tuple[int, int]], zone: tzinfo
    ) -> None:
        self._crons = crons
        self._intervals = intervals
        self._zone = zone

    @classmethod
    def of(cls, spec: Mapping[str, Any], zone: tzinfo) -> FireTimes:
        """The fire times of a spec as it is stored. What cannot be read of it adds nothing."""
        crons = [five_fields(each) for each in spec.get("cron_expressions") or ()]
        intervals: list[tuple[int, int]] = []
        for each in spec.get("intervals") or ():
            period = microseconds(each["every"])
            if period:
                intervals.append((period, microseconds(each.get("offset") or "") or 0))
        return cls(crons, intervals, zone)

    def after(self, moment: int) -> int | None:
        """The first fire time after a moment, which itself is none; None if there is no more."""
        firsts = [first_cron_time(each, moment, self._zone) for each in self._crons]
        firsts += [next(_interval(*each, moment)) for each in self._intervals]
        return min((at for at in firsts if at is not None), default=None)

    def between(self, start: int, end: int) -> Iterator[int]:
        """The fire times from `start` on and before `end`, in order, each once."""
        last = None
        for at in self._merged(start - 1):
            if at >= end:
                return
            if at != last:
                yield at
            last = at

    def _merged(self, moment: int) -> Iterator[int]:
        return heapq.merge(
            *(cron_times(each, moment, self._zone) for each in self._crons),
            *(_interval(period, offset, moment) for period, offset in self._intervals),
        )


def _interval(period: int, offset: int, moment: int) -> Iterator[int]:
    at = offset + ((moment - offset) // period + 1) * period
    while True:
        yield at
        at += period
