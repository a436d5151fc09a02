"""Metrics of the client, the worker and the server: their names, and what records them."""

from typing import TYPE_CHECKING, Any

from durable_workflow._publish import publish
from durable_workflow.metrics._memory import InMemoryMetrics
from durable_workflow.metrics._names import (
    CLIENT_REQUEST_DURATION_SECONDS,
    CLIENT_REQUESTS,
    SERVER_DUE_FAILURES,
    SERVER_STREAMS,
    WORKER_POLL_DURATION_SECONDS,
    WORKER_POLLS,
    WORKER_TASK_DURATION_SECONDS,
    WORKER_TASKS,
    MetricKey,
    MetricTags,
)
from durable_workflow.metrics._prometheus import prometheus_metrics
from durable_workflow.metrics._recorder import NOOP_METRICS, MetricsRecorder, NoopMetrics

if TYPE_CHECKING:  # in a wheel of its own; `__getattr__` finds it
    from durable_workflow.metrics_prometheus import PrometheusMetrics as PrometheusMetrics

__all__ = [
    "CLIENT_REQUESTS",
    "CLIENT_REQUEST_DURATION_SECONDS",
    "NOOP_METRICS",
    "SERVER_DUE_FAILURES",
    "SERVER_STREAMS",
    "WORKER_POLLS",
    "WORKER_POLL_DURATION_SECONDS",
    "WORKER_TASKS",
    "WORKER_TASK_DURATION_SECONDS",
    "InMemoryMetrics",
    "MetricKey",
    "MetricTags",
    "MetricsRecorder",
    "NoopMetrics",
]

publish(globals(), __all__)


def __getattr__(name: str) -> Any:
    """Find `PrometheusMetrics` in its own wheel, and remember it."""
    if name != "PrometheusMetrics":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    recorder = prometheus_metrics()
    globals()[name] = recorder
    return recorder
