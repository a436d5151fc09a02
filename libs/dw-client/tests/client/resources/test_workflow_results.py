"""Waiting for a workflow to end, on servers of both generations."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow.client import Client, TransportResponse, _run_wait
from durable_workflow.errors import (
    ServerError,
    WorkflowCancelled,
    WorkflowContinuedAsNew,
    WorkflowFailed,
    WorkflowNotFound,
    WorkflowTerminated,
    WorkflowTimedOut,
)

Run = dict[str, Any]


def running(run_id: str = "r1", **members: Any) -> Run:
    return {"workflow_id": "w", "run_id": run_id, "status": "waiting", **members}


def closed(status: str, run_id: str = "r1", **members: Any) -> Run:
    return {"workflow_id": "w", "run_id": run_id, "status": status, **members}


def returned(value: Any, run_id: str = "r1") -> Run:
    return closed("completed", run_id, output_envelope=serializer.envelope(value))


def event(event_type: str, **payload: Any) -> dict[str, Any]:
    return {"event_type": event_type, "payload": payload}


class Server:
    """Answers each path from a list of its own; the last answer is given again.

    Attributes:
        paths: What was asked, below `/api/workflows/`.
        holds: The seconds that each request asked to be held for.
        applies: Whether answers say that they were held.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Run]] = {}
        self.paths: list[str] = []
        self.holds: list[int | None] = []
        self.timeouts: list[float | None] = []
        self.applies = False

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        timeout: float | None,
    ) -> TransportResponse:
        assert (method, body) == ("GET", None)
        path = url.partition("/api/workflows/")[2]
        self.paths.append(path)
        prefer = headers.get("Prefer")
        wait, _, other = (prefer or "").rpartition(", ")
        assert other == ("" if "/history" in path else "return=minimal")
        self.holds.append(int(wait.removeprefix("wait=")) if wait else None)
        self.timeouts.append(timeout)
        answers = self.answers.get(path)
        if answers is None:
            return TransportResponse(404, {}, b'{"reason": "run_not_found"}')
        document = answers.pop(0) if len(answers) > 1 else answers[0]
        sent = {"Preference-Applied": prefer} if self.applies and prefer else {}
        return TransportResponse(200, sent, serializer.encode(document, "json").encode())

    def clone(self) -> "Server":
        return self

    async def aclose(self) -> None: ...


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client("http://server.test", transport=server) as client:
        yield client


@pytest.fixture
def result(client: Client) -> Callable[..., Any]:
    """Waits for the result of a handle with this run id."""

    async def wait(run_id: str | None = None, **options: Any) -> Any:
        options.setdefault("poll_interval", 0.001)
        return await client.get_workflow_handle("w", run_id=run_id).result(**options)

    return wait


# --- the description says it ----------------------------------------------------------


@pytest.mark.parametrize("value", [{"greeting": "Hello"}, [1, 2], "text", 0, False, None])
@pytest.mark.parametrize("run_id", [None, "r1"])
async def test_the_output_is_taken_from_the_description(
    server: Server, result: Callable[..., Any], value: Any, run_id: str | None
) -> None:
    server.answers["w"] = [running(), returned(value)]
    assert await result(run_id) == value
    assert server.paths == ["w", "w"]


async def test_none_without_an_envelope_is_a_result_too(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [closed("completed", output=None, output_envelope=None)]
    assert await result() is None
    assert server.paths == ["w"]


async def test_an_output_that_came_decoded_is_taken(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [closed("completed", output={"n": 1})]
    assert await result() == {"n": 1}


FAILURE = {"message": "boom", "exception_class": "ValueError", "failure_category": "application"}


async def test_a_failure_is_raised(server: Server, result: Callable[..., Any]) -> None:
    server.answers["w"] = [closed("failed", closed_reason="failed", failure=FAILURE)]
    with pytest.raises(WorkflowFailed, match=r"^boom$") as caught:
        await result()
    assert type(caught.value) is WorkflowFailed
    assert caught.value.exception_class == "ValueError"
    assert server.paths == ["w"]


async def test_a_timeout_of_the_run_is_raised(server: Server, result: Callable[..., Any]) -> None:
    failure = {"message": "run timed out", "timeout_kind": "run_timeout"}
    server.answers["w"] = [closed("failed", closed_reason="timed_out", failure=failure)]
    with pytest.raises(WorkflowTimedOut, match="run timed out") as caught:
        await result()
    assert caught.value.timeout_kind == "run_timeout"


@pytest.mark.parametrize("status", ["cancelled", "canceled"])
async def test_a_cancellation_passes_except_exception(
    server: Server, result: Callable[..., Any], status: str
) -> None:
    failure = {"message": "Workflow cancelled: not needed", "reason": "not needed"}
    server.answers["w"] = [closed(status, closed_reason="cancelled", failure=failure)]
    with pytest.raises(WorkflowCancelled, match=r"^not needed$") as caught:
        await result()
    assert not isinstance(caught.value, Exception)


async def test_a_termination_is_raised(server: Server, result: Callable[..., Any]) -> None:
    server.answers["w"] = [closed("terminated", failure={"message": "Workflow terminated."})]
    with pytest.raises(WorkflowTerminated, match="workflow was terminated"):
        await result()


# --- the history says it --------------------------------------------------------------

HISTORY = "w/runs/r1/history"


async def test_an_output_is_taken_from_the_history_where_the_description_has_none(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [closed("completed", payload_codec="json")]
    completed = event("WorkflowCompleted", output='{"n":1}')
    server.answers[HISTORY] = [{"events": [event("WorkflowStarted"), completed]}]
    assert await result() == {"n": 1}
    assert server.paths == ["w", HISTORY]


async def test_the_codec_of_the_event_goes_before_that_of_the_run(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [closed("completed", payload_codec="json")]
    output = event("WorkflowCompleted", output="AAIxAg==", payload_codec="avro")
    server.answers[HISTORY] = [{"events": [output]}]
    assert await result() == 1


ENDS: list[tuple[str, dict[str, Any], type[BaseException], str]] = [
    ("failed", event("WorkflowFailed", message="m", exception_class="E"), WorkflowFailed, "m"),
    ("failed", event("WorkflowFailed"), WorkflowFailed, "workflow failed"),
    ("failed", event("WorkflowTimedOut", message="late"), WorkflowTimedOut, "late"),
    ("terminated", event("WorkflowTerminated", reason="x"), WorkflowTerminated, "x"),
    ("cancelled", event("WorkflowCancelled", reason="x"), WorkflowCancelled, "x"),
    ("cancelled", event("WorkflowCancelled"), WorkflowCancelled, "workflow was cancelled"),
]


@pytest.mark.parametrize(("status", "last", "error", "message"), ENDS)
async def test_why_a_run_ended_is_taken_from_the_history_where_the_description_has_no_failure(
    server: Server,
    result: Callable[..., Any],
    status: str,
    last: dict[str, Any],
    error: type[BaseException],
    message: str,
) -> None:
    server.answers["w"] = [closed(status, output=None, output_envelope=None)]
    events = [event("WorkflowStarted"), last, event("WorkflowArchived")]
    server.answers[HISTORY] = [{"events": events}]
    with pytest.raises(error, match=f"^{message}$") as caught:
        await result()
    assert type(caught.value) is error


async def test_a_history_in_pages_is_read_to_its_end(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [closed("failed")]
    server.answers[HISTORY] = [{"events": [event("WorkflowStarted")], "next_page_token": "Mg=="}]
    server.answers[f"{HISTORY}?next_page_token=Mg%3D%3D"] = [
        {"events": [event("WorkflowFailed", message="late")], "next_page_token": None}
    ]
    with pytest.raises(WorkflowFailed, match="late"):
        await result()


@pytest.mark.parametrize(
    ("run", "error"),
    [
        (closed("failed"), WorkflowFailed),
        (closed("failed", closed_reason="timed_out"), WorkflowTimedOut),
        (closed("terminated"), WorkflowTerminated),
        (closed("canceled"), WorkflowCancelled),
    ],
)
async def test_a_run_that_did_not_complete_is_never_none(
    server: Server, result: Callable[..., Any], run: Run, error: type[BaseException]
) -> None:
    server.answers["w"] = [run]
    server.answers[HISTORY] = [{"events": []}]
    with pytest.raises(error) as caught:
        await result()
    assert type(caught.value) is error


async def test_a_completed_run_whose_history_says_nothing_has_no_output(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [closed("completed")]
    server.answers[HISTORY] = [{"events": [event("workflow_completed", output="x")]}]
    assert await result() is None


async def test_without_any_run_there_is_no_history_to_ask(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [{"status": "failed"}]
    with pytest.raises(WorkflowFailed, match="no run"):
        await result()


# --- runs that follow each other ------------------------------------------------------


def continued(run_id: str, successor: str | None) -> Run:
    return closed(
        "completed", run_id, closed_reason="continued", continued_to_run_id=successor, output=None
    )


async def test_a_run_that_continued_is_left_for_the_last_one(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [running("r1"), running("r3")]
    server.answers["w/runs/r1"] = [continued("r1", "r2")]
    server.answers["w/runs/r2"] = [continued("r2", "r3")]
    server.answers["w/runs/r3"] = [running("r3"), returned("done", "r3")]
    assert await result("r1") == "done"
    assert server.paths == ["w", "w", "w/runs/r1", "w/runs/r2", "w/runs/r3", "w/runs/r3"]


async def test_a_handle_without_a_run_stays_with_the_one_it_saw_first(
    server: Server, result: Callable[..., Any]
) -> None:
    # The id was used again in between: that is another workflow, and not what was waited for.
    server.answers["w"] = [running("r1"), running("r9")]
    server.answers["w/runs/r1"] = [returned("mine", "r1")]
    assert await result() == "mine"


async def test_the_history_names_the_successor_where_the_description_does_not(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [returned("done", "r2")]
    server.answers["w/runs/r1"] = [continued("r1", None)]
    server.answers[HISTORY] = [
        {"events": [event("WorkflowContinuedAsNew", continued_to_run_id="r2")]}
    ]
    server.answers["w/runs/r2"] = [returned("done", "r2")]
    assert await result("r1") == "done"


async def test_where_nothing_names_the_successor_it_is_the_newest_run(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [continued("r1", None), continued("r1", None), returned("done", "r2")]
    server.answers[HISTORY] = [{"events": []}]
    assert await result("r1") == "done"


async def test_where_nothing_ever_follows_the_wait_ends(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [continued("r1", None)]
    server.answers[HISTORY] = [{"events": []}]
    with pytest.raises(TimeoutError):
        await result("r1", timeout=0.01)


async def test_runs_need_not_be_followed(server: Server, result: Callable[..., Any]) -> None:
    server.answers["w"] = [continued("r1", "r2")]
    with pytest.raises(WorkflowContinuedAsNew) as caught:
        await result("r1", follow_runs=False)
    assert (caught.value.workflow_id, caught.value.new_run_id) == ("w", "r2")


async def test_a_run_that_does_not_exist_is_not_waited_for(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [running("r2")]
    with pytest.raises(WorkflowNotFound):
        await result("r1")


# --- how it waits ---------------------------------------------------------------------


class Time:
    """The time of a wait: a millisecond passes with each look at it, and what is slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._now = 1000.0

    def monotonic(self) -> float:
        self._now += 0.001
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += seconds


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(_run_wait, "time", time)
    monkeypatch.setattr(_run_wait, "asyncio", time)
    return time


@pytest.mark.usefixtures("passing")
async def test_it_asks_to_be_held_for_as_long_as_it_may_wait(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [running(), returned(1)]
    await result(timeout=10.0)
    await result(timeout=1000.0)
    await result(timeout=math.inf)
    assert server.holds == [9, 9, 30, 30]
    assert server.timeouts == [60.0] * 4


@pytest.mark.usefixtures("passing")
async def test_a_held_answer_outlasts_the_time_out_of_the_client(server: Server) -> None:
    server.answers["w"] = [returned(1)]
    async with Client("http://server.test", transport=server, timeout=3.0) as client:
        await client.get_workflow_handle("w").result(timeout=20.5)
    assert (server.holds, server.timeouts) == ([20], [25.0])


async def test_the_server_is_asked_once_at_least(
    server: Server, result: Callable[..., Any]
) -> None:
    server.answers["w"] = [returned(1)]
    assert await result(timeout=0.0) == 1
    assert server.holds == [None]


@pytest.mark.parametrize("applies", [False, True])
async def test_an_open_run_ends_the_wait_with_the_builtin_error(
    server: Server, result: Callable[..., Any], passing: Time, applies: bool
) -> None:
    server.answers["w"], server.applies = [running()], applies
    with pytest.raises(TimeoutError, match="w did not finish"):
        await result(timeout=0.02, poll_interval=5.0)
    assert 0 < sum(passing.slept) <= 0.02


async def test_a_server_that_does_not_hold_is_not_asked_all_the_time(
    server: Server, result: Callable[..., Any], passing: Time
) -> None:
    server.answers["w"] = [running()]
    with pytest.raises(TimeoutError):
        await result(timeout=10, poll_interval=4)
    assert len(server.paths) == len(passing.slept) + 1 == 4


async def test_one_that_only_says_that_it_holds_is_not_either(
    server: Server, result: Callable[..., Any], passing: Time
) -> None:
    server.answers["w"], server.applies = [running()], True
    with pytest.raises(TimeoutError):
        await result(timeout=11, poll_interval=5)
    assert len(server.paths) == len(passing.slept) + 1 == 4


async def test_waiting_for_many_leaves_connections_for_other_calls(
    server: Server, client: Client
) -> None:
    asked, release = asyncio.Event(), asyncio.Event()
    plain = server.send

    async def held(*args: Any, **options: Any) -> TransportResponse:
        answer = await plain(*args, **options)
        if len(server.holds) == 220:
            asked.set()
        if server.holds[-1] is not None:
            await release.wait()
        return answer

    server.send = held  # type: ignore[method-assign]  # a server that does hold
    server.answers["w"] = [returned(1)]
    handle = client.get_workflow_handle("w")
    waits = [asyncio.create_task(handle.result()) for _ in range(220)]
    await asked.wait()
    assert server.holds.count(None) == 20
    release.set()
    assert await asyncio.gather(*waits) == [1] * 220


async def test_a_description_that_is_no_object_is_an_error(server: Server, client: Client) -> None:
    server.answers["w"] = [[]]  # type: ignore[list-item]  # what the test is about
    with pytest.raises(ServerError):
        await client.get_workflow_handle("w").result()
