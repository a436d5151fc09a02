"""Counting what happened, by recorders that may fail."""

import logging
import time
from typing import Final

from durable_workflow.metrics._names import MetricTags
from durable_workflow.metrics._recorder import MetricsRecorder

_log: Final = logging.getLogger("durable_workflow.metrics")
_told: Final[set[tuple[type, str, type]]] = set()


def count(
    recorder: MetricsRecorder, counter: str, histogram: str, started: float, tags: MetricTags
) -> None:
    """Add one to a counter, and the time since a moment to a histogram.

    What is counted goes on though the recorder raises, and what it refuses of the one leaves the
    other: each kind of failure is logged once.

    Args:
        recorder: Where both are recorded.
        counter: Name of the counter.
        histogram: Name of the histogram.
        started: What `time.perf_counter` said at the moment.
        tags: Those of both.
    """
    seconds = time.perf_counter() - started
    add_one(recorder, counter, tags)
    try:
        recorder.record(histogram, seconds, tags=tags)
    except Exception as failure:  # noqa: BLE001 - a recorder is the user's
        _tell(recorder, histogram, failure)


def add_one(recorder: MetricsRecorder, counter: str, tags: MetricTags) -> None:
    """Add one to a counter, likewise though the recorder raises.

    Args:
        recorder: Where it is recorded.
        counter: Name of the counter.
        tags: Its tags.
    """
    try:
        recorder.increment(counter, tags=tags)
    except Exception as failure:  # noqa: BLE001 - a recorder is the user's
        _tell(recorder, counter, failure)


def _tell(recorder: MetricsRecorder, metric: str, failure: Exception) -> None:
    """Log a failure, unless one of its kind was."""
    kind = (type(recorder), metric, type(failure))
    if kind not in _told:
        _told.add(kind)
        _log.warning(
            "the metrics recorder %s failed on %s, as it may again: this is said once",
            type(recorder).__qualname__,
            metric,
            exc_info=failure,
        )
