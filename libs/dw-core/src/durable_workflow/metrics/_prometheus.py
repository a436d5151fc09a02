"""`PrometheusMetrics`, which is in a wheel of its own.

The name can be imported all the same, so that a program may offer it as an option; what fails
without the wheel is making one.
"""

from importlib import import_module
from typing import Any

_MODULE = "durable_workflow.metrics_prometheus"
_HINT = (
    "PrometheusMetrics needs the Prometheus recorder: pip install dw-metrics-prometheus, "
    'or pip install "durable-workflow[prometheus]"'
)


def prometheus_metrics() -> type[Any]:
    """The recorder class, or what stands in for it while its wheel is missing."""
    try:
        module = import_module(_MODULE)
    except ModuleNotFoundError as error:
        if error.name != _MODULE:
            raise
        return MissingPrometheusMetrics
    recorder: type[Any] = module.PrometheusMetrics
    return recorder


class MissingPrometheusMetrics:
    """Stands in for `PrometheusMetrics`, and cannot be made."""

    def __init__(self, *, registry: Any | None = None) -> None:
        """Refuse.

        Raises:
            RuntimeError: Always; the text has the install line.
        """
        raise RuntimeError(_HINT)


# What users see is the name that they asked for, where they asked for it.
MissingPrometheusMetrics.__name__ = "PrometheusMetrics"
MissingPrometheusMetrics.__qualname__ = "PrometheusMetrics"
MissingPrometheusMetrics.__module__ = "durable_workflow.metrics"
