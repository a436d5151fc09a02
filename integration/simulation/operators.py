"""What happens beside the callers of workflows: a schedule, activities alone, and retention."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any, Final

from durable_workflow import ScheduleAction, ScheduleSpec
from durable_workflow.client import Client
from durable_workflow.errors import (
    ScheduleAlreadyExists,
    ScheduleNotFound,
    WorkflowAlreadyStarted,
    WorkflowFailed,
    WorkflowNotFound,
)
from integration.simulation.callers import PATIENCE_SECONDS, told_of, until_done
from integration.simulation.programs import activity_result, draw_activity, draw_steps, expected

_OVERLAPS: Final = ("allow_all", "skip", "buffer_one", "cancel_other", "terminate_other")
# How the workflows of a schedule may end, by what a fire does to the one before it.
_ENDS: Final = {"cancel_other": {"cancelled"}, "terminate_other": {"terminated"}}
_RETRIES: Final = {"max_attempts": 100, "backoff_seconds": [1, 2]}
_QUEUE: Final = "q"


class ScheduleKeeper:
    """Makes a schedule, fires it by hand too, pauses it, and deletes it. It fires once a time."""

    def __init__(self, client: Client, dice: random.Random, number: int) -> None:
        self.name = f"schedule-{number}"
        self.wrong: list[str] = []
        self._client = client
        self._steps = draw_steps(dice, depth=1)
        self._every = dice.randint(4, 12)
        self._overlap = dice.choice(_OVERLAPS)
        self._moments = [dice.uniform(0, 15) for _ in range(4)]
        self._triggers = dice.randint(0, 2)

    async def tell(self) -> list[str]:
        """Do it all, and return what was wrong."""
        return await told_of(self.name, self._run()) + self.wrong

    async def _run(self) -> None:
        client = self._client
        await asyncio.sleep(self._moments[0])
        await until_done(self._create)
        triggered = [
            await self._trigger(moment) for moment in self._moments[1 : self._triggers + 1]
        ]
        await asyncio.sleep(self._moments[-1])
        await until_done(lambda: client.pause_schedule(self.name))
        # Those that are buffered still start.
        least = (await until_done(lambda: client.describe_schedule(self.name))).fires_count
        fires = await until_done(self._fires)
        most = (await until_done(lambda: client.describe_schedule(self.name))).fires_count
        if not least <= len(fires) <= most:
            self.wrong.append(f"{self.name} counts {least} to {most} of {len(fires)} fires")
        if lost := set(triggered) - set(fires) - {None}:
            self.wrong.append(f"{self.name} has forgotten that it was triggered: {lost}")
        for workflow_id in fires.values():
            await self._look_at(workflow_id)
        await until_done(self._delete)

    async def _create(self) -> None:
        # By an attempt whose answer was lost.
        with contextlib.suppress(ScheduleAlreadyExists):
            await self._client.create_schedule(
                schedule_id=self.name,
                spec=ScheduleSpec(intervals=[{"every": f"PT{self._every}S"}]),
                action=ScheduleAction(
                    workflow_type="scripted", task_queue=_QUEUE, input=[self._steps, [], [], []]
                ),
                overlap_policy=self._overlap,
            )

    async def _trigger(self, seconds: float) -> str | None:
        await asyncio.sleep(seconds)
        told = await until_done(lambda: self._client.trigger_schedule(self.name))
        return told.run_id

    async def _delete(self) -> None:
        with contextlib.suppress(ScheduleNotFound):
            await self._client.delete_schedule(self.name)

    async def _fires(self) -> dict[str, str]:
        """The workflow of each run that it says it has started, each time once."""
        fires: dict[str, str] = {}
        times: Counter[str] = Counter()
        async for event in self._client.get_schedule_handle(self.name).iter_history(limit=100):
            if event.event_type == "ScheduleTriggered":
                assert event.workflow_run_id is not None
                assert event.workflow_instance_id is not None
                fires[event.workflow_run_id] = event.workflow_instance_id
                occurrence = (event.payload or {}).get("occurrence_time")
                times.update([occurrence] if occurrence else [])
        if twice := [time for time, count in times.items() if count > 1]:
            self.wrong.append(f"{self.name} has fired twice for {twice}")
        return fires

    async def _look_at(self, workflow_id: str) -> None:
        """A workflow of it has the result that it must have, or was ended by the next fire."""
        handle = self._client.get_workflow_handle(workflow_id)
        status = await until_done(lambda: _ended(self._client, workflow_id))
        if status == "completed":
            result = await until_done(lambda: handle.result(timeout=PATIENCE_SECONDS))
            if result != expected(self._steps):
                self.wrong.append(f"{workflow_id} returned {result!r}")
        elif status not in _ENDS.get(self._overlap, ()):
            self.wrong.append(f"{workflow_id} of {self._overlap} is {status}")


class ActivityCaller:
    """Starts an activity by itself, and asks for its result."""

    def __init__(self, client: Client, dice: random.Random, number: int) -> None:
        self.name = f"activity-{number}"
        self._client = client
        self._activity, *self._given = draw_activity(dice)
        self._begins = dice.uniform(0, 25)

    async def tell(self) -> list[str]:
        """Do it all, and return what was wrong."""
        wrong: list[str] = []
        return await told_of(self.name, self._run(wrong)) + wrong

    async def _run(self, wrong: list[str]) -> None:
        await asyncio.sleep(self._begins)
        await until_done(self._start)
        handle = self._client.get_activity_handle(self.name)

        async def result() -> Any:
            try:
                return await self._client.get_activity_result(handle, timeout=PATIENCE_SECONDS)
            except WorkflowFailed:
                return "failed"

        found, must = await until_done(result), activity_result(self._activity, *self._given)
        if found != must:
            wrong.append(f"{self.name} {self._activity} gave {found!r}, not {must!r}")

    async def _start(self) -> None:
        # By an attempt whose answer was lost.
        with contextlib.suppress(WorkflowAlreadyStarted):
            await self._client.start_activity(
                activity_type=self._activity,
                task_queue=_QUEUE,
                activity_id=self.name,
                input=self._given,
                retry_policy=_RETRIES,
                heartbeat_timeout_seconds=4 if self._activity == "slow" else None,
            )


class Retention:
    """Removes workflows that have ended, one after the other."""

    def __init__(self, client: Client, dice: random.Random, number: int) -> None:
        self.name = f"removed-{number}"
        self._client = client
        self._begins = dice.uniform(0, 15)
        self._steps = [draw_steps(dice, depth=1) for _ in range(3)]

    async def tell(self) -> list[str]:
        """Do it all, and return what was wrong."""
        wrong: list[str] = []
        return await told_of(self.name, self._run(wrong)) + wrong

    async def _run(self, wrong: list[str]) -> None:
        await asyncio.sleep(self._begins)
        for number, steps in enumerate(self._steps):
            # Of ids of their own: a start that arrives twice may do so after the removal.
            await self._run_and_remove(f"{self.name}-{number}", steps, wrong)

    async def _run_and_remove(self, workflow_id: str, steps: list[Any], wrong: list[str]) -> None:
        await until_done(lambda: self._start(workflow_id, steps))
        handle = self._client.get_workflow_handle(workflow_id)
        result = await until_done(lambda: handle.result(timeout=PATIENCE_SECONDS))
        if result != expected(steps):
            wrong.append(f"{workflow_id} returned {result!r}, not {expected(steps)!r}")
        await until_done(lambda: self._remove(workflow_id))

    async def _start(self, workflow_id: str, steps: list[Any]) -> None:
        # By an attempt whose answer was lost.
        with contextlib.suppress(WorkflowAlreadyStarted):
            await self._client.start_workflow(
                workflow_type="scripted",
                task_queue=_QUEUE,
                workflow_id=workflow_id,
                input=[steps, [], [], []],
            )

    async def _remove(self, workflow_id: str) -> None:
        """Remove all its runs, until there is none."""
        with contextlib.suppress(WorkflowNotFound):
            while True:
                run = await self._client.describe_workflow(workflow_id)
                assert run.run_id is not None
                await self._client.retention_pass(run_ids=[run.run_id])


async def _ended(client: Client, workflow_id: str) -> str:
    """How a workflow has ended, which is waited for."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            described = await client.describe_workflow(workflow_id)
            if described.is_terminal:
                return str(described.status)
            await asyncio.sleep(1)
