"""What records metrics, and what does not."""

from typing import Final, Protocol, runtime_checkable

from durable_workflow.metrics._names import MetricTags


@runtime_checkable
class MetricsRecorder(Protocol):
    """Where the client and the worker put their metrics.

    Called synchronously, and from more than one thread.
    """

    def increment(self, name: str, value: float = 1.0, tags: MetricTags | None = None) -> None:
        """Add to a counter."""
        ...

    def record(self, name: str, value: float, tags: MetricTags | None = None) -> None:
        """Add an observation to a histogram."""
        ...


class NoopMetrics:
    """Records nothing: the default."""

    def increment(self, name: str, value: float = 1.0, tags: MetricTags | None = None) -> None:
        """Do nothing."""

    def record(self, name: str, value: float, tags: MetricTags | None = None) -> None:
        """Do nothing."""


NOOP_METRICS: Final = NoopMetrics()
