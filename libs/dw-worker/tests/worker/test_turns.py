"""Asking for two kinds of tasks in turn."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow.metrics import NoopMetrics
from durable_workflow.worker._polling import PollTarget
from durable_workflow.worker._turns import Answered, Turns


class Polls:
    """A server's side of one kind: each poll takes an answer, or is held until there is one."""

    def __init__(self, kind: str, log: list[str]) -> None:
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.started: list[Any] = []
        self.target = PollTarget(
            kind=kind,
            task_queue="q",
            poll=self._poll,
            start=self._start,
            slots=asyncio.Semaphore(1),
            metrics=NoopMetrics(),
        )
        self._log = log

    async def _poll(self, begin: object) -> Any:
        assert begin is None, "whoever takes turns starts tasks itself"
        self._log.append(self.target.kind)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _start(self, task: Any) -> None:
        self.started.append(task)


class Sides:
    def __init__(self) -> None:
        self.log: list[str] = []
        self.workflow = Polls("workflow", self.log)
        self.activity = Polls("activity", self.log)
        self.turns = Turns(self.workflow.target, self.activity.target)


@pytest.fixture
async def sides() -> Sides:
    return Sides()


def seen(answered: Answered | None) -> tuple[str, Any] | None:
    return None if answered is None else (answered.target.kind, answered.task)


async def test_a_server_that_holds_no_poll_is_asked_for_one_kind_after_the_other(
    sides: Sides,
) -> None:
    for side in (sides.workflow, sides.activity, sides.workflow):
        side.answers.put_nowait(None)
    answers = [seen(await sides.turns.next(1)) for _ in range(3)]
    assert answers == [("workflow", None), ("activity", None), ("workflow", None)]
    assert sides.log == ["workflow", "activity", "workflow"]


async def test_the_turn_after_a_task_is_the_callers_to_say(sides: Sides) -> None:
    sides.workflow.answers.put_nowait({"task_id": "w"})
    assert seen(await sides.turns.next(1)) == ("workflow", {"task_id": "w"})
    sides.turns.prefer("activity")
    sides.activity.answers.put_nowait({"task_id": "a"})
    assert seen(await sides.turns.next(1)) == ("activity", {"task_id": "a"})
    assert sides.log == ["workflow", "activity"]


async def test_while_one_poll_is_held_the_other_kind_is_asked_for(sides: Sides) -> None:
    sides.activity.answers.put_nowait({"task_id": "a"})
    assert seen(await sides.turns.next(1)) == ("activity", {"task_id": "a"})
    sides.workflow.answers.put_nowait({"task_id": "w"})
    assert seen(await sides.turns.next(1)) == ("workflow", {"task_id": "w"})
    assert sides.log.count("workflow") == 1
    await sides.turns.end()


async def test_no_answer_leaves_both_polls_out(sides: Sides) -> None:
    assert await sides.turns.next(0.01) is None
    assert await sides.turns.next(0.01) is None
    assert sides.log == ["workflow", "activity"]
    await sides.turns.end()


async def test_what_a_poll_raises_reaches_the_caller(sides: Sides) -> None:
    sides.workflow.answers.put_nowait(ConnectionError("gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await sides.turns.next(1)


async def _held(sides: Sides) -> None:
    assert await sides.turns.next(0.01) is None


@pytest.mark.parametrize("kind", ["workflow", "activity"])
async def test_a_task_that_came_while_nobody_looked_is_done_at_the_end(
    sides: Sides, kind: str
) -> None:
    await _held(sides)
    side: Polls = getattr(sides, kind)
    side.answers.put_nowait({"task_id": "late"})
    await _until(side.answers.empty)
    await sides.turns.end()
    assert side.started == [{"task_id": "late"}]


async def test_a_poll_that_failed_while_nobody_looked_is_no_error(sides: Sides) -> None:
    await _held(sides)
    sides.activity.answers.put_nowait(ConnectionError("gone"))
    await _until(sides.activity.answers.empty)
    await sides.turns.end()
    assert sides.activity.started == []


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - a queue has no event for being empty
            await asyncio.sleep(0)
    # What was taken from the queue has to arrive in the task that asked for it.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
