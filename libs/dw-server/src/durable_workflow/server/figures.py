"""What a server counts of itself, and the form in which figures are told: families of samples.

Everything that is counted here is a number in memory, from the start of the server on. There are as
many as there are routes, statuses and reasons, whatever callers send.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

FamilyKind: TypeAlias = Literal["counter", "gauge", "histogram"]

# Upper ends of the buckets, in seconds.
_COMMIT_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_REQUEST_SECONDS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0)
# In units of work.
_COMMIT_UNITS: Final = (1, 2, 5, 10, 20, 50, 100, 200)


class Sample(msgspec.Struct, frozen=True):
    """One value of a family.

    Attributes:
        ending: What is added to the family's name: ``_bucket``, ``_sum`` or ``_count``, or nothing.
    """

    value: float
    labels: Mapping[str, str] = {}
    ending: str = ""


class Family(msgspec.Struct, frozen=True):
    """Samples of one name, told apart by their labels.

    Attributes:
        kind: As Prometheus has them.
        about: What the values mean, in a line.
    """

    name: str
    kind: FamilyKind
    about: str
    samples: list[Sample]


class Histogram:
    """How many values were at most as large as each bound, how many in all, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def note(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, labels: Mapping[str, str] | None = None) -> Iterator[Sample]:
        """Its samples; buckets count all that is below them."""
        labels, below = labels or {}, 0
        for bound, count in zip((*self._bounds, None), self._counts, strict=True):
            below += count
            end = "+Inf" if bound is None else f"{bound}"
            yield Sample(below, {**labels, "le": end}, "_bucket")
        yield Sample(self._sum, labels, "_sum")
        yield Sample(below, labels, "_count")


class CommitFigures:
    """Commits of the store."""

    def __init__(self) -> None:
        self._seconds = Histogram(_COMMIT_SECONDS)
        self._units = Histogram(_COMMIT_UNITS)
        self._failed = 0

    def note(self, seconds: float, units: int, *, failed: bool) -> None:
        """A commit of so many units took so long."""
        if failed:
            self._failed += 1
            return
        self._seconds.note(seconds)
        self._units.note(units)

    def families(self) -> Iterator[Family]:
        """What was counted."""
        seconds, units = list(self._seconds.samples()), list(self._units.samples())
        yield Family("commit_seconds", "histogram", "How long commits took.", seconds)
        yield Family("commit_units", "histogram", "Units of work in a commit.", units)
        failed = [Sample(self._failed)]
        yield Family("failed_commits_total", "counter", "Commits that failed.", failed)


class RequestFigures:
    """Requests by route, and reports over streams by operation."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int | None], int] = {}
        self._seconds: dict[tuple[str, str], Histogram] = {}
        self._reports: dict[tuple[str, str | None], int] = {}

    def note(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """A request was answered.

        Args:
            route: Template of the path, never the path.
            status: None where the caller was gone, or a stream was served.
        """
        key = (method, route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        times = self._seconds.get((method, route))
        if times is None:
            times = self._seconds[method, route] = Histogram(_REQUEST_SECONDS)
        times.note(seconds)

    def note_report(self, operation: str, reason: str | None) -> None:
        """A worker has reported over its stream; `reason` is why that was refused."""
        key = (operation, reason)
        self._reports[key] = self._reports.get(key, 0) + 1

    def families(self) -> Iterator[Family]:
        """What was counted."""
        counted = sorted(self._requests.items(), key=lambda item: (item[0][:2], item[0][2] or 0))
        requests = [
            Sample(count, {"method": method, "route": route, "status": _status(status)})
            for (method, route, status), count in counted
        ]
        yield Family("requests_total", "counter", "Requests that were answered.", requests)
        seconds = [
            sample
            for (method, route), times in sorted(self._seconds.items())
            for sample in times.samples({"method": method, "route": route})
        ]
        about = "How long requests took; polls for as long as they were held."
        yield Family("request_seconds", "histogram", about, seconds)
        ordered = sorted(self._reports.items(), key=lambda item: (item[0][0], item[0][1] or ""))
        reports = [
            Sample(count, {"operation": operation, "outcome": reason or "done"})
            for (operation, reason), count in ordered
        ]
        yield Family("stream_reports_total", "counter", "Reports over streams.", reports)


def _status(status: int | None) -> str:
    return "left" if status is None else str(status)
