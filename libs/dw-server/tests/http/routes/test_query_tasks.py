"""Questions, and the workers that answer them, over ASGI."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import pytest

from durable_workflow import serializer

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
Json = dict[str, Any]
Wire: TypeAlias = Any


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


async def test_the_keeper_of_a_machine_gets_the_end_of_history_and_may_ask_for_all(
    served: Any,
) -> None:
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


async def test_signals_behind_a_timeout_that_nobody_has_answered_are_shown(wire: Wire) -> None:
    await wire.start()
    wait = {"type": "open_condition_wait", "condition_key": "k", "timeout_seconds": 1}
    await wire.complete(await wire.task(), wait)
    question: Json = {}
    kinds: list[str] = []
    while "TimerFired" not in kinds:
        asked = asyncio.create_task(wire.post("/wf/query/state"))
        question = await wire.question()
        await wire.answer(question, result=1)
        await asked
        kinds = [event["event_type"] for event in question["history_events"]]
    assert "buffered_after_sequence" not in question
    await wire.post("/wf/signal/late")
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    question = await wire.question()
    assert question["buffered_after_sequence"] == len(kinds)
    assert question["history_events"][-1]["event_type"] == "SignalReceived"
    await wire.answer(question, result=1)
    await asked


async def test_a_machine_in_use_or_behind_is_not_asked(served: Any) -> None:
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


CANNOT_HERE = [
    "query_payload_decode_failed",
    "query_workflow_state_unavailable",
    "query_workflow_type_not_registered",
    "rejected_unknown_query",
]


def failure(reason: str, message: str = "no", **more: Any) -> Json:
    return {"failure": {"message": message, "reason": reason} | more}


@pytest.mark.parametrize("reason", CANNOT_HERE)
async def test_what_one_worker_cannot_answer_another_is_asked(wire: Wire, reason: str) -> None:
    await wire.register("query_tasks", worker_id="v")
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    first = await wire.question()
    again = asyncio.create_task(wire.question())  # it is not asked twice
    told = await wire.answer(first, "fail", **failure(reason))
    assert (told.status_code, told.json()["outcome"]) == (200, "failed")
    second = await wire.question("v")
    assert second["query_task_id"] == first["query_task_id"]
    assert second["query_task_attempt"] == 2
    await wire.answer(second, result=7)
    assert (await asked).json()["result"] == 7
    assert not again.done()
    again.cancel()


async def test_the_caller_hears_the_last_refusal_when_nobody_is_left(wire: Wire) -> None:
    await wire.register("query_tasks", worker_id="v")
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    for worker in ("w", "v"):
        refused = failure("query_workflow_state_unavailable", worker)
        await wire.answer(await wire.question(worker), "fail", **refused)
    answer = (await asked).json()
    assert (answer["reason"], answer["message"]) == ("query_workflow_state_unavailable", "v")


async def test_what_a_handler_says_is_the_answer(wire: Wire) -> None:
    await wire.register("query_tasks", worker_id="v")
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    await wire.answer(await wire.question(), "fail", **failure("query_rejected"))
    assert (await asked).json()["reason"] == "query_rejected"


async def test_code_that_does_not_know_a_query_is_asked_in_one_process_alone(wire: Wire) -> None:
    old, new = ({"t": f"sha256:{version}"} for version in ("old", "new"))
    for worker, version in (("w", old), ("v", old), ("u", new)):
        more = {"worker_id": worker, "workflow_definition_fingerprints": version}
        await wire.register("query_tasks", supported_workflow_types=["t"], **more)
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    await wire.answer(await wire.question(), "fail", **failure("rejected_unknown_query"))
    same = asyncio.create_task(wire.question("v"))
    await wire.answer(await wire.question("u"), result=3)
    assert (await asked).json()["result"] == 3
    assert not same.done()
    same.cancel()


async def test_a_worker_that_is_never_heard_again_does_not_keep_a_question(served: Any) -> None:
    async with served(query_timeout_seconds=2) as wire:
        for worker in ("w", "v"):
            await wire.register("query_tasks", worker_id=worker)
        await wire.start()
        asked = asyncio.create_task(wire.post("/wf/query/state"))
        first = await wire.question()
        second = await wire.question("v")
        assert second["query_task_attempt"] == 2
        # The first answer counts, whoever gives it.
        assert (await wire.answer(first, result=1)).status_code == 200
        assert (await asked).json()["result"] == 1
        late = await wire.answer(second, result=2)
        assert (late.status_code, late.json()["reason"]) == (404, "query_task_not_found")


async def test_a_refusal_is_told_when_the_others_are_silent(served: Any) -> None:
    async with served(query_timeout_seconds=1) as wire:
        for worker in ("w", "v"):
            await wire.register("query_tasks", worker_id=worker)
        await wire.start()
        asked = asyncio.create_task(wire.post("/wf/query/state"))
        refused = failure("query_workflow_state_unavailable")
        await wire.answer(await wire.question(), "fail", **refused)
        answer = await asked
        assert (answer.status_code, answer.json()["reason"]) == (409, refused["failure"]["reason"])


async def test_a_worker_that_registers_anew_has_lost_its_questions(wire: Wire) -> None:
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    assert (await wire.question())["query_task_attempt"] == 1
    await wire.register("query_tasks")
    again = await wire.question()
    assert again["query_task_attempt"] == 2
    await wire.answer(again, result=1)
    assert (await asked).json()["result"] == 1


async def test_a_question_follows_its_workflow_into_the_next_run(wire: Wire) -> None:
    await wire.register("query_tasks", worker_id="there", task_queue="elsewhere")
    run_id = await wire.start()
    task = await wire.task()
    await wire.post("/wf/signal/one")
    to_run = asyncio.create_task(wire.post(f"/wf/runs/{run_id}/query/state"))
    to_workflow = asyncio.create_task(wire.post("/wf/query/state"))
    while await wire.pending_questions() < 2:
        pass
    await wire.complete(task, {"type": "continue_as_new", "queue": "elsewhere"})
    stays = await wire.question()
    assert (stays["run_id"], len(stays["history_events"])) == (run_id, 3)
    await wire.answer(stays, result="old")
    asked_there = {"worker_id": "there", "task_queue": "elsewhere"}
    moved: Json | None = None
    while moved is None:
        await wire.work("query-tasks/poll", {})
        moved = (await wire.work("query-tasks/poll", asked_there)).json()["task"]
    assert moved["run_id"] != run_id
    assert "SignalReceived" in [event["event_type"] for event in moved["history_events"]]
    await wire.answer(moved, result="new")
    assert (await to_run).json()["result"] == "old"
    answer = (await to_workflow).json()
    assert (answer["result"], answer["run_id"]) == ("new", moved["run_id"])


async def test_a_worker_that_says_goodbye_gives_its_questions_to_another(wire: Wire) -> None:
    await wire.register("query_tasks", "held_tasks", session="s")
    await wire.register("query_tasks", worker_id="v")
    await wire.start()
    asked = asyncio.create_task(wire.post("/wf/query/state"))
    await wire.work("query-tasks/poll", {"session": "s"})
    other = asyncio.create_task(wire.question("v"))
    assert (await wire.work("deregister", {"session": "s"})).status_code == 200
    await wire.answer(await other, result=1)
    assert (await asked).json()["result"] == 1


async def test_without_a_worker_there_is_no_answer(served: Any) -> None:
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


async def test_a_worker_that_polls_counts_whatever_it_registered(served: Any) -> None:
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


async def test_a_query_that_nobody_takes_times_out(served: Any) -> None:
    async with served(query_timeout_seconds=0.05) as wire:
        await wire.register("query_tasks")
        await wire.start()
        answer = await wire.post("/wf/query/state")
        assert (answer.status_code, answer.json()["reason"]) == (504, "query_worker_timeout")
        late = await wire.answer({"query_task_id": "X", "query_task_attempt": 1}, result=1)
        assert (late.status_code, late.json()["reason"]) == (404, "query_task_not_found")


async def test_a_full_queue_refuses_queries(served: Any) -> None:
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
