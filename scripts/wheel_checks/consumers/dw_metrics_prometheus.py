"""What a program may do with dw-metrics-prometheus."""

from prometheus_client import CollectorRegistry

from durable_workflow.metrics import MetricsRecorder, PrometheusMetrics

registry = CollectorRegistry()
recorder: MetricsRecorder = PrometheusMetrics(registry=registry)
recorder.increment("orders", tags={"kind": "gold"})
