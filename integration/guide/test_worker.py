# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg"
# pyright: basic
"""The user guide's chapters on the worker, interceptors, logging and metrics."""

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any, cast

import pytest

from durable_workflow import (
    ActivityInterceptorContext,
    Client,
    InMemoryMetrics,
    MetricsRecorder,
    PassthroughWorkerInterceptor,
    PrometheusMetrics,
    Worker,
    activity,
    workflow,
)
from integration.guide.conftest import serving


@activity.defn(name="greet")
async def greet(name: str) -> dict:
    return {"greeting": f"Hello, {name}!"}


@activity.defn(name="send_email")
async def send_email() -> None: ...


@activity.defn(name="validate")
async def validate() -> None: ...


@workflow.defn(name="greeter")
class GreeterWorkflow:
    def run(self, ctx, *args):
        return (yield ctx.schedule_activity("greet", list(args)))


@workflow.defn(name="order-processing")
class OrderWorkflow:
    def run(self, ctx, order: str):
        return (yield ctx.schedule_activity("charge_card", [order]))


async def test_a_worker_runs_until_it_is_stopped(url: str, token: str, client: Client) -> None:
    worker: Worker | None = None

    async def serve() -> None:
        nonlocal worker
        async with Client(url, token=token) as client:
            worker = Worker(
                client,
                task_queue="default",
                workflows=[GreeterWorkflow, OrderWorkflow],
                activities=[greet, send_email, validate],
                max_concurrent_workflow_tasks=10,
                max_concurrent_activity_tasks=10,
            )

            await worker.run()  # blocks until worker.stop() is called

    running = asyncio.create_task(serve())
    handle = await client.start_workflow(
        workflow_type="greeter", task_queue="default", input=["world"]
    )
    assert await handle.result(timeout=30) == {"greeting": "Hello, world!"}
    assert not running.done()
    assert worker is not None
    await worker.stop()
    await asyncio.wait_for(running, 30)


async def test_an_interceptor_wraps_activities(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    @activity.defn(name="charge_card")
    async def charge_card(order: str) -> str:
        return f"charged {order}"

    class AuditInterceptor(PassthroughWorkerInterceptor):
        async def execute_activity(self, context: ActivityInterceptorContext, next):
            print("activity started", context.activity_type, context.worker_id)
            return await next(context)

    worker = Worker(
        client,
        task_queue="orders",
        workflows=[OrderWorkflow],
        activities=[charge_card],
        interceptors=[AuditInterceptor()],
    )
    handle = await client.start_workflow(
        workflow_type="order-processing", task_queue="orders", input=["7"]
    )
    await worker.run_until(workflow_id=handle.workflow_id, timeout=30)
    assert await handle.result() == "charged 7"
    assert capsys.readouterr().out == f"activity started charge_card {worker.worker_id}\n"


@pytest.fixture
def levels() -> Iterator[None]:
    """Set loggers back to what they were."""
    names = (
        None,
        "durable_workflow",
        "durable_workflow.worker",
        "durable_workflow.workflow.replay",
    )
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.usefixtures("levels")
async def test_levels_of_the_loggers(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    # Show INFO-level worker events (registration, task completion)
    logging.basicConfig(level=logging.INFO)

    # Or configure specific loggers
    logging.getLogger("durable_workflow.worker").setLevel(logging.DEBUG)
    logging.getLogger("durable_workflow.workflow.replay").setLevel(logging.INFO)

    async with serving(client, workflows=[GreeterWorkflow], activities=[greet]):
        handle = await client.start_workflow(
            workflow_type="greeter", task_queue="default", input=["x"]
        )
        await handle.result(timeout=30)
    said = {
        record.levelname for record in caplog.records if record.name == "durable_workflow.worker"
    }
    assert "INFO" in said
    assert not said & {"WARNING", "ERROR"}


async def test_lines_of_a_workflow_are_not_repeated_by_replay(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    @workflow.defn(name="order_processor")
    class OrderProcessor:
        def run(self, ctx, order_id: str):
            ctx.logger.info(
                "Processing order %s", order_id
            )  # Only logs during execution, not replay
            result = yield ctx.schedule_activity("process_order", [order_id])
            ctx.logger.info("Order processed: %s", result)
            return result

    @activity.defn(name="process_order")
    async def process_order(order_id: str) -> str:
        return f"{order_id} done"

    caplog.set_level(logging.INFO, "durable_workflow")
    worker = Worker(
        client,
        task_queue="logged",
        workflows=[OrderProcessor],
        activities=[process_order],
        max_cached_workflows=0,  # so that the second task replays the first
    )
    handle = await client.start_workflow(
        workflow_type="order_processor", task_queue="logged", input=["7"]
    )
    await worker.run_until(workflow_id=handle.workflow_id, timeout=30)
    lines = [record.getMessage() for record in caplog.records if "rder" in record.msg]
    assert lines == ["Processing order 7", "Order processed: 7 done"]


@pytest.mark.usefixtures("levels")
async def test_lines_are_written_as_json(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    written = StringIO()
    monkeypatch.setattr("sys.stderr", written)

    class JSONFormatter(logging.Formatter):
        def format(self, record):
            return json.dumps(
                {
                    "timestamp": self.formatTime(record),
                    "level": record.levelname,
                    "logger": record.name,
                    "message": record.getMessage(),
                }
            )

    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter())
    logging.getLogger("durable_workflow").addHandler(handler)
    logging.getLogger("durable_workflow").setLevel(logging.INFO)

    async with serving(client, workflows=[GreeterWorkflow], activities=[greet]):
        handle = await client.start_workflow(
            workflow_type="greeter", task_queue="default", input=["x"]
        )
        await handle.result(timeout=30)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line["logger"] for line in lines} >= {"durable_workflow.worker"}
    assert all(set(line) == {"timestamp", "level", "logger", "message"} for line in lines)


async def test_any_recorder_with_two_methods_will_do(url: str, token: str) -> None:
    seen: list[str] = []

    class Recorder:
        @staticmethod
        def increment(name: str, value: float = 1.0, tags: dict[str, str] | None = None) -> None:
            seen.append(name)

        @staticmethod
        def record(name: str, value: float, tags: dict[str, str] | None = None) -> None:
            seen.append(name)

    # The guide says dict where the protocol says Mapping.
    recorder = cast(MetricsRecorder, Recorder())
    async with Client(url, token=token, metrics=recorder) as client:
        await client.health()
    assert seen == [
        "durable_workflow_client_requests",
        "durable_workflow_client_request_duration_seconds",
    ]


async def test_metrics_are_kept_in_memory(url: str, token: str) -> None:
    metrics = InMemoryMetrics()

    async with Client(url, token=token, metrics=metrics) as client:
        worker = Worker(
            client, task_queue="default", workflows=[GreeterWorkflow], activities=[greet]
        )
        handle = await client.start_workflow(
            workflow_type="greeter", task_queue="default", input=["x"]
        )
        await worker.run_until(workflow_id=handle.workflow_id, timeout=30)
    names = names_of(metrics)
    assert names >= {
        "durable_workflow_client_requests",
        "durable_workflow_worker_polls",
        "durable_workflow_worker_tasks",
    }


def names_of(metrics: InMemoryMetrics) -> set[str]:
    """The counters that have a series."""
    return {name for name, _ in metrics.counters}


async def test_metrics_are_given_to_prometheus(url: str, token: str) -> None:
    registry: Any = pytest.importorskip("prometheus_client").REGISTRY

    metrics = PrometheusMetrics()
    client = Client(url, token=token, metrics=metrics)

    async with client:
        await client.get_cluster_info()
    tags = {
        "method": "GET", "route": "/cluster/info", "plane": "control", "status_code": "200",
        "outcome": "ok",
    }  # fmt: skip
    assert registry.get_sample_value("durable_workflow_client_requests_total", tags) == 1
