"""What a run does once it has a result that is not recorded yet."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.events import Event
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.names import COMPLETE_WORKFLOW
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._decisions import Decided, Decisions
from durable_workflow.worker._limits import Limits
from durable_workflow.worker._loop_code import LoopCode
from durable_workflow.worker._machines import Kept, MachineCache, RunStart
from durable_workflow.worker._replaying import replaying
from durable_workflow.worker._tasks import ActivityTask, WorkflowTask
from durable_workflow.workflow import FailWorkflow


class NotForeseen(Exception):
    """The next task has to ask what a run does with a result; its machine is gone."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The decision of a run that was given a result before the server.

    Attributes:
        workflow_type: Type of the run.
        events: How many events its history has.
        after: Sequence of the last recorded event that its machine was fed.
        commands: The commands in wire form.
        passes_on: Whether the workflow ends with that result, which its command leaves out.
        keeps_history: Whether the machine is kept.
    """

    workflow_type: str
    events: int
    after: int
    commands: list[JsonObject]
    passes_on: bool
    keeps_history: bool


class Foresight:
    """Feeds kept machines of one worker results that are not recorded yet."""

    def __init__(
        self,
        workflows: Mapping[str, type],
        *,
        code: LoopCode,
        machines: MachineCache,
        decisions: Decisions,
        keeps_history: Callable[[], bool],
        limits: Callable[[], Limits],
        passes_on: Callable[[], bool],
    ) -> None:
        self._workflows = workflows
        self._code = code
        self._machines = machines
        self._decisions = decisions
        self._keeps_history = keeps_history
        self._limits = limits
        self._passes_on = passes_on
        # Types whose decisions need the time that only a task brings.
        self._asks_time: set[type] = set()

    def foresee(self, activity: ActivityTask, result: JsonObject, claim: str) -> Foreseen | None:
        """Feed the kept machine of a run the result of its activity, and decide.

        Args:
            activity: The activity, whose result is not recorded yet.
            result: As an envelope.
            claim: Under which the machine is kept until it is known whether the decision counts.

        Returns:
            None where there is no machine that waits for this result alone, or its code does not
            run on the loop.

        Raises:
            Exception: There is none that can go along with the result; the machine is dropped.
        """
        kept = self._machines.take_for_result(activity.run_id)
        if kept is None:
            return None
        workflow_class = self._workflows.get(kept.start.workflow_type)
        events: list[Event] | None = None
        if workflow_class not in self._asks_time and kept.decided_at <= activity.came_at:
            events = kept.machine.foresee(activity.activity_type, result)
        after, limits = kept.machine.last_sequence, self._limits()
        if (
            workflow_class is None
            or events is None
            or not limits.has_room_beside(result)
            or not self._code.may_run_here(workflow_class)
        ):
            self._machines.put(
                activity.run_id, kept, kept.claim, is_ahead=kept.is_ahead, measured_soon=True
            )
            return None
        task = _foreseen_task(activity, kept.start)
        # However large the result is: this loop has encoded it, which takes as long as this.
        ahead = self._code.run_here(
            workflow_class, lambda run: self._go_ahead(run, task, kept, events, result)
        )
        if ahead is None:
            raise NotForeseen
        decided, commands = ahead
        if decided.kept is not None:
            decided.kept.decided_at = time.monotonic()
            self._machines.put(
                activity.run_id, decided.kept, claim, is_ahead=True, measured_soon=True
            )
        keeps_history = decided.kept is not None and self._keeps_history()
        return Foreseen(
            task.workflow_type,
            kept.machine.event_count,
            after,
            commands,
            commands is not decided.commands,
            keeps_history,
        )

    def _go_ahead(
        self,
        run: CodeRun[Any],
        task: WorkflowTask,
        kept: Kept,
        foreseen: list[Event],
        result: JsonObject,
    ) -> tuple[Decided, list[JsonObject]] | None:
        """Feed a kept machine foreseen events; what it decides, if that can go along with them.

        The commands are those of the decision, as they stand beside the result.

        That the run fails is left to a task: it is logged, and should be so once.
        """
        machine = kept.machine
        with self._machines.using(machine) as use:
            with replaying(run, foreseen):
                if not machine.feed_foreseen(foreseen):
                    self._asks_time.add(self._workflows[task.workflow_type])
                    return None
                commands = self._decisions.commands(task, machine)
            if not commands or any(isinstance(each, FailWorkflow) for each in commands):
                return None
            decided = self._decisions.decided(run, task, kept, commands, checks=False)
            beside = decided.commands
            if self._passes_on():
                beside = _passing_on(result, beside)
            limits = self._limits()
            limits.check_beside(result, beside)
            if beside is not decided.commands:
                limits.check(decided.commands)  # what is left out has to keep them, too
            use.stays = decided.kept is not None
        return decided, beside


def _passing_on(result: JsonObject, commands: list[JsonObject]) -> list[JsonObject]:
    """The commands; where the run ends with that result the last one leaves it out."""
    last = commands[-1]
    if last["type"] != COMPLETE_WORKFLOW or last.get("result") != result:
        return commands
    return [*commands[:-1], {name: last[name] for name in last if name != "result"}]


def _foreseen_task(activity: ActivityTask, start: RunStart) -> WorkflowTask:
    """The task that would bring the result of an activity, as far as a decision needs it."""
    return WorkflowTask(
        task_id="",
        attempt=1,
        workflow_type=start.workflow_type,
        workflow_id=activity.workflow_id,
        run_id=activity.run_id,
        events=[],
        next_page_token=None,
        arguments=None,
        payload_codec=start.codec or activity.payload_codec,
        update_id=None,
        last_sequence=None,
        after_sequence=None,
        full_history_token=None,
        says_arguments=False,
    )
