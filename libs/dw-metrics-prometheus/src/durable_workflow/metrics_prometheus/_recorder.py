"""`PrometheusMetrics`: counters and histograms of prometheus-client, fed by clients and workers."""

from typing import Any

from prometheus_client import REGISTRY, Counter, Histogram

from durable_workflow.metrics import MetricTags
from durable_workflow.metrics_prometheus._families import families_of


class PrometheusMetrics:
    """Gives what a client and a worker record to Prometheus.

    One recorder serves any number of clients and workers, in any threads; recorders over the same
    registry share their metrics. Tags become labels, in the order of their names. A metric has
    `max_series` series at most: what would be one more is counted with every tag `other`, so that
    a fault that makes new tags again and again does not fill the memory of Prometheus.

    Attributes:
        registry: Where the metrics are registered.
        max_series: How many series each metric may have.
    """

    def __init__(self, *, registry: Any | None = None, max_series: int = 2000) -> None:
        """Make a recorder. Metrics are registered when they are first recorded.

        Args:
            registry: A `CollectorRegistry`; None is the default one of prometheus-client.
            max_series: How many series each metric may have.

        Raises:
            ValueError: `max_series` is less than 1.
        """
        if max_series < 1:
            raise ValueError("max_series must be at least 1")
        self.registry = REGISTRY if registry is None else registry
        self.max_series = max_series
        self._families = families_of(self.registry)

    def increment(self, name: str, value: float = 1.0, tags: MetricTags | None = None) -> None:
        """Add to a counter, which Prometheus shows as `<name>_total`.

        Raises:
            ValueError: The name was used with other tags or as a histogram, or the value is
                negative.
        """
        self._families.child(self.registry, Counter, name, _strings(tags), self.max_series).inc(
            value
        )

    def record(self, name: str, value: float, tags: MetricTags | None = None) -> None:
        """Add an observation to a histogram.

        Raises:
            ValueError: The name was used with other tags or as a counter.
        """
        self._families.child(
            self.registry, Histogram, name, _strings(tags), self.max_series
        ).observe(value)


def _strings(tags: MetricTags | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (tags or {}).items()}


# Users import it from dw-core's `durable_workflow.metrics`, which finds it here.
PrometheusMetrics.__module__ = "durable_workflow.metrics"
