"""A worker with a stream: tasks, reports and signs of life go over it while it stands."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportUnknownLambdaType=false
import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, ClassVar

import pytest

from durable_workflow import activity, workflow
from durable_workflow._meet import (
    Lease,
    Opening,
    Report,
    StreamEnded,
    StreamListener,
    register_transport_clone,
    register_worker_transport,
)
from durable_workflow.errors import ActivityCancelled, ServerError
from durable_workflow.interceptors import PassthroughWorkerInterceptor
from durable_workflow.metrics import WORKER_POLLS, InMemoryMetrics
from durable_workflow.worker import Worker
from durable_workflow.worker._transports import ClientMethods
from integration.harness.quick_code import keep_code_quick

EXTENSIONS = {"held_tasks": 1, "deregister": 1, "worker_stream": 1}
TAKES = {"takes_decisions": True, "passes_on": True}


class Stream:
    """A stream without a network. Its calls come from the worker's loop and from threads."""

    heartbeat_seconds = 7
    takes: ClassVar[dict[str, bool]] = {}

    def __init__(self, opening: Opening, listener: StreamListener) -> None:
        self.opening, self.listener = opening, listener
        self.answers: list[Any] = []
        self.calls: list[tuple[Any, ...]] = []
        self.reported, self.thread = threading.Event(), ""
        self._tasks: dict[str, list[Any]] = defaultdict(list)
        self._end, self._refused = threading.Event(), False

    def put(self, kind: str, task: dict[str, Any]) -> None:
        self._tasks[kind].append(task)

    def refuse(self) -> None:
        self._refused = True
        self._end.set()

    async def run(self) -> None:
        self.thread = threading.current_thread().name
        welcome = {"heartbeat_seconds": self.heartbeat_seconds, "warnings": ["two of this id"]}
        self.listener.welcomed(welcome | self.takes)
        await asyncio.to_thread(self._end.wait, 30)
        if self._refused:
            raise StreamEnded("the upgrade was answered with HTTP 404")

    async def poll(self, kind: str, *, timeout: float, begin: Any = None) -> Any:
        assert timeout <= 30
        while not self._tasks[kind]:
            if self._end.is_set():
                raise StreamEnded
            await asyncio.sleep(0.001)
        task = self._tasks[kind].pop()
        if begin is not None:
            begin(task)
        return task

    async def report(self, report: Report) -> Any:
        if self._end.is_set():
            raise StreamEnded
        self.calls.append(("report", report.verb, report.lease.task_id, report.body))
        self.reported.set()
        answer = self.answers.pop(0) if self.answers and "ahead" in report.body else {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def heartbeat(self, lease: Lease, details: dict[str, Any] | None) -> Any:
        self.calls.append(("heartbeat", lease.task_id, details))
        return {}

    async def history(self, lease: Lease, token: str) -> Any:
        self.calls.append(("history", lease.task_id, token))
        return {"history_events": []}

    async def alive(self, body: dict[str, Any]) -> Any:
        self.calls.append(("alive", body))
        return {"dropped": []}

    def release(self, lease: Lease) -> None:
        self.calls.append(("release", lease.task_id))

    def drain(self) -> None:
        self.calls.append(("drain",))

    async def close(self) -> None:
        self.calls.append(("close",))
        self._end.set()

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]


@pytest.fixture
def streaming(server: Any, info: Any) -> tuple[Any, list[Stream]]:
    """A client that can open streams, and the streams that it opened."""
    streams: list[Stream] = []

    class Requests(ClientMethods):
        encodes = False
        can_stream = True

        def stream(self, opening: Opening, listener: StreamListener) -> Stream:
            streams.append(Stream(opening, listener))
            return streams[-1]

    class Streaming(type(server)):  # type: ignore[misc]  # the double is known to the fixture only
        pass

    register_worker_transport(Streaming, Requests)
    register_transport_clone(Streaming, lambda client, **_: client)
    server.__class__ = Streaming
    server.info = info(extensions=EXTENSIONS)
    return server, streams


def task(function: Callable[..., Any], task_id: str = "t-1") -> dict[str, Any]:
    return {
        "task_id": task_id,
        "activity_attempt_id": "a-1",
        "activity_type": function.__name__,
    }


async def begin(
    client: Any, streams: list[Stream], **options: Any
) -> tuple[Worker, asyncio.Task[None], Stream]:
    worker = Worker(client, task_queue="q", worker_id="w", **options)
    running = asyncio.create_task(worker.run())
    await client.until(lambda: client.count("register_worker"))
    await until(lambda: streams and streams[0].thread)
    return worker, running, streams[0]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.001)


async def test_tasks_and_reports_go_over_the_stream_and_no_poll_goes_out(
    streaming: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client, streams = streaming
    metrics = InMemoryMetrics()

    def double() -> int:
        return 42

    worker, running, stream = await begin(client, streams, activities=[double], metrics=metrics)
    assert stream.opening.slots == {"workflow": 0, "activity": 10, "query": 0}
    assert stream.opening.session == client.calls["register_worker"][0]["session"]
    assert "worker_stream" in client.calls["register_worker"][0]["capabilities"]
    assert stream.thread != threading.current_thread().name
    stream.put("activity", task(double))
    await until(stream.reported.is_set)
    await until(lambda: stream.named("release"))
    assert worker._heartbeat_interval == 7.0
    await worker.stop()
    await running
    [report] = stream.named("report")
    assert report[1:3] == ("complete", "t-1")
    order = [call[0] for call in stream.calls]
    assert order.index("drain") < order.index("close")
    assert client.count("release_worker") == 1
    assert client.count("poll_activity_task") == client.count("complete_activity_task") == 0
    tags = {"task_kind": "activity", "task_queue": "q", "outcome": "task"}
    assert metrics.counter_value(WORKER_POLLS, tags) == 1
    assert caplog.text.count("two of this id") == 1


async def test_a_refused_stream_is_said_once_and_polls_serve(
    streaming: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client, streams = streaming

    def double() -> int:
        return 42

    worker, running, stream = await begin(client, streams, activities=[double])
    stream.refuse()
    client.put("activity", task(double))
    await client.until(lambda: client.count("poll_activity_task"))
    await until(lambda: client.count("complete_activity_task"))
    await worker.stop()
    await running
    assert caplog.text.count("has no stream, and polls from now on") == 1
    assert "HTTP 404" in caplog.text


async def test_run_until_uses_polls(streaming: Any) -> None:
    client, streams = streaming
    run = client.start("none", workflow_id="over")
    run.status = "completed"
    worker = Worker(client, task_queue="q", activities=[len])
    await worker.run_until(workflow_id="over", timeout=5)
    assert streams == []
    assert "worker_stream" not in client.calls["register_worker"][0]["capabilities"]


async def test_a_cancelled_coroutine_sees_activity_cancelled_where_it_awaits(
    streaming: Any,
) -> None:
    client, streams = streaming
    seen: list[str] = []
    waiting = asyncio.Event()

    async def slow() -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        except ActivityCancelled:
            seen.append("cancelled")
            assert activity.context().is_cancelled
            await asyncio.sleep(0)  # cleaning up may await
            seen.append("cleaned up")
            raise

    worker, running, stream = await begin(client, streams, activities=[slow])
    stream.put("activity", task(slow))
    await asyncio.wait_for(waiting.wait(), 5)
    stream.listener.cancelled("t-1", "run_terminated")
    await until(stream.reported.is_set)
    [report] = stream.named("report")
    assert report[1] == "fail"
    assert report[3]["failure"]["type"] == "ActivityCancelled"
    assert seen == ["cancelled", "cleaned up"]
    assert stream.named("heartbeat") == []
    await worker.stop()
    await running


async def test_a_coroutine_that_ignores_being_cancelled_reports_its_result(streaming: Any) -> None:
    client, streams = streaming
    waiting = asyncio.Event()

    async def stubborn() -> str:
        waiting.set()
        with contextlib.suppress(ActivityCancelled):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return "done all the same"

    worker, running, stream = await begin(client, streams, activities=[stubborn])
    stream.put("activity", task(stubborn))
    await asyncio.wait_for(waiting.wait(), 5)
    stream.listener.cancelled("t-1", "cancelled")
    await until(stream.reported.is_set)
    assert stream.named("report")[0][1] == "complete"
    await worker.stop()
    await running


async def test_a_cancelled_thread_is_told_with_its_next_heartbeat(streaming: Any) -> None:
    client, streams = streaming
    told = threading.Event()
    started = threading.Event()

    def busy() -> None:
        started.set()
        assert told.wait(5)
        activity.context().heartbeat_sync()

    worker, running, stream = await begin(client, streams, activities=[busy])
    stream.put("activity", task(busy))
    await until(started.is_set)
    stream.listener.cancelled("t-1", "cancelled")
    told.set()
    await until(stream.reported.is_set)
    assert stream.named("report")[0][3]["failure"]["type"] == "ActivityCancelled"
    assert stream.named("heartbeat") == []
    await worker.stop()
    await running


async def test_a_dropped_activity_is_stopped_and_released_when_its_code_has_ended(
    streaming: Any,
) -> None:
    client, streams = streaming
    waiting = asyncio.Event()

    async def slow() -> None:
        waiting.set()
        await asyncio.Event().wait()

    worker, running, stream = await begin(client, streams, activities=[slow])
    stream.put("activity", task(slow))
    await asyncio.wait_for(waiting.wait(), 5)
    stream.listener.dropped("t-1", "another attempt")
    assert worker._in_flight
    stream.listener.dropped("t-1", "a-1")
    await until(lambda: not worker._in_flight)
    assert stream.named("report") == []
    assert stream.named("release") == [("release", "t-1")]
    await worker.stop()
    await running


async def test_signs_of_life_go_over_the_stream_while_the_loop_is_blocked(
    streaming: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "heartbeat_seconds", 1)
    client, streams = streaming
    alive: list[bool] = []

    async def blocks() -> None:
        stream = streams[0]
        before = len(stream.named("alive"))
        deadline = threading.Event()
        for _ in range(500):
            if len(stream.named("alive")) > before:
                break
            deadline.wait(0.01)
        alive.append(len(stream.named("alive")) > before)

    worker, running, stream = await begin(client, streams, activities=[blocks])
    stream.put("activity", task(blocks))
    await until(stream.reported.is_set)
    assert alive == [True]
    [_, body] = stream.named("alive")[0]
    assert set(body) == {"worker_id", "task_slots", "process_metrics"}
    assert client.count("heartbeat_worker") == 0
    await worker.stop()
    await running


@workflow.defn(name="ahead")
class TwoSteps:
    def run(self, ctx: Any) -> Generator[Any, Any, Any]:
        yield ctx.schedule_activity("step", [1])
        return (yield ctx.schedule_activity("step", [2]))


@activity.defn(name="step")
async def step(value: int) -> int:
    return value + 1


def workflow_task(number: int) -> dict[str, Any]:
    started = {"workflow_type": "ahead", "clock": "event"}
    event = {"event_type": "WorkflowStarted", "sequence": 1, "payload": started}
    return {
        "task_id": f"of-run-{number}",
        "workflow_task_attempt": 1,
        "workflow_type": "ahead",
        "run_id": f"run-{number}",
        "payload_codec": "json",
        "history_events": [event],
        "last_history_sequence": 1,
    }


def step_task(run: str, attempt: int = 1, number: int = 1) -> dict[str, Any]:
    more = {"run_id": run, "attempt_number": attempt, "arguments": {"codec": "json", "blob": "[1]"}}
    return task(step, f"step-{number}-of-{run}") | more | {"activity_type": "step"}


class Scene:
    """A worker with a stream, that has been quick with a task of the workflow before."""

    def __init__(self, worker: Worker, stream: Stream) -> None:
        self.machines: Any = worker._machines
        self.stream = stream

    async def do(self, task: dict[str, Any], *answers: Any) -> list[dict[str, Any]]:
        """Have a task done; what was reported of it, each time that it was."""
        self.stream.answers = list(answers)
        before = len(self.stream.named("report"))
        self.stream.put("activity" if "activity_type" in task else "workflow", task)
        await until(lambda: ("release", task["task_id"]) in self.stream.calls)
        return [body for _, _, _, body in self.stream.named("report")[before:]]


@pytest.fixture
def opened(
    streaming: Any, info: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., contextlib.AbstractAsyncContextManager[Scene]]:
    """Opens a scene."""

    @contextlib.asynccontextmanager
    async def open_scene(*, takes: Any = TAKES, **options: Any) -> AsyncGenerator[Scene]:
        client, streams = streaming
        client.info = info(extensions=EXTENSIONS | {"sticky_history": 1})
        client.info["limits"] = {"max_payload_bytes": options.pop("room", 2**21)}
        monkeypatch.setattr(Stream, "takes", takes)
        keep_code_quick(monkeypatch)  # elsewhere nothing is decided ahead
        worker, running, stream = await begin(
            client, streams, workflows=[TwoSteps], activities=[step], **options
        )
        scene = Scene(worker, stream)
        for number in range(2):
            await scene.do(workflow_task(number))
        yield scene
        await worker.stop()
        await running

    return open_scene


TAKEN = {"decided_at": "2026-06-01T12:00:01.000000Z"}
Open = Callable[..., contextlib.AbstractAsyncContextManager[Scene]]


@pytest.mark.parametrize("passes_on", [True, False])
async def test_a_result_brings_along_what_comes_next(opened: Open, passes_on: bool) -> None:
    async with opened(takes=TAKES | {"passes_on": passes_on}) as scene:
        [body] = await scene.do(step_task("run-1"), TAKEN)
        ahead = body["ahead"]
        assert (ahead["run_id"], ahead["after"], ahead["keep_history"]) == ("run-1", 1, True)
        [command] = ahead["commands"]
        assert (command["type"], command["activity_type"]) == ("schedule_activity", "step")
        [body] = await scene.do(step_task("run-1", number=2), TAKEN)
        assert body["ahead"]["after"] == 4
        sent = {} if passes_on else {"result": body["result"]}
        assert body["ahead"]["commands"] == [{"type": "complete_workflow"} | sent]
        assert ("passes_on" in body["ahead"], "keep_history" in body["ahead"]) == (passes_on, False)
        assert len(scene.machines) == 1, "the other run's"


@pytest.mark.parametrize("answer", [{}, None, {"decided_at": None}, {"decided_at": 5}], ids=str)
async def test_a_decision_that_is_not_taken_costs_the_machine_and_nothing_else(
    opened: Open, answer: Any
) -> None:
    async with opened() as scene:
        assert len(scene.machines) == 2
        [body] = await scene.do(step_task("run-1"), answer)
        assert "ahead" in body
        assert len(scene.machines) == 1


@pytest.mark.parametrize("status", [413, 422])
async def test_a_report_that_is_refused_is_sent_again_without_the_decision(
    opened: Open, status: int
) -> None:
    async with opened() as scene:
        refused = ServerError(status, {"reason": "validation_failed"})
        first, second = await scene.do(step_task("run-1"), refused)
        assert "ahead" in first
        assert second == {"result": first["result"]}
        assert len(scene.machines) == 1


@pytest.mark.parametrize(
    "options",
    [{"takes": {}}, {"room": 99_999}, {"interceptors": [PassthroughWorkerInterceptor()]}],
)
async def test_no_decision_goes_where_a_task_is_wanted_for_it(opened: Open, options: Any) -> None:
    async with opened(**options) as scene:
        [body] = await scene.do(step_task("run-1"))
        assert "ahead" not in body
        assert len(scene.machines) == 2


async def test_a_second_attempt_and_an_unknown_run_bring_no_decision(opened: Open) -> None:
    async with opened() as scene:
        for each in [step_task("run-1", attempt=2), step_task("another")]:
            assert "ahead" not in (await scene.do(each))[0]
        assert len(scene.machines) == 2


async def test_a_machine_that_is_ahead_is_not_fed_a_task(opened: Open) -> None:
    async with opened() as scene:
        held = asyncio.Event()
        send = scene.stream.report

        async def late(report: Report) -> Any:
            if "ahead" in report.body:
                await until(held.is_set)
            return await send(report)

        scene.stream.report = late  # type: ignore[method-assign]
        doing = asyncio.create_task(scene.do(step_task("run-1"), TAKEN))
        await until(lambda: scene.machines._kept["run-1"].is_ahead)
        ahead = scene.machines._kept["run-1"]
        events = workflow_task(1)["history_events"]
        signal = {"event_type": "SignalReceived", "sequence": 2, "payload": {"signal_name": "s"}}
        again = workflow_task(1) | {"task_id": "again", "last_history_sequence": 2}
        [body] = await scene.do(again | {"history_events": [*events, signal]})
        assert [each["type"] for each in body["commands"]] == ["schedule_activity"]
        assert scene.machines._kept["run-1"].machine is not ahead.machine
        held.set()
        await doing
        assert not scene.machines._kept["run-1"].is_ahead, "it is of the task, and stays"
