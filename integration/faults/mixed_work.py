"""The work of a fault run beside orders: workflows with everything, activities, a schedule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from durable_workflow import Client, ScheduleAction, ScheduleSpec
from durable_workflow.client import ScheduleHandle
from durable_workflow.errors import ScheduleAlreadyExists
from integration.faults import mixture
from integration.faults.verdict import Verdict
from integration.harness.waiting import eventually

T = TypeVar("T")
SCHEDULE = "each-second"


class Ask(Protocol):
    """Asks until a server answers."""

    async def __call__(self, ask: Callable[[], Awaitable[T]], /) -> T:
        """The answer."""
        ...


class MixedWork:
    """The work, and what must have come of it.

    Args:
        count: How many workflows; each third has a standalone activity beside it.
        queue: Where the tasks go.
        seconds: The durable timer in each workflow.
        patience_seconds: How long is waited for one.
        ask: How requests are sent.
        verdict: Gets what is wrong.
    """

    def __init__(
        self,
        count: int,
        *,
        queue: str,
        seconds: int,
        patience_seconds: float,
        ask: Ask,
        verdict: Verdict,
    ) -> None:
        self.numbers = range(1, count + 1)
        self._queue = queue
        self._seconds = seconds
        self._patience = patience_seconds
        self._ask = ask
        self._verdict = verdict

    async def begin(self, client: Client) -> None:
        """Make the schedule: it fires each second, and starts a child's workflow."""
        if not self.numbers:
            return
        action = ScheduleAction(workflow_type="mixture-child", task_queue=self._queue, input=[2, 0])
        try:
            await client.create_schedule(
                schedule_id=SCHEDULE,
                spec=ScheduleSpec(intervals=[{"every": "PT1S"}]),
                action=action,
                overlap_policy="allow_all",
            )
        except ScheduleAlreadyExists:
            return  # the answer to an earlier try was lost

    async def process(self, client: Client, number: int) -> None:
        """Take one workflow to its end, and an activity."""
        await self._ask(lambda: mixture.start(client, number, self._queue, self._seconds))
        await self._ask(lambda: mixture.send(client, number))
        workflow_id = mixture.workflow_id_of(number)
        handle = client.get_workflow_handle(workflow_id)
        result = await self._ask(lambda: handle.result(timeout=self._patience, poll_interval=0.25))
        self._verdict.look_at_result(workflow_id, result, mixture.result_of(number))
        if number % 3 == 0:
            alone = await self._ask(lambda: mixture.process_alone(client, number, self._queue))
            self._verdict.look_at_result(f"activity {number}", alone, number * number)

    async def end(self, client: Client) -> None:
        """End the schedule, and hold every run against what must be there."""
        if not self.numbers:
            return
        schedule = client.get_schedule_handle(SCHEDULE)
        await schedule.pause()

        async def open_runs() -> list[Any]:
            return [run for run in await _runs(client, "mixture-child") if not run.is_terminal]

        await eventually(open_runs, lambda runs: not runs, within=60)
        started = await _runs(client, "mixture-child")
        fired = await self._fires(schedule)
        if lost := fired - {run.run_id for run in started}:
            self._verdict.violations.append(f"runs of the schedule are not there: {lost}")
        # A child goes on in a new run, up to twice.
        self._count("children", len(started) - len(fired), sum(n % 3 + 1 for n in self.numbers))
        parents = await _runs(client, "mixture")
        self._count("mixtures", len(parents), len(self.numbers))
        for run in [*parents, *started]:
            document = await client.get_history(run.workflow_id, run.run_id)
            self._verdict.look_at_history(run.workflow_id, document["events"])
        self._verdict.figures |= {"scheduled_runs": len(fired), "child_runs": len(started)}

    async def _fires(self, schedule: ScheduleHandle) -> set[str | None]:
        """The runs that the schedule says it has started, each time once."""
        events = [
            event
            async for event in schedule.iter_history(limit=100)
            if event.event_type == "ScheduleTriggered"
        ]
        times = Counter((event.payload or {})["occurrence_time"] for event in events)
        if twice := [time for time, count in times.items() if count > 1]:
            self._verdict.violations.append(f"the schedule fired twice for {twice}")
        return {event.workflow_run_id for event in events}

    def _count(self, what: str, found: int, wanted: int) -> None:
        if found != wanted:
            self._verdict.violations.append(f"there are {found} runs of {what}, not {wanted}")


async def _runs(client: Client, workflow_type: str) -> list[Any]:
    found: list[Any] = []
    token: str | None = None
    while True:
        page = await client.list_workflows(
            workflow_type=workflow_type, page_size=200, next_page_token=token
        )
        found += page.executions
        token = page.next_page_token
        if token is None:
            return found
