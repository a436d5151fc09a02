"""The collectors of one registry, by metric name.

A registry refuses a second collector of a name. A program may make two recorders over one registry,
as for a client and for a worker, so all recorders of a registry share its collectors.
"""

import logging
import threading
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Histogram

CollectorT = TypeVar("CollectorT", Counter, Histogram)
Labels = tuple[str, ...]

# What a tag's values become once a metric has as many series as it may have.
OTHER: Final = "other"

# From a poll that is answered at once to an activity of some minutes.
_BUCKETS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip

_log = logging.getLogger("durable_workflow.metrics")


class Family:
    """One metric: its collector, the names of its labels, and the series that it has."""

    def __init__(self, collector: Counter | Histogram, labels: Labels) -> None:
        self.collector = collector
        self.labels = labels
        self._series: set[Labels] = set()

    def bounded(self, name: str, values: Labels, most: int) -> Labels:
        """The values of the labels, or `other` for each where they would be one series too many."""
        if values in self._series:
            return values
        if len(self._series) < most:
            self._series.add(values)
            return values
        others = (OTHER,) * len(values)
        if others not in self._series:
            self._series.add(others)
            _log.warning(
                "metric %s has %d series; what would be more is counted with the tags %r",
                name,
                most,
                OTHER,
            )
        return others


class Families:
    """The metrics of one registry, each made when its name is first used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Family] = {}

    def child(
        self,
        registry: CollectorRegistry,
        kind: type[CollectorT],
        name: str,
        tags: dict[str, str],
        most: int,
    ) -> CollectorT:
        """The collector of one series.

        Args:
            registry: Where the metric is registered when it is new.
            kind: Counter or histogram.
            name: Name of the metric.
            tags: Values of its labels, by label name.
            most: How many series the metric may have.

        Raises:
            ValueError: The name is taken by other labels, by the other kind or by a collector of
                the application, or Prometheus does not allow it.
        """
        labels = tuple(sorted(tags))
        with self._lock:
            family = self._by_name.get(name)
            if family is None:
                family = self._by_name[name] = Family(_new(registry, kind, name, labels), labels)
            collector = family.collector
            if not isinstance(collector, kind):
                raise ValueError(f"metric {name} is not a {kind.__name__.lower()}")
            if family.labels != labels:
                raise ValueError(
                    f"metric {name} has the tags {list(family.labels)}: "
                    f"it cannot be recorded with {list(labels)}"
                )
            values = family.bounded(name, tuple(tags[label] for label in labels), most)
            return collector.labels(*values) if labels else collector


def _new(
    registry: CollectorRegistry, kind: type[CollectorT], name: str, labels: Labels
) -> Counter | Histogram:
    text = name.removeprefix("durable_workflow_").replace("_", " ").capitalize()
    if kind is Counter:
        return Counter(name, f"{text}.", labels, registry=registry)
    return Histogram(name, f"{text}.", labels, registry=registry, buckets=_BUCKETS)


_lock = threading.Lock()
_by_registry: WeakKeyDictionary[CollectorRegistry, Families] = WeakKeyDictionary()


def families_of(registry: CollectorRegistry) -> Families:
    """The metrics of a registry, which all its recorders share."""
    with _lock:
        return _by_registry.setdefault(registry, Families())
