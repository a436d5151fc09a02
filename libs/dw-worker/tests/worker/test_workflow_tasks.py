"""What becomes of a workflow task, in every way it can go."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import itertools
import logging
import math
import re
import time
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import InvalidArgument, ServerError, Unauthorized
from durable_workflow.interceptors import PassthroughWorkerInterceptor
from durable_workflow.metrics import WORKER_TASKS, InMemoryMetrics
from durable_workflow.worker import Worker, _code_runs


@workflow.defn(name="echo")
class Echo:
    def run(self, ctx: Any, *args: Any) -> list[Any]:
        return list(args)


@workflow.defn(name="two-steps")
class TwoSteps:
    def run(self, ctx: Any) -> Generator[Any, Any, Any]:
        first = yield ctx.schedule_activity("a", [1])
        second = yield ctx.schedule_activity("b", [first])
        return second


@workflow.defn(name="unserializable")
class Unserializable:
    def run(self, ctx: Any) -> object:
        return object()


@workflow.defn(name="raises-early")
class RaisesEarly:
    def __init__(self) -> None:
        raise ValueError("cannot even begin")

    def run(self, ctx: Any) -> None: ...


@workflow.defn(name="exits")
class Exits:
    def run(self, ctx: Any) -> Generator[Any, Any, None]:
        raise SystemExit("the whole program")
        yield


@workflow.defn(name="spins")
class Spins:
    def run(self, ctx: Any) -> Generator[Any, Any, None]:
        for _ in itertools.count():
            pass  # spins here
        yield


returned: list[str] = []


@workflow.defn(name="blocks")
class Blocks:
    def run(self, ctx: Any) -> Generator[Any, Any, None]:
        time.sleep(5)
        returned.append("from time.sleep")
        yield


CLASSES = [Echo, TwoSteps, Unserializable, RaisesEarly, Exits, Spins, Blocks]


@pytest.fixture
def worker(server: Any) -> Worker:
    return Worker(server, task_queue="q", workflows=CLASSES)


@pytest.fixture
def strict_worker(server: Any) -> Worker:
    return Worker(server, task_queue="q", workflows=CLASSES, workflow_deadline_seconds=0.2)


def _task(pack: Any, workflow_type: str = "echo", **changes: Any) -> dict[str, Any]:
    return {
        "task_id": "t",
        "workflow_task_attempt": 3,
        "workflow_id": "wf",
        "run_id": "run",
        "workflow_type": workflow_type,
        "payload_codec": "avro",
        "arguments": pack([]),
        "history_events": [],
    } | changes


def _failure(server: Any) -> dict[str, Any]:
    (failure,) = server.calls["fail_workflow_task"]
    assert failure["task_id"] == "t"
    assert failure["workflow_task_attempt"] == 3
    return dict(failure)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(["a", 1], ["a", 1]), ({"k": 1}, [{"k": 1}]), ("one", ["one"]), (None, [])],
)
async def test_start_input_is_spread(
    server: Any, worker: Worker, pack: Any, value: Any, expected: list[Any]
) -> None:
    commands = await worker._run_workflow_task(_task(pack, arguments=pack(value)))
    assert commands == [{"type": "complete_workflow", "result": pack(expected)}]
    (sent,) = server.calls["complete_workflow_task"]
    assert sent == {
        "task_id": "t",
        "lease_owner": worker.worker_id,
        "workflow_task_attempt": 3,
        "commands": commands,
    }


@pytest.mark.parametrize(
    ("codec", "answered"), [("json", "json"), ("avro", "avro"), (None, "avro")]
)
async def test_commands_are_in_the_codec_of_the_run(
    worker: Worker, pack: Any, codec: str | None, answered: str
) -> None:
    task = _task(pack, payload_codec=codec, arguments=pack(["x"], codec or "avro"))
    commands = await worker._run_workflow_task(task)
    assert commands is not None
    assert commands[0]["result"] == pack(["x"], answered)


async def test_an_unknown_codec_fails_the_task(server: Any, worker: Worker, pack: Any) -> None:
    assert await worker._run_workflow_task(_task(pack, payload_codec="php")) is None
    failure = _failure(server)
    assert failure["message"].startswith("cannot decode workflow start input with codec 'php': ")
    assert failure["failure_type"] == "ValueError"
    assert failure["stack_trace"].startswith("Traceback (most recent call last):")
    assert "ValueError: unsupported payload codec 'php'" in failure["stack_trace"]


async def test_undecodable_input_fails_the_task(
    server: Any, worker: Worker, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    task = _task(pack, arguments={"codec": "avro", "blob": "not base64!"})
    assert await worker._run_workflow_task(task) is None
    assert "cannot decode workflow start input with codec 'avro'" in _failure(server)["message"]
    record = next(r for r in caplog.records if r.levelno == logging.ERROR)
    assert record.exc_info


async def test_an_unknown_type_fails_the_task(
    server: Any, worker: Worker, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert await worker._run_workflow_task(_task(pack, "nobody")) is None
    assert _failure(server)["message"] == "no workflow registered for type 'nobody'"
    assert [r.levelno for r in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    ("workflow_type", "message", "failure_type"),
    [
        ("raises-early", "replay failed: cannot even begin", "ValueError"),
        ("exits", "replay failed: workflow code raised SystemExit", "WorkflowCodeExited"),
    ],
)
async def test_an_exception_out_of_replay_fails_the_task(
    server: Any, worker: Worker, pack: Any, workflow_type: str, message: str, failure_type: str
) -> None:
    assert await worker._run_workflow_task(_task(pack, workflow_type)) is None
    failure = _failure(server)
    assert failure["message"].startswith(message)
    assert failure["failure_type"] == failure_type
    assert failure["stack_trace"]


async def test_non_determinism_fails_the_task(server: Any, worker: Worker, pack: Any) -> None:
    events = [{"sequence": 1, "event_type": "TimerFired", "payload": {"sequence": 1}}]
    task = _task(pack, "two-steps", history_events=events)
    assert await worker._run_workflow_task(task) is None
    assert _failure(server)["failure_type"] == "NonDeterministicReplayError"


@pytest.fixture
def never_over(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets code that begins from now on have its time, however slow the machine is."""
    time = SimpleNamespace(monotonic=lambda: math.inf)
    return lambda: monkeypatch.setattr(_code_runs, "time", time)


async def test_an_endless_loop_fails_the_task_and_names_the_line(
    server: Any, strict_worker: Worker, pack: Any, never_over: Callable[[], None]
) -> None:
    assert await strict_worker._run_workflow_task(_task(pack, "spins")) is None
    message = _failure(server)["message"]
    assert message.startswith("replay failed: workflow code ran for more than 0.2 s")
    assert re.search(r"test_workflow_tasks\.py:\d+ in run \((for _|pass)", message)
    never_over()
    assert await strict_worker._run_workflow_task(_task(pack)) is not None


async def test_a_blocking_call_fails_the_task_before_it_returns(
    server: Any, strict_worker: Worker, pack: Any, never_over: Callable[[], None]
) -> None:
    returned.clear()
    assert await strict_worker._run_workflow_task(_task(pack, "blocks")) is None
    assert "time.sleep(5)" in _failure(server)["message"]
    assert not returned
    never_over()
    assert await strict_worker._run_workflow_task(_task(pack)) is not None


async def test_what_escapes_is_reported_by_the_dispatch(
    server: Any, worker: Worker, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await worker._dispatch_workflow_task(_task(pack, "unserializable"))
    failure = _failure(server)
    assert failure["message"].startswith("unhandled workflow task execution error: ")
    assert failure["failure_type"] == "TypeError"
    assert any(r.levelno == logging.ERROR and r.exc_info for r in caplog.records)


async def test_run_until_reports_what_escapes_and_raises_it(server: Any) -> None:
    run = server.start("unserializable")
    worker = Worker(server, task_queue="q", workflows=CLASSES)
    with pytest.raises(TypeError):
        await worker.run_until(workflow_id=run.workflow_id, timeout=5)
    assert server.count("fail_workflow_task") == 1


async def test_a_task_that_cannot_be_named_is_logged(
    server: Any, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    await worker._dispatch_workflow_task({"workflow_type": "echo"})
    assert server.count("fail_workflow_task") == 0
    assert "task has no task_id" in caplog.text


async def test_a_malformed_history_fails_the_task(server: Any, worker: Worker, pack: Any) -> None:
    await worker._dispatch_workflow_task(_task(pack, history_events=[1]))
    assert "history_events is not a list" in _failure(server)["message"]


async def test_pages_are_fetched_to_the_end(server: Any) -> None:
    server.page_size = 2
    run = server.start("two-steps")
    for name in ("a", "b"):
        run.append("ActivityScheduled", sequence=run.next_step, activity_type=name)
        run.append("ActivityCompleted", sequence=run.next_step, result=None)
        run.next_step += 1
    worker = Worker(server, task_queue="q", workflows=CLASSES)
    await worker.run_until(workflow_id=run.workflow_id, timeout=5)
    assert run.status == "completed"
    tokens = [c["next_history_page_token"] for c in server.calls["workflow_task_history"]]
    assert tokens == ["from-2", "from-4"]


async def test_a_missing_page_fails_the_task(
    server: Any, worker: Worker, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> None:
        raise ServerError(404, {"reason": "history_not_available"})

    server.on["workflow_task_history"] = refuse
    task = _task(pack, "two-steps", next_history_page_token="more")
    assert await worker._run_workflow_task(task) is None
    assert _failure(server)["message"].startswith("workflow history is incomplete: ")
    assert "history page" in caplog.text
    assert server.count("complete_workflow_task") == 0


# --- completions that fail ---------------------------------------------------------------

_AMBIGUOUS = [
    ConnectionError("gone"),
    ServerError(500, {}),
    ServerError(429, {}),
    *(
        ServerError(409, {"reason": reason})
        for reason in (
            "lease_expired",
            "lease_owner_mismatch",
            "run_already_closed",
            "run_closed",
            "task_not_leased",
            "workflow_task_attempt_mismatch",
        )
    ),
    ServerError(404, {"reason": "task_not_found"}),
]
_DEFINITE = [
    InvalidArgument("no such command"),
    Unauthorized(),
    ServerError(409, {"reason": "invalid_commands"}),
    ServerError(400, {}),
]


@pytest.mark.parametrize("error", _AMBIGUOUS, ids=str)
async def test_an_ambiguous_completion_keeps_the_commands(
    server: Any, worker: Worker, pack: Any, error: Exception
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    server.on["complete_workflow_task"] = refuse
    assert await worker._run_workflow_task(_task(pack)) is not None
    assert server.count("fail_workflow_task") == 0
    retried = not isinstance(error, ServerError) or error.status in (429, 500)
    assert server.count("complete_workflow_task") == (3 if retried else 1)


@pytest.mark.parametrize("error", _DEFINITE, ids=str)
async def test_a_definite_rejection_fails_the_task(
    server: Any, worker: Worker, pack: Any, error: Exception
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    server.on["complete_workflow_task"] = refuse
    server.on["fail_workflow_task"] = refuse
    assert await worker._run_workflow_task(_task(pack)) is None
    assert server.count("complete_workflow_task") == 1
    message = _failure(server)["message"]
    assert message == f"workflow task completion failed after commands were produced: {error}"


async def test_a_completion_that_gets_through_at_last_is_one(
    server: Any, worker: Worker, pack: Any
) -> None:
    tries = itertools.count(1)

    def refuse(**_: Any) -> None:
        if next(tries) < 3:
            raise ServerError(503, {})

    server.on["complete_workflow_task"] = refuse
    assert await worker._run_workflow_task(_task(pack)) is not None
    assert server.count("complete_workflow_task") == 3


# --- around it ----------------------------------------------------------------------------


async def test_outcomes_are_counted(server: Any, pack: Any) -> None:
    metrics = InMemoryMetrics()
    worker = Worker(server, task_queue="q", workflows=CLASSES, metrics=metrics)
    await worker._run_workflow_task(_task(pack))
    await worker._run_workflow_task(_task(pack, "nobody"))
    await worker._dispatch_workflow_task(_task(pack, "unserializable"))
    for outcome in ("completed", "failed", "error"):
        tags = {"task_kind": "workflow", "task_queue": "q", "outcome": outcome}
        assert metrics.counter_value(WORKER_TASKS, tags) == 1


async def test_the_first_interceptor_is_outermost(server: Any, pack: Any) -> None:
    seen: list[str] = []

    class Noting(PassthroughWorkerInterceptor):
        def __init__(self, name: str) -> None:
            self.name = name

        async def execute_workflow_task(self, context: Any, next: Any) -> Any:
            seen.append(f"{self.name} {context.task['task_id']} {context.worker_id}")
            commands = await next(context)
            seen.append(f"{self.name} {commands[0]['type']}")
            return commands

    worker = Worker(
        server,
        task_queue="q",
        workflows=CLASSES,
        worker_id="w",
        interceptors=[Noting("outer"), Noting("inner")],
    )
    await worker._run_workflow_task(_task(pack))
    assert seen == ["outer t w", "inner t w", "inner complete_workflow", "outer complete_workflow"]


async def test_an_error_of_an_interceptor_fails_the_task(server: Any, pack: Any) -> None:
    class Failing(PassthroughWorkerInterceptor):
        async def execute_workflow_task(self, context: Any, next: Any) -> Any:
            raise LookupError("policy")

    worker = Worker(server, task_queue="q", workflows=CLASSES, interceptors=[Failing()])
    await worker._dispatch_workflow_task(_task(pack))
    assert _failure(server)["message"] == "unhandled workflow task execution error: policy"


async def test_beginnings_and_completions_are_logged(
    worker: Worker, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "durable_workflow.worker")
    await worker._run_workflow_task(_task(pack, arguments=pack(["x" * 3000])))
    debug, *info = caplog.records
    assert debug.levelno == logging.DEBUG
    assert len(debug.getMessage()) < 2100
    assert [(each.levelno, each.getMessage()) for each in info] == [
        (logging.INFO, "starting task of workflow wf (echo), run run"),
        (logging.INFO, "completing task of workflow wf (echo), run run: complete_workflow"),
    ]
