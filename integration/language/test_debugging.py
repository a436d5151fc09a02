"""What an operator sees of a stuck run: every way in which a workflow task keeps failing."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.client import WorkflowHandle
from durable_workflow.workflow import WorkflowContext
from integration.harness.waiting import eventually
from integration.language.scene import ELSEWHERE, QUEUE, Scene

Steps = Generator[Any, Any, Any]


@workflow.defn(name="raises-at-once")
class RaisesAtOnce:
    def run(self, ctx: WorkflowContext) -> Any:
        raise RuntimeError("before it began")


@workflow.defn(name="result-is-an-object")
class ResultIsAnObject:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("echo", [1])
        return object()


@workflow.defn(name="takes-one")
class TakesOne:
    def run(self, ctx: WorkflowContext, one: int) -> Steps:
        yield ctx.schedule_activity("echo", [one])
        return one


@workflow.defn(name="changes")
class Before:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.sleep(0)
        yield ctx.wait_condition(lambda: False, key="held")


@workflow.defn(name="changes")
class After:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("echo", [1])


@workflow.defn(name="takes-a-pair")
class TakesAPair:
    def __init__(self) -> None:
        self.pairs: list[list[int]] = []

    @workflow.signal("pair")
    def on_pair(self, first: int, second: int) -> None:
        self.pairs.append([first, second])

    @workflow.update("flush")
    def flush(self) -> int:
        return len(self.pairs)

    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: len(self.pairs) > 1, key="two-pairs")
        return self.pairs


async def debug(scene: Scene, handle: WorkflowHandle) -> dict[str, Any]:
    return await scene.get(f"/api/workflows/{handle.workflow_id}/debug")


async def failing(scene: Scene, handle: WorkflowHandle, times: int = 1) -> dict[str, Any]:
    """Wait until the run's task has failed so often and rests; check what must be shown then."""
    body = await eventually(
        lambda: debug(scene, handle),
        lambda seen: bool(
            seen["pending_workflow_tasks"]
            and seen["pending_workflow_tasks"][0]["repair_count"] >= times
            and seen["pending_workflow_tasks"][0]["status"] == "ready"
        ),
    )
    assert body["diagnostic_status"] == "needs_attention"
    assert body["execution"]["task_problem"] is True
    [task] = body["pending_workflow_tasks"]
    assert task["attempt_count"] >= times
    assert task["lease_owner"] is None
    assert body["execution"]["next_scheduled_event"]["available_at"] == task["available_at"]
    by_code = {finding["code"]: finding["message"] for finding in body["findings"]}
    assert task["last_error"] in by_code["task_problem"]
    assert task["available_at"] in by_code["task_problem"]
    assert "no_active_pollers" not in by_code
    return body


def error_of(body: dict[str, Any]) -> str:
    error: str = body["pending_workflow_tasks"][0]["last_error"]
    return error


async def test_code_that_raises_is_shown_with_its_attempts(scene: Scene) -> None:
    async with scene.working(RaisesAtOnce):
        handle = await scene.start("raises-at-once")
        first = await failing(scene, handle)
        second = await failing(scene, handle, times=2)
        await handle.terminate()
    assert "before it began" in error_of(first)
    assert first["execution"]["liveness_state"] == "workflow_replay_blocked"
    [one], [other] = first["pending_workflow_tasks"], second["pending_workflow_tasks"]
    assert other["task_id"] == one["task_id"]
    assert other["attempt_count"] > one["attempt_count"]
    assert other["available_at"] > one["available_at"]
    assert (await debug(scene, handle))["diagnostic_status"] == "terminal"


async def test_a_result_that_cannot_be_encoded_is_shown(scene: Scene) -> None:
    async with scene.working(ResultIsAnObject):
        handle = await scene.start("result-is-an-object")
        body = await failing(scene, handle)
        await handle.terminate()
    assert "object" in error_of(body)
    assert body["execution"]["liveness_state"] == "workflow_task_ready"


async def test_an_input_that_cannot_be_read_is_shown(scene: Scene) -> None:
    async with scene.working(TakesOne):
        answer = await scene.post(
            "/api/workflows",
            {
                "workflow_id": "unreadable",
                "workflow_type": "takes-one",
                "task_queue": QUEUE,
                "input": ELSEWHERE,
            },
        )
        assert answer.status_code == 201, answer.text
        handle = scene.client.get_workflow_handle("unreadable")
        body = await failing(scene, handle)
        await handle.terminate()
    assert error_of(body)


async def test_code_that_no_longer_fits_the_history_is_shown(scene: Scene) -> None:
    async with scene.working(Before):
        handle = await scene.start("changes")
        await scene.until(handle, lambda seen: "ConditionWaitOpened" in seen)
    async with scene.working(After):
        await handle.signal("wake")
        body = await failing(scene, handle)
        await handle.terminate()
    assert body["execution"]["liveness_state"] == "workflow_replay_blocked"
    assert body["pending_workflow_tasks"][0]["last_error_type"] == "NonDeterministicReplayError"
    assert "workflow_replay_blocked" in [each["code"] for each in body["findings"]]


async def test_a_run_that_nobody_works_on_says_so(scene: Scene) -> None:
    handle = await scene.start("takes-one", 1)
    body = await debug(scene, handle)
    assert body["diagnostic_status"] == "pending_work"
    assert [each["code"] for each in body["findings"]] == ["no_active_pollers"]
    async with scene.working(TakesOne):
        assert await scene.result(handle) == 1
    body = await debug(scene, handle)
    assert (body["diagnostic_status"], body["findings"]) == ("terminal", [])


async def test_a_signal_that_does_not_fit_is_logged_and_shown_and_the_run_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.working(TakesAPair):
        handle = await scene.start("takes-a-pair")
        await handle.signal("pair", [1])
        await scene.until(handle, lambda seen: "SignalNotApplied" in seen)
        await handle.signal("pair", [1, 2])
        assert await handle.update("flush", wait_for="completed") == 1
        await scene.until_idle(handle)
    logged = [record for record in caplog.records if "was not applied" in record.getMessage()]
    assert [(record.name, record.levelname) for record in logged] == [
        ("durable_workflow.worker", "ERROR")
    ]
    assert "missing a required argument: 'second'" in logged[0].getMessage()
    [finding] = [
        each
        for each in (await debug(scene, handle))["findings"]
        if each["code"] == "signal_not_applied"
    ]
    assert "'pair'" in finding["message"]
    assert "missing a required argument: 'second'" in finding["message"]
    # Another worker, which has not met the signal yet, reads in history that it was told of.
    async with scene.working(TakesAPair):
        await handle.signal("pair", [3, 4, 5])
        await handle.signal("pair", [3, 4])
        assert await scene.result(handle) == [[1, 2], [3, 4]]
    assert (await scene.types(handle)).count("SignalNotApplied") == 2


async def test_a_signal_with_a_misspelled_name_is_logged_and_shown_and_the_run_goes_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.working(TakesAPair):
        handle = await scene.start("takes-a-pair")
        await handle.signal("pear", [1, 2])
        await handle.signal("pear", [1, 2])
        await scene.until(handle, lambda seen: "SignalNotApplied" in seen)
        shown = await debug(scene, handle)
        await handle.signal("pair", [1, 2])
        await handle.signal("pair", [3, 4])
        assert await scene.result(handle) == [[1, 2], [3, 4]]
    assert (await scene.types(handle)).count("SignalNotApplied") == 1
    logged = [record for record in caplog.records if "was not applied" in record.getMessage()]
    assert [record.levelname for record in logged] == ["WARNING"]
    for text in (
        logged[0].getMessage(),
        *(each["message"] for each in shown["findings"] if each["code"] == "signal_not_applied"),
    ):
        assert "'pear'" in text
        assert "the workflow has no signal of that name (did you mean pair?)" in text


@workflow.defn(name="misspells")
class Misspells:
    def run(self, ctx: WorkflowContext) -> Steps:
        return (yield ctx.schedule_activity("ehco", [1]))


@workflow.defn(name="waits-to-be-told")
class WaitsToBeTold:
    def run(self, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: False, key="told")


async def late(
    scene: Scene, workflow_type: str, task_queue: str = QUEUE, *, is_taken: bool = True
) -> str:
    """What the time-out of a caller says, who waits for the result of a workflow.

    Before that time begins the workflow has come as far as it will, however busy the machine is.
    """
    handle = await scene.client.start_workflow(
        workflow_type=workflow_type, task_queue=task_queue, workflow_id=uuid.uuid4().hex
    )
    if is_taken:
        await scene.until_idle(handle)
    with pytest.raises(TimeoutError) as caught:
        await scene.client.execute_workflow(
            workflow_type=workflow_type,
            task_queue=task_queue,
            workflow_id=handle.workflow_id,
            duplicate_policy="use-existing",
            timeout=1.0,
        )
    return str(caught.value)


async def test_a_misspelled_name_is_named_to_the_caller(scene: Scene) -> None:
    async with scene.working(Misspells, WaitsToBeTold):
        activity = await late(scene, "misspells")
        type_ = await late(scene, "mispells", is_taken=False)
        queue = await late(scene, "misspells", task_queue="langage", is_taken=False)
        condition = await late(scene, "waits-to-be-told")
    assert "did not finish within 1 s. It waits for the activity ehco of the task queue" in activity
    assert f"task queue {QUEUE} takes the activity ehco (did you mean echo?)." in activity
    assert f"of the task queue {QUEUE} takes mispells (did you mean misspells?)." in type_
    assert f"polls the task queue langage (did you mean {QUEUE}?)." in queue
    assert "Waiting for condition told. " in condition
    assert f" the task queue {QUEUE}." in condition
