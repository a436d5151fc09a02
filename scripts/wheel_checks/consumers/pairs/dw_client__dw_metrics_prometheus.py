"""A client of dw-client counts into the recorder of dw-metrics-prometheus."""

import asyncio

from prometheus_client import CollectorRegistry

from durable_workflow import Client, PrometheusMetrics


async def main() -> None:
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry=registry)
    async with Client("http://127.0.0.1:9", token="secret", metrics=metrics) as client:
        assert client is not None


asyncio.run(main())
