"""Metrics kept in the process, for tests and for exporters of one's own."""

import threading
from dataclasses import dataclass, field
from typing import ClassVar

from durable_workflow.metrics._names import MetricKey, MetricTags


def _no_counters() -> dict[MetricKey, float]:
    return {}


def _no_histograms() -> dict[MetricKey, list[float]]:
    return {}


@dataclass
class InMemoryMetrics:
    """Keeps every counter and every observation.

    Attributes:
        counters: Value by name and sorted tags.
        histograms: Observations by name and sorted tags, in the order they were made.
    """

    counters: dict[MetricKey, float] = field(default_factory=_no_counters)
    histograms: dict[MetricKey, list[float]] = field(default_factory=_no_histograms)
    # Adding is a read and a write; the query poller records from a thread of its own. One lock for
    # all recorders: held for an instant, and no part of a value that is copied, pickled, compared.
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def increment(self, name: str, value: float = 1.0, tags: MetricTags | None = None) -> None:
        """Add to a counter."""
        key = _key(name, tags)
        with self._lock:
            self.counters[key] = self.counters.get(key, 0.0) + value

    def record(self, name: str, value: float, tags: MetricTags | None = None) -> None:
        """Add an observation to a histogram."""
        with self._lock:
            self.histograms.setdefault(_key(name, tags), []).append(value)

    def counter_value(self, name: str, tags: MetricTags | None = None) -> float:
        """Value of a counter with exactly these tags; 0.0 when it was never added to."""
        return self.counters.get(_key(name, tags), 0.0)

    def observations(self, name: str, tags: MetricTags | None = None) -> list[float]:
        """Observations of a histogram with exactly these tags, as a copy."""
        return list(self.histograms.get(_key(name, tags), ()))


def _key(name: str, tags: MetricTags | None) -> MetricKey:
    pairs = ((str(key), str(value)) for key, value in (tags or {}).items())
    return name, tuple(sorted(pairs))
