"""Signals, queries, updates, cancel and terminate over ASGI, with a worker that answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from durable_workflow import serializer
from durable_workflow.server.app import create_app
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.services.settings import ServiceSettings
from durable_workflow.server.settings import Settings

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}
Json = dict[str, Any]


class Wire:
    """A client and a worker on one server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, path: str, body: Json | None = None) -> httpx.Response:
        return await self.http.post(f"/api/workflows{path}", json=body or {}, headers=CONTROL)

    async def work(self, path: str, body: Json) -> httpx.Response:
        body = {"worker_id": "w", "task_queue": "q", "lease_owner": "w"} | body
        return await self.http.post(f"/api/worker/{path}", json=body, headers=WORKER)

    async def register(self, *capabilities: str) -> None:
        body = {"runtime": "python", "capabilities": list(capabilities)}
        assert (await self.work("register", body)).status_code == 201

    async def start(self) -> str:
        body = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q", "input": [1]}
        run_id: str = (await self.post("", body)).json()["run_id"]
        return run_id

    async def task(self) -> Json:
        task: Json = (await self.work("workflow-tasks/poll", {})).json()["task"]
        return task

    async def complete(self, task: Json, *commands: Json, **more: Any) -> None:
        body = {"workflow_task_attempt": task["workflow_task_attempt"], "commands": list(commands)}
        body |= more
        answer = await self.work(f"workflow-tasks/{task['task_id']}/complete", body)
        assert answer.status_code == 200, answer.text

    async def question(self) -> Json:
        """The next query task, waiting for it."""
        task: Json | None = None
        while task is None:
            task = (await self.work("query-tasks/poll", {})).json()["task"]
        return task

    async def answer(self, task: Json, verb: str = "complete", **body: Any) -> httpx.Response:
        named = {"query_task_attempt": task["query_task_attempt"]}
        return await self.work(f"query-tasks/{task['query_task_id']}/{verb}", named | body)


@asynccontextmanager
async def served(**settings: Any) -> AsyncGenerator[Wire]:
    services = msgspec.structs.replace(ServiceSettings(), **settings)
    server = Server(Settings(db=":memory:", long_poll_timeout=5, services=services))
    await server.start()
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as http:
        yield Wire(http)
    await server.stop()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with served() as wire:
        await wire.register("query_tasks")
        yield wire


async def test_a_signal_is_accepted_with_its_control_plane_object(wire: Wire) -> None:
    run_id = await wire.start()
    answer = await wire.post("/wf/signal/approve", {"input": ["kim"], "request_id": "r"})
    body = answer.json()
    assert (answer.status_code, body["outcome"]) == (202, "signal_received")
    assert body["signal_name"] == "approve"
    assert body["control_plane"]["operation"] == "signal"
    assert body["control_plane"]["operation_name"] == "approve"
    targeted = await wire.post(f"/wf/runs/{run_id}/signal/approve")
    assert (targeted.status_code, targeted.json()["target_scope"]) == (202, "run")
    events = (await wire.task())["history_events"]
    arguments = events[2]["payload"]["arguments"]
    assert serializer.decode(arguments["blob"], arguments["codec"]) == ["kim"]


@pytest.mark.parametrize("path", ["signal/x", "query/x", "update/x", "cancel", "terminate"])
async def test_unknown_workflows_are_not_found(wire: Wire, path: str) -> None:
    answer = await wire.post(f"/nope/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (404, "instance_not_found")
    assert answer.json()["control_plane"]["operation"] == path.split("/")[0]


@pytest.mark.parametrize("path", ["signal/x", "query/x", "update/x", "cancel", "terminate"])
async def test_runs_that_are_not_current_take_no_commands(wire: Wire, path: str) -> None:
    await wire.start()
    answer = await wire.post(f"/wf/runs/old/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (409, "historical_run_command_rejected")
    assert answer.json()["run_id"] == "old"


@pytest.mark.parametrize("operation", ["signal", "query", "update"])
@pytest.mark.parametrize("name", ["%09", "x" * 257, "%20"])
async def test_names_must_be_names(wire: Wire, operation: str, name: str) -> None:
    await wire.start()
    answer = await wire.post(f"/wf/{operation}/{name}")
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [f"{operation}_name"]


async def test_bad_bodies_are_refused(wire: Wire) -> None:
    await wire.start()
    for path, body, field in (
        ("signal/x", {"input": 5}, "input"),
        ("signal/x", {"input": {"codec": "avro", "blob": "%%"}}, "input.blob"),
        ("update/x", {"wait_policy": None}, "wait_policy"),
        ("update/x", {"wait_for": "applied"}, "wait_for"),
        ("update/x", {"wait_timeout_seconds": 0}, "wait_timeout_seconds"),
        ("cancel", {"reason": "x" * 1001}, "reason"),
        ("terminate", {"request_id": "x" * 256}, "request_id"),
    ):
        answer = await wire.post(f"/wf/{path}", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), path


async def test_an_update_may_be_waited_for_as_long_as_the_caller_likes(wire: Wire) -> None:
    await wire.start()
    answer = await wire.post("/wf/update/x", {"wait_timeout_seconds": 86_400})
    assert (answer.status_code, answer.json()["wait_timeout_seconds"]) == (202, None)


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("terminate", "terminated")])
async def test_a_run_is_closed_by_command(wire: Wire, verb: str, status: str) -> None:
    await wire.start()
    answer = await wire.post(f"/wf/{verb}", {"reason": "enough"})
    assert (answer.status_code, answer.json()["outcome"]) == (200, status)
    again = await wire.post(f"/wf/{verb}")
    assert (again.status_code, again.json()["outcome"]) == (409, "rejected_not_active")


# --- queries -------------------------------------------------------------------------------------


async def test_a_query_is_answered_by_a_worker(wire: Wire) -> None:
    run_id = await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state", {"input": ["x"]}))
    task = await wire.question()
    assert task["query_name"] == "state"
    assert task["query_task_id"] == task["query_task_id"].upper()
    assert (task["workflow_id"], task["run_id"]) == ("wf", run_id)
    assert task["last_history_sequence"] == len(task["history_events"]) == 2
    assert serializer.decode(task["query_arguments"]["blob"], "avro") == ["x"]
    envelope = {"codec": "avro", "blob": serializer.encode({"n": 1})}
    told = await wire.answer(task, result={"n": 1}, result_envelope=envelope)
    assert (told.status_code, told.json()["outcome"]) == (200, "completed")
    answer = await asked
    assert answer.status_code == 200
    assert answer.json()["result"] == {"n": 1}
    assert answer.json()["result_envelope"] == envelope
    assert answer.json()["reason"] is None
    assert answer.json()["control_plane"]["result"] == {"n": 1}


async def test_the_keeper_of_a_machine_gets_the_end_of_history_and_may_ask_for_all() -> None:
    async with served() as wire:
        await wire.register("query_tasks", "sticky_history")
        await wire.start()
        first = await wire.task()
        timer = {"type": "start_timer", "delay_seconds": 60}
        await wire.complete(first, timer, keep_history=True)
        asked = asyncio.create_task(wire.post("/wf/query/state"))
        end = await wire.question()
        assert end["history_after_sequence"] == first["last_history_sequence"]
        assert [e["event_type"] for e in end["history_events"]] == ["TimerScheduled"]
        needed = {"failure": {"message": "gone", "reason": "query_history_needed"}}
        assert (await wire.answer(end, "fail", **needed)).status_code == 200
        whole = await wire.question()
        assert whole["query_task_id"] == end["query_task_id"]
        assert whole["query_task_attempt"] == 2
        assert "history_after_sequence" not in whole
        assert len(whole["history_events"]) == whole["last_history_sequence"]
        envelope = {"codec": "avro", "blob": serializer.encode(7)}
        await wire.answer(whole, result=7, result_envelope=envelope)
        assert (await asked).json()["result"] == 7


async def test_what_waits_for_a_leased_task_is_shown_behind_the_history(wire: Wire) -> None:
    await wire.start()
    task = await wire.task()
    await wire.post("/wf/signal/one", {"input": ["x"]})
    await wire.post("/wf/update/two")
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    question = await wire.question()
    shown = question["history_events"]
    assert [event["sequence"] for event in shown] == [1, 2, 3, 4]
    assert [event["event_type"] for event in shown[2:]] == ["SignalReceived", "UpdateAccepted"]
    assert serializer.decode(shown[2]["payload"]["arguments"]["blob"], "avro") == ["x"]
    assert (question["buffered_after_sequence"], question["last_history_sequence"]) == (2, 4)
    # Asking wrote nothing; the completion finds its place.
    await wire.complete(task, {"type": "start_timer", "delay_seconds": 60})
    recorded = (await wire.task())["history_events"]
    kinds = [event["event_type"] for event in recorded[2:]]
    assert kinds == ["TimerScheduled", "SignalReceived", "UpdateAccepted"]
    again = asyncio.create_task(wire.post("/wf/query/state"))
    await wire.answer(question, result=1)
    question = await wire.question()
    assert "buffered_after_sequence" not in question
    assert len(question["history_events"]) == question["last_history_sequence"] == 5
    await wire.answer(question, result=2)
    assert [(await each).json()["result"] for each in (asked, again)] == [1, 2]


async def test_a_machine_in_use_or_behind_is_not_asked() -> None:
    """Its worker gets the whole history at once."""
    async with served() as wire:
        await wire.register("query_tasks", "sticky_history")
        await wire.start()
        wait = {"type": "open_condition_wait", "condition_key": "k"}
        await wire.complete(await wire.task(), wait, keep_history=True)
        await wire.post("/wf/signal/one")
        assert (await wire.task())["history_after_sequence"] == 2
        for told in (0, 1):
            asked = asyncio.create_task(wire.post("/wf/query/state"))
            question = await wire.question()
            assert "history_after_sequence" not in question
            assert len(question["history_events"]) == 4 + told
            await wire.answer(question, result=told)
            assert (await asked).json()["result"] == told
            await wire.post("/wf/signal/two")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("rejected_unknown_query", 404),
        ("query_rejected", 409),
        ("query_workflow_state_unavailable", 409),
        ("query_result_encode_failed", 409),
        ("invalid_query_arguments", 422),
    ],
)
async def test_a_worker_that_cannot_answer_says_why(wire: Wire, reason: str, status: int) -> None:
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    failure = {"message": "no", "reason": reason, "type": "E"}
    told = await wire.answer(await wire.question(), "fail", failure=failure)
    assert (told.status_code, told.json()["outcome"]) == (200, "failed")
    answer = await asked
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert (answer.json()["message"], answer.json()["result"]) == ("no", None)
    said = {"input": ["no"]} if status == 422 else None
    assert answer.json().get("validation_errors") == said


async def test_without_a_worker_there_is_no_answer() -> None:
    async with served() as wire:
        await wire.start()
        await wire.register()
        answer = await wire.post("/wf/query/state")
        assert (answer.status_code, answer.json()["reason"]) == (409, "query_worker_unavailable")
        described = (await wire.http.get("/api/workflows/wf", headers=CONTROL)).json()
        queue, type_ = described["task_queue"], described["workflow_type"]
        assert answer.json()["message"].startswith(
            f"No live worker of task queue '{queue}' answers queries of workflow type '{type_}'"
        )


async def test_a_worker_that_polls_counts_whatever_it_registered() -> None:
    async with served() as wire:
        await wire.start()
        await wire.register()
        polling = asyncio.create_task(wire.question())
        answer = await wire.post("/wf/query/state")
        while answer.json()["reason"] == "query_worker_unavailable":
            answer_later = asyncio.create_task(wire.post("/wf/query/state"))
            done, _ = await asyncio.wait({polling, answer_later}, return_when="FIRST_COMPLETED")
            if polling in done:
                await wire.answer(polling.result(), result=1)
            answer = await answer_later
        assert answer.json()["result"] == 1


async def test_a_query_that_nobody_takes_times_out() -> None:
    async with served(query_timeout_seconds=0.05) as wire:
        await wire.register("query_tasks")
        await wire.start()
        answer = await wire.post("/wf/query/state")
        assert (answer.status_code, answer.json()["reason"]) == (504, "query_worker_timeout")
        late = await wire.answer({"query_task_id": "X", "query_task_attempt": 1}, result=1)
        assert (late.status_code, late.json()["reason"]) == (404, "query_task_not_found")


async def test_a_full_queue_refuses_queries() -> None:
    async with served(query_max_pending_per_queue=1) as wire:
        await wire.register("query_tasks")
        await wire.start()
        first = asyncio.create_task(wire.post("/wf/query/a"))
        task = await wire.question()
        second = await wire.post("/wf/query/b")
        assert (second.status_code, second.json()["reason"]) == (429, "query_task_queue_full")
        await wire.answer(task, result=1)
        assert (await first).status_code == 200


async def test_query_tasks_are_fenced(wire: Wire) -> None:
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    task = await wire.question()
    other = await wire.answer(task, result=1, lease_owner="v")
    assert (other.status_code, other.json()["reason"]) == (409, "lease_owner_mismatch")
    attempt = await wire.answer(task | {"query_task_attempt": 7}, result=1)
    assert attempt.json()["reason"] == "query_task_attempt_mismatch"
    await wire.answer(task, result=1)
    assert (await asked).status_code == 200
    assert (await wire.answer(task, result=2)).status_code == 404


# --- updates -------------------------------------------------------------------------------------


def done(update_id: str, value: Any = 5) -> Json:
    result = {"codec": "avro", "blob": serializer.encode(value)}
    return {"type": "complete_update", "update_id": update_id, "result": result}


async def waiting(wire: Wire) -> None:
    await wire.start()
    await wire.complete(await wire.task(), {"type": "open_condition_wait", "condition_key": "k"})


async def test_an_update_is_waited_for(wire: Wire) -> None:
    await waiting(wire)
    body = {"wait_for": "completed", "wait_timeout_seconds": 20, "input": [250]}
    asked = asyncio.create_task(wire.post("/wf/update/set", body))
    task = await wire.task()
    await wire.complete(task, done(task["workflow_update_id"], {"limit": 250}))
    answer = await asked
    assert (answer.status_code, answer.json()["outcome"]) == (200, "update_completed")
    assert answer.json()["result"] == {"limit": 250}
    assert answer.json()["wait_timed_out"] is False
    assert answer.json()["control_plane"]["update_status"] == "completed"


async def test_an_update_is_not_waited_for_for_ever(wire: Wire) -> None:
    await waiting(wire)
    body = {"wait_for": "completed", "wait_timeout_seconds": 1}
    answer = await wire.post("/wf/update/set", body)
    assert (answer.status_code, answer.json()["update_status"]) == (202, "accepted")
    assert answer.json()["wait_timed_out"] is True
    assert answer.json()["wait_timeout_seconds"] == 1


async def test_a_waiting_caller_follows_its_update_into_the_next_run(wire: Wire) -> None:
    await wire.start()
    task = await wire.task()
    asked = asyncio.create_task(wire.post("/wf/update/set", {"wait_for": "completed"}))
    while (await wire.post("/wf/update/probe", {"request_id": "p"})).status_code != 202:
        pass
    await wire.complete(task, {"type": "continue_as_new"})
    for _ in range(2):
        task = await wire.task()
        await wire.complete(task, done(task["workflow_update_id"]))
    answer = await asked
    assert (answer.status_code, answer.json()["result"]) == (200, 5)
    assert answer.json()["run_id"] == task["run_id"]


async def test_a_worker_that_validates_is_asked_first() -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/set", {"input": [9]}))
        task = await wire.question()
        assert (task["task_kind"], task["update_name"]) == ("update_validation", "set")
        assert serializer.decode(task["arguments"]["blob"], "avro") == [9]
        failure = {"message": "too much", "reason": "update_rejected", "type": "ValueError"}
        await wire.answer(task, "fail", failure=failure)
        refused = await asked
        assert (refused.status_code, refused.json()["reason"]) == (409, "update_rejected")
        assert refused.json()["message"] == "too much"
        assert refused.json()["update_status"] == "rejected"
        asked = asyncio.create_task(wire.post("/wf/update/set", {"input": [1]}))
        await wire.answer(await wire.question(), result={"accepted": True})
        assert (await asked).status_code == 202


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        ({"message": "too much"}, 409),
        ({"message": "cannot replay", "reason": "query_workflow_state_unavailable"}, 202),
    ],
)
async def test_a_validation_fails_with_the_validator_s_message_or_says_why_not(
    failure: dict[str, str], status: int
) -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/set", {"input": [9]}))
        await wire.answer(await wire.question(), "fail", failure=failure)
        answer = await asked
        assert answer.status_code == status
        if status == 409:
            assert (answer.json()["reason"], answer.json()["message"]) == (
                "update_rejected",
                "too much",
            )


async def test_an_update_that_the_worker_does_not_know_is_refused() -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/nope"))
        failure = {"message": "unknown", "reason": "update_rejected", "type": "UnknownUpdate"}
        await wire.answer(await wire.question(), "fail", failure=failure)
        refused = await asked
        assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_update")
        assert refused.json()["outcome"] == "rejected_unknown_update"


async def test_a_worker_that_cannot_say_does_not_hold_an_update_up() -> None:
    async with served() as wire:
        await wire.register("query_tasks", "update_validation")
        await waiting(wire)
        asked = asyncio.create_task(wire.post("/wf/update/set"))
        failure = {"message": "replay failed", "reason": "query_workflow_state_unavailable"}
        await wire.answer(await wire.question(), "fail", failure=failure)
        assert (await asked).status_code == 202
