"""The callers of a run: each starts a workflow, does what it waits for, and asks how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import httpx

from durable_workflow.client import Client
from durable_workflow.errors import (
    ServerError,
    WorkflowAlreadyStarted,
    WorkflowCancelled,
    WorkflowNotFound,
    WorkflowTerminated,
)
from integration.simulation.programs import Step, draw_steps, expected, needed

T = TypeVar("T")

# When a workflow counts as stuck. All troubles end before the first minute.
PATIENCE_SECONDS = 400.0


async def until_done(call: Callable[[], Awaitable[T]], *, waits: bool = False) -> T:
    """Call until it is answered, as a program does that must.

    Args:
        waits: Whether a workflow that is not there yet is waited for.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    while True:
        try:
            return await call()
        except (httpx.TransportError, ConnectionError) as error:
            problem: Exception = error
        except ServerError as error:
            if error.status < 500 and error.status != 429:
                raise
            problem = error
        except WorkflowNotFound as error:
            if not waits:
                raise
            problem = error
        if loop.time() > until:
            raise TimeoutError(f"not answered: {problem!r}") from problem
        await asyncio.sleep(0.5)


@dataclass
class Plan:
    """What one caller does.

    Attributes:
        workflow_id: Of its workflow.
        begins: Seconds after the begin of the run.
        steps: Of a scripted workflow; None for an endless one.
        ends: `cancel` or `terminate`, for an endless one.
        moments: Seconds before each signal, each update and the end.
        acknowledged: What the server has acknowledged.
    """

    workflow_id: str
    begins: float
    steps: list[Step] | None
    ends: str
    children: int
    policy: str
    executes: bool
    moments: list[float]
    acknowledged: set[str] = field(default_factory=set[str])


def draw_plan(dice: random.Random, number: int) -> Plan:
    """What a caller does, by the seed."""
    scripted = dice.random() < 0.85
    steps = draw_steps(dice) if scripted else None
    return Plan(
        workflow_id=f"workflow-{number}",
        begins=dice.uniform(0, 15),
        steps=steps,
        ends=dice.choice(("cancel", "terminate")),
        children=dice.randint(0, 2),
        policy=dice.choice(("abandon", "request_cancel", "terminate")),
        executes=dice.random() < 0.3,
        moments=[dice.expovariate(1 / 3) for _ in range(30)],
    )


class Caller:
    """Carries out one plan. Whatever fails it tries again, as a program would that must.

    Attributes:
        wrong: What was not as it must be.
    """

    def __init__(self, client: Client, plan: Plan) -> None:
        self._client = client
        self._plan = plan
        self.wrong: list[str] = []

    async def run(self) -> None:
        """Do it all."""
        await asyncio.sleep(self._plan.begins)
        if self._plan.steps is None:
            await self._end_an_endless_one()
        else:
            await self._script(self._plan.steps)

    async def _script(self, steps: list[Step]) -> None:
        plan = self._plan
        async with asyncio.TaskGroup() as tasks:
            if plan.executes:
                outcome = tasks.create_task(self._execute(steps))
            else:
                await self._start("scripted", [steps, [], [], []])
                outcome = tasks.create_task(self._result())
            moments = iter(plan.moments)
            for number in range(needed(steps, "signals")):
                tasks.create_task(self._signal(next(moments), number))
            for number in range(needed(steps, "updates")):
                tasks.create_task(self._update(next(moments), number))
        returned, must = outcome.result(), expected(steps)
        if returned != must:
            self._say(f"returned {returned!r}, not {must!r}")

    async def _end_an_endless_one(self) -> None:
        plan = self._plan
        await self._start("endless", [plan.children, plan.policy])
        await asyncio.sleep(plan.moments[0])
        verb = {
            "cancel": self._client.cancel_workflow,
            "terminate": self._client.terminate_workflow,
        }[plan.ends]

        calls = 0

        async def end() -> None:
            nonlocal calls
            calls += 1
            try:
                await verb(plan.workflow_id, reason="simulated")
            except ServerError as error:
                # It is told so of an earlier call, of which this program did not hear.
                if error.reason() != "run_not_active" or calls == 1:
                    raise

        await until_done(end)
        described = await until_done(lambda: self._client.describe_workflow(plan.workflow_id))
        if described.status != {"cancel": "cancelled", "terminate": "terminated"}[plan.ends]:
            self._say(f"is {described.status} behind an acknowledged {plan.ends}")

    async def _start(self, workflow_type: str, arguments: list[Any]) -> None:
        async def start() -> None:
            # By an attempt whose answer was lost.
            with contextlib.suppress(WorkflowAlreadyStarted):
                await self._client.start_workflow(
                    workflow_type=workflow_type,
                    task_queue="q",
                    workflow_id=self._plan.workflow_id,
                    input=arguments,
                )

        await until_done(start)
        self._plan.acknowledged.add("start")

    async def _execute(self, steps: list[Step]) -> Any:
        async def execute() -> Any:
            return await self._client.execute_workflow(
                workflow_type="scripted",
                task_queue="q",
                workflow_id=self._plan.workflow_id,
                input=[steps, [], [], []],
                duplicate_policy="use-existing",
                timeout=PATIENCE_SECONDS,
            )

        return await until_done(execute)

    async def _result(self) -> Any:
        handle = self._client.get_workflow_handle(self._plan.workflow_id)
        return await until_done(lambda: handle.result(timeout=PATIENCE_SECONDS))

    async def _signal(self, seconds: float, number: int) -> None:
        await self._started(seconds)
        await until_done(
            lambda: self._client.signal_workflow(
                self._plan.workflow_id, "note", args=[number], request_id=f"signal-{number}"
            )
        )
        self._plan.acknowledged.add(f"signal-{number}")

    async def _update(self, seconds: float, number: int) -> None:
        await self._started(seconds)
        value: Any = None
        while value is None:  # it is accepted, and the wait for its result ended
            value = await until_done(
                lambda: self._client.update_workflow(
                    self._plan.workflow_id, "add", args=[number], request_id=f"update-{number}"
                )
            )
        if value != 10 * number:
            self._say(f"the update of {number} gave {value!r}")

    async def _started(self, seconds: float) -> None:
        """Wait for a moment, and for a workflow that somebody else starts meanwhile."""
        await asyncio.sleep(seconds)
        if self._plan.executes:
            await until_done(
                lambda: self._client.describe_workflow(self._plan.workflow_id), waits=True
            )

    def _say(self, what: str) -> None:
        self.wrong.append(f"{self._plan.workflow_id} {what}")

    async def tell(self) -> list[str]:
        """Do it all, and return what was wrong."""
        self.wrong += await told_of(self._plan.workflow_id, self.run())
        return self.wrong


async def told_of(name: str, doing: Awaitable[None]) -> list[str]:
    """What something has raised, if it has."""
    try:
        await doing
    except (WorkflowCancelled, WorkflowTerminated, Exception) as error:  # noqa: BLE001
        return [f"{name} raised {_told(error)}"]
    return []


def _told(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return ", ".join(map(_told, group.exceptions))
    return repr(error)
