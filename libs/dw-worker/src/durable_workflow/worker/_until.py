"""`Worker.run_until`: serve a queue, one task at a time, until one workflow has ended."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

import durable_workflow
from durable_workflow._meet import WorkerTransport
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.worker._activity_tasks import ActivityTasks
from durable_workflow.worker._completions import schedules_activity
from durable_workflow.worker._contained import Ended, contained
from durable_workflow.worker._log import log
from durable_workflow.worker._polling import Pacing, pause_after
from durable_workflow.worker._reporting import is_unreachable
from durable_workflow.worker._turns import Answered, Turns
from durable_workflow.worker._workflow_tasks import WorkflowTasks

_CLOSED_STATUSES: Final = frozenset({"completed", "failed", "terminated", "canceled", "cancelled"})
# Shortest pause between two looks at the workflow, whatever interval was asked for.
_SHORTEST_LOOK_SECONDS: Final = 0.05
# Between two tries while the server cannot be reached.
_LONGEST_AWAY_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class TaskRunner:
    """Runs one task here and now, in place of a poller.

    Attributes:
        run_workflow_task: Returns the commands, or None where the task was failed.
        run_activity_task: Returns the outcome.
        workflow_tasks: Fails a workflow task whose handling raised.
        activity_tasks: Fails an activity task whose handling raised.
    """

    run_workflow_task: Callable[[JsonObject], Awaitable[list[JsonObject] | None]]
    run_activity_task: Callable[[JsonObject], Awaitable[str]]
    workflow_tasks: WorkflowTasks
    activity_tasks: ActivityTasks

    async def run(self, kind: str, task: JsonObject) -> str:
        """Run one task; returns the kind that is likely to come next.

        Raises:
            BaseException: What escaped from the task, once it is reported.
        """
        if kind == "activity":
            try:
                await contained(self.run_activity_task(task))
            except Ended as ended:
                await self.activity_tasks.fail_unhandled(task, ended.error)
                raise ended.error from None
            return "workflow"
        try:
            commands = await contained(self.run_workflow_task(task))
        except Ended as ended:
            await self.workflow_tasks.fail_unhandled(task, ended.error)
            raise ended.error from None
        except Exception as error:
            await self.workflow_tasks.fail_unhandled(task, error)
            raise
        return "activity" if schedules_activity(commands) else "workflow"


@dataclass(frozen=True, slots=True)
class UntilClosed:
    """Asks for tasks and runs them until one workflow has ended.

    Attributes:
        workflow_id: The workflow.
        timeout: Seconds that it was given, for the error's text.
        deadline: When to give up, on the monotonic clock.
        poll_interval: Seconds to wait after a poll that brought nothing.
    """

    transport: WorkerTransport
    pacing: Pacing
    tasks: TaskRunner
    workflow_id: str
    timeout: float
    deadline: float
    poll_interval: float

    async def serve(self, turns: Turns) -> "durable_workflow.WorkflowExecution":
        """Run tasks until the workflow has ended; returns its description.

        Raises:
            TimeoutError: It has not ended by the deadline, or the server could not be reached.
        """
        failures = 0
        while True:
            answered: Answered | None = None
            away: Exception | None = None
            pause = 0.0
            try:
                if (execution := await self._closed()) is not None:
                    return execution
                answered = await self._next(turns)
                failures = 0
            except Exception as error:
                if not is_unreachable(error):
                    raise
                away, failures = error, failures + 1
                log.warning("the server cannot be reached: %s: %s", type(error).__name__, error)
                pause = pause_after(failures, error, longest=_LONGEST_AWAY_SECONDS)
            if answered is not None:
                if answered.task is not None:
                    turns.prefer(await self.tasks.run(answered.target.kind, answered.task))
                    continue
                pause = self.poll_interval
            if (remaining := self.deadline - time.monotonic()) <= 0:
                text = f"workflow {self.workflow_id} has not ended in {self.timeout:g} s"
                raise TimeoutError(text) from away
            await self.pacing.pause(min(pause, remaining))

    async def _closed(self) -> "durable_workflow.WorkflowExecution | None":
        """The description of the workflow where it has ended."""
        execution = await self.transport.describe(self.workflow_id)
        if str(execution.status).lower() not in _CLOSED_STATUSES:
            return None
        return cast("durable_workflow.WorkflowExecution", execution)

    async def _next(self, turns: Turns) -> Answered | None:
        """The next answer to a poll, until it is time to look at the workflow again."""
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            return None
        look_again = max(self.poll_interval, _SHORTEST_LOOK_SECONDS)
        return await turns.next(min(look_again, remaining))
