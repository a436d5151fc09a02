"""The recorder that gives metrics to Prometheus. Import it from `durable_workflow.metrics`."""

from durable_workflow.metrics_prometheus._recorder import PrometheusMetrics

__all__ = ["PrometheusMetrics"]
