"""What is said of a run whose code raised."""

# pyright: reportPrivateUsage=false
import logging
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.worker import Worker
from durable_workflow.workflow import WorkflowContext


@workflow.defn(name="breaks")
class Breaks:
    def run(self, ctx: WorkflowContext, message: str) -> Generator[Any]:
        raise ValueError(message)
        yield


def task(pack: Any, message: str) -> dict[str, Any]:
    return {
        "task_id": "t",
        "workflow_task_attempt": 1,
        "workflow_id": "order-1",
        "run_id": "r-1",
        "workflow_type": "breaks",
        "payload_codec": "avro",
        "arguments": pack([message]),
        "history_events": [],
    }


async def command(server: Any, pack: Any, message: str) -> dict[str, Any]:
    worker = Worker(server, task_queue="q", workflows=[Breaks])
    await worker._registration.register()
    await worker._run_workflow_task(task(pack, message))
    [sent] = server.calls["complete_workflow_task"]
    [failed] = sent["commands"]
    return dict(failed)


async def test_the_trace_is_sent_to_a_server_with_extensions(
    server: Any, pack: Any, info: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.info = info(extensions={"sticky_history": 1})
    failed = await command(server, pack, "no stock")
    assert failed["message"] == "no stock"
    first, second, *_ = failed["stack_trace"].splitlines()
    assert first == "Traceback (most recent call last):"
    assert "test_failed_runs.py" in second
    assert failed["stack_trace"].endswith("ValueError: no stock\n")
    [line] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert line.getMessage() == "workflow order-1 (breaks), run r-1 failed"
    assert line.exc_info is not None
    assert isinstance(line.exc_info[1], ValueError)


async def test_a_long_trace_is_cut(server: Any, pack: Any, info: Any) -> None:
    server.info = info(extensions={"sticky_history": 1})
    failed = await command(server, pack, "long \0 " * 10_000)
    assert len(failed["stack_trace"].encode()) <= 8192
    assert "\0" not in failed["stack_trace"]


async def test_a_reference_server_is_not_sent_what_it_does_not_know(server: Any, pack: Any) -> None:
    assert "stack_trace" not in await command(server, pack, "no stock")


@workflow.defn(name="forgets")
class Forgets:
    def run(self, ctx: WorkflowContext) -> object:
        return ctx.start_timer(1)


async def test_a_definition_that_cannot_be_run_is_one_line(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(server, task_queue="q", workflows=[Forgets])
    given = task(pack, "") | {"workflow_type": "forgets", "arguments": pack([])}
    await worker._run_workflow_task(given)
    [line] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "write `return (yield ...)`" in line.getMessage()
    assert line.exc_info is None
    [sent] = server.calls["fail_workflow_task"]
    assert "InvalidWorkflowDefinition" in sent["stack_trace"]
