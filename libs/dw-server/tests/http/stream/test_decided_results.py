"""Results of activities that bring along what their workflow does next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server import Settings
from durable_workflow.server.clock import ManualClock

Json = dict[str, Any]
SCHEDULE = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
COMPLETE = {"type": "complete_workflow", "result": {"codec": "json", "blob": '"done"'}}
TIMER = {"type": "start_timer", "delay_seconds": 3600}


@pytest.fixture
async def stage(
    disk: Any, staged: Callable[..., AbstractAsyncContextManager[Any]], tmp_path: Path
) -> AsyncIterator[Any]:
    del disk  # made before the server opens its files
    settings = Settings(db=str(tmp_path / "state.db"), long_poll_timeout=1)
    # No time passes: nobody is missed, however long the machine holds a test up.
    async with staged(settings, clock=ManualClock(), stream_grace_seconds=0.5) as stage:
        yield stage


class Scene:
    """A run whose activity a worker has, and the worker that decided so."""

    def __init__(self, stage: Any, peer: Any, run: Json, task: Json, activity: Json) -> None:
        self.stage = stage
        self.peer = peer
        self.run = run
        self.activity = activity
        self.seen: int = task["last_history_sequence"]

    def ahead(self, *commands: Json, **more: Any) -> Json:
        ahead = {"run_id": self.run["run_id"], "after": self.seen, "keep_history": True}
        return ahead | {"commands": list(commands)} | more

    async def answer(self, ahead: Any, **more: Any) -> Json:
        """Report the activity with a decision; what the server says to it."""
        number = await self.peer.complete_activity(self.activity, ahead=ahead, **more)
        answer: Json = await self.peer.next("answer", "acks", "refused")
        assert number in answer.get("ids", [answer.get("id")])
        return answer

    async def events(self) -> list[str]:
        events: list[str] = await self.stage.events(self.run)
        return events


async def scene_of(stage: Any, peer: Any = None, command: Json = SCHEDULE, **start: Any) -> Scene:
    peer = peer or await stage.peer(capabilities=["worker_stream", "sticky_history"])
    run = await stage.start(**start)
    task = await peer.task()
    await peer.acknowledged(await peer.complete(task, command, keep_history=True))
    return Scene(stage, peer, run, task, await peer.task("activity"))


async def update(stage: Any) -> None:
    body: Json = {"input": [], "wait_for": "accepted"}
    answer = await stage.post("/workflows/wf/update/u", body)
    assert answer.status_code == 202, answer.text


RETURNED = ["ActivityScheduled", "ActivityStarted", "ActivityCompleted"]


async def test_a_decision_is_taken_with_its_result_and_told_when_that_was_recorded(
    stage: Any,
) -> None:
    scene = await scene_of(stage)
    answer = await scene.answer(scene.ahead(COMPLETE))
    assert answer["type"] == "answer"
    assert await scene.events() == [
        "StartAccepted",
        "WorkflowStarted",
        *RETURNED,
        "WorkflowCompleted",
    ]
    path = f"/workflows/wf/runs/{scene.run['run_id']}"
    history = (await stage.get(f"{path}/history"))["events"]
    assert answer["body"] == {"decided_at": history[4]["timestamp"]}
    described = await stage.get(path)
    assert (described["status"], described["output"]) == ("completed", "done")
    assert await scene.peer.silent(), "there was no workflow task"


async def test_a_result_that_the_workflow_returns_is_sent_once(stage: Any) -> None:
    scene = await scene_of(stage)
    text = "x" * (2**20 + 2**19)
    ahead = scene.ahead({"type": "complete_workflow"}, passes_on=True)
    answer = await scene.answer(ahead, result={"codec": "json", "blob": f'"{text}"'})
    assert answer["type"] == "answer"
    described = await stage.get(f"/workflows/wf/runs/{scene.run['run_id']}")
    assert (described["status"], described["output"]) == ("completed", text)


@pytest.mark.parametrize(
    ("commands", "result"),
    [
        ([SCHEDULE], {"codec": "json", "blob": "1"}),
        ([COMPLETE], {"codec": "json", "blob": "1"}),
        ([{"type": "complete_workflow", "result": None}], {"codec": "json", "blob": "1"}),
        ([{"type": "complete_workflow"}, TIMER], {"codec": "json", "blob": "1"}),
        ([{"type": "complete_workflow"}], "no envelope"),
        ([{"type": "complete_workflow"}], {"codec": "json", "blob": "1", "more": 1}),
        ([{"type": "complete_workflow"}], None),
    ],
)
async def test_a_result_is_passed_on_by_a_workflow_that_returns_an_envelope_alone(
    stage: Any, commands: list[Json], result: Any
) -> None:
    scene = await scene_of(stage)
    answer = await scene.answer(scene.ahead(*commands, passes_on=True), result=result)
    assert answer["type"] == "acks"
    assert (await scene.events())[-1] == "ActivityCompleted"
    await scene.peer.acknowledged(await scene.peer.complete(await scene.peer.task(), COMPLETE))


async def test_steps_follow_each_other_without_a_workflow_task(stage: Any) -> None:
    scene = await scene_of(stage)
    for _ in range(5):
        answer = await scene.answer(scene.ahead(SCHEDULE))
        assert answer["type"] == "answer"
        scene.activity = await scene.peer.task("activity")
        scene.seen += 3
    await scene.answer(scene.ahead(COMPLETE))
    assert await stage.status() == "completed"
    assert (await scene.events()).count("ActivityCompleted") == 6


async def test_the_next_task_goes_to_the_worker_and_brings_only_what_it_has_not_seen(
    stage: Any,
) -> None:
    scene = await scene_of(stage)
    await scene.answer(scene.ahead(TIMER))
    await update(stage)
    task = await scene.peer.task()
    assert task["history_after_sequence"] == scene.seen + 3
    assert task["history_events"][0]["event_type"] == "TimerScheduled"


async def test_a_decision_that_does_not_know_of_a_signal_is_not_taken(stage: Any) -> None:
    scene = await scene_of(stage)
    answer = await stage.post("/workflows/wf/signal/s", {"input": []})
    assert answer.status_code == 202, answer.text
    assert (await scene.answer(scene.ahead(COMPLETE)))["type"] == "acks"
    task = await scene.peer.task()
    assert task["history_after_sequence"] == scene.seen
    new = [each["event_type"] for each in task["history_events"]]
    assert new == [*RETURNED[:2], "SignalReceived", RETURNED[2]]
    await scene.peer.acknowledged(await scene.peer.complete(task, COMPLETE))


async def test_a_result_that_comes_while_a_task_is_leased_is_taken_alone(stage: Any) -> None:
    scene = await scene_of(stage)
    await update(stage)
    task = await scene.peer.task()
    # The result waits behind the task, which is about the update.
    assert (await scene.answer(scene.ahead(COMPLETE)))["type"] == "acks"
    ended = {"type": "complete_update", "update_id": task["workflow_update_id"], "result": None}
    await scene.peer.complete(task, ended, keep_history=True)
    task = await scene.peer.task()
    assert task["history_events"][-1]["event_type"] == "ActivityCompleted"
    await scene.peer.acknowledged(await scene.peer.complete(task, COMPLETE))


@pytest.mark.parametrize(
    "change",
    [{"after": 1}, {"after": 3}, {"after": 500}, {"run_id": "another"}],
    ids=str,
)
async def test_a_decision_of_another_history_is_not_taken(stage: Any, change: Json) -> None:
    scene = await scene_of(stage)
    answer = await scene.answer(scene.ahead(COMPLETE, **change))
    assert answer["type"] == "acks"
    await scene.peer.complete(await scene.peer.task(), SCHEDULE)
    await scene.peer.task("activity")
    assert (await scene.events()).count("ActivityScheduled") == 2


async def test_a_result_behind_a_second_attempt_is_taken_alone(stage: Any) -> None:
    again = SCHEDULE | {"retry_policy": {"max_attempts": 3, "backoff_seconds": [0]}}
    scene = await scene_of(stage, command=again)
    number = await scene.peer.complete_activity(
        scene.activity, verb="fail", failure={"message": "once more"}
    )
    await scene.peer.acknowledged(number)
    scene.activity = await scene.peer.task("activity")
    assert (await scene.answer(scene.ahead(COMPLETE)))["type"] == "acks"
    await scene.peer.task()


async def test_one_of_two_results_is_taken_alone(stage: Any) -> None:
    peer = await stage.peer()
    run = await stage.start()
    task = await peer.task()
    await peer.acknowledged(await peer.complete(task, SCHEDULE, SCHEDULE, keep_history=True))
    activities = [await peer.task("activity") for _ in range(2)]
    for activity in activities:
        scene = Scene(stage, peer, run, task, activity)
        assert (await scene.answer(scene.ahead(COMPLETE)))["type"] == "acks"
    await peer.complete(await peer.task(), COMPLETE)


async def test_the_machine_of_another_worker_decides_nothing(stage: Any) -> None:
    peer = await stage.peer()
    scene = await scene_of(stage, peer, command=SCHEDULE | {"queue": "q"})
    other = await stage.peer("other", "t", slots={"workflow": 0})
    await peer.send({"type": "bye"})
    scene.peer, scene.activity = other, await other.task("activity")
    assert (await scene.answer(scene.ahead(COMPLETE)))["type"] == "acks"
    assert await stage.status() != "completed"


@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ([{"type": "no_such_command"}], "an unknown command"),
        ([COMPLETE, COMPLETE], "two ends"),
        ([{"type": "complete_update", "update_id": "nobody"}], "an update that is not there"),
        ([SCHEDULE] * 101, "more than one unit takes at once"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_commands_that_cannot_be_taken_are_left_to_the_task(
    stage: Any, commands: list[Json], why: str
) -> None:
    scene = await scene_of(stage)
    assert (await scene.answer(scene.ahead(*commands)))["type"] == "acks", why
    assert (await scene.events())[-1] == "ActivityCompleted"
    await scene.peer.acknowledged(await scene.peer.complete(await scene.peer.task(), COMPLETE))
    assert await stage.status() == "completed"


@pytest.mark.parametrize(
    ("ahead", "field"),
    [
        ("soon", "ahead"),
        ([], "ahead.run_id"),
        ({}, "ahead.run_id"),
        ({"run_id": "r", "after": 0, "commands": [COMPLETE]}, "ahead.after"),
        ({"run_id": "r", "after": "x", "commands": [COMPLETE]}, "ahead.after"),
        ({"run_id": "r", "after": 2}, "ahead.commands"),
        ({"run_id": "r", "after": 2, "commands": [COMPLETE], "passes_on": "x"}, "ahead.passes_on"),
        ({"run_id": "r", "after": 2, "commands": []}, "ahead.commands"),
        ({"run_id": "r", "after": 2, "commands": ["x"]}, "ahead.commands.0"),
    ],
    ids=str,
)
async def test_what_is_no_decision_is_refused_by_name_and_the_result_can_still_come(
    stage: Any, ahead: Any, field: str
) -> None:
    scene = await scene_of(stage)
    answer = await scene.answer(ahead)
    assert (answer["type"], answer["status"]) == ("refused", 422)
    assert field in answer["body"]["errors"]
    await scene.peer.acknowledged(await scene.peer.complete_activity(scene.activity))


async def test_a_result_of_an_attempt_that_is_over_brings_no_decision(stage: Any) -> None:
    scene = await scene_of(stage)
    await stage.post("/workflows/wf/cancel", {})
    answer = await scene.answer(scene.ahead(COMPLETE))
    assert (answer["type"], answer["body"]["reason"]) == ("refused", "run_cancelled")
    assert await stage.status() == "cancelled"


async def test_a_result_that_is_too_large_fails_the_step_and_the_decision_counts_for_nothing(
    staged: Callable[..., AbstractAsyncContextManager[Any]],
) -> None:
    settings = Settings(db=":memory:", long_poll_timeout=1)
    async with staged(settings) as stage:
        scene = await scene_of(stage)
        limit = stage.server.settings.services.limits.payload_bytes
        large = {"codec": "json", "blob": '"' + limit * "x" + '"'}
        answer = await scene.answer(scene.ahead(COMPLETE), result=large)
        assert answer["type"] != "answer"
        assert await stage.status() != "completed"


async def test_a_report_that_is_sent_again_after_a_cut_is_acknowledged_once(
    stage: Any, held: Callable[[Json], Json]
) -> None:
    scene = await scene_of(stage)
    assert (await scene.answer(scene.ahead(TIMER)))["type"] == "answer"
    before = await scene.events()
    scene.peer.drop()
    scene.peer = await stage.peer(register=False, held=[held(scene.activity)])
    answer = await scene.answer(scene.ahead(TIMER))
    assert answer["type"] == "acks", "it was taken already, and what it decided is not told again"
    assert await scene.events() == before


async def test_neither_is_there_where_the_commit_fails(stage: Any, disk: Any) -> None:
    scene = await scene_of(stage)
    disk.fail_from_now_on()
    answer = await scene.answer(scene.ahead(COMPLETE))
    assert answer["type"] == "refused"
    assert answer["status"] in (503, 504)
    disk.fails = set()
    assert await stage.status() != "completed"


async def test_a_child_that_ends_ahead_tells_its_parent(stage: Any) -> None:
    peer = await stage.peer()
    parent = await stage.start()
    child = {"type": "start_child_workflow", "workflow_type": "child", "task_queue": "q"}
    await peer.acknowledged(await peer.complete(await peer.task(), child, keep_history=True))
    task = await peer.task()
    await peer.acknowledged(await peer.complete(task, SCHEDULE, keep_history=True))
    run = {"run_id": task["run_id"], "workflow_id": task["workflow_id"]}
    scene = Scene(stage, peer, run, task, await peer.task("activity"))
    assert (await scene.answer(scene.ahead(COMPLETE)))["type"] == "answer"
    told = await peer.task()
    assert told["run_id"] == parent["run_id"]
    assert told["history_events"][-1]["event_type"] == "ChildRunCompleted"


async def test_the_welcome_says_that_decisions_are_taken_to_those_who_would_send_them(
    stage: Any,
) -> None:
    assert "takes_decisions" not in (await stage.peer()).welcome
    await stage.register("v", "t")
    socket = await stage.socket()
    peer = type(await stage.peer("u", "x"))(socket, "v")
    hello: Json = {
        "type": "hello",
        "worker_id": "v",
        "session": "t",
        "task_queue": "q",
        "slots": {},
    }
    await peer.send(hello | {"held": [], "decides": True})
    welcome = await peer.next("welcome")
    assert (welcome["takes_decisions"], welcome["passes_on"]) == (True, True)
