"""A workflow from its start to the end of the last run of its chain."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from durable_workflow._kernel.places import Place
from durable_workflow._wire import names
from durable_workflow.errors import WorkflowCancelled, WorkflowFailed, WorkflowTerminated
from durable_workflow.testing._records import WorkflowRunRecord
from durable_workflow.testing._simulation.determinism import check_determinism
from durable_workflow.testing._simulation.ends import Completed, End
from durable_workflow.testing._simulation.failures import Failure
from durable_workflow.testing._simulation.payloads import CODEC, decoded
from durable_workflow.testing._simulation.places import note_places
from durable_workflow.testing._simulation.run import SimulatedRun
from durable_workflow.workflow import Command, CompleteWorkflow, FailWorkflow

if TYPE_CHECKING:
    from durable_workflow.testing._simulation.simulation import Simulation


class Chain:
    """One workflow.

    Attributes:
        simulation: Where it runs.
        workflow_id: Its id.
        current: The run that is open, or the last one.
        records: What the environment shows of its runs.
        end: How it ended; None while it has not.
        error: What is raised to whoever waits for its result; None where it completed.
        on_link: Called with the number of each run, from 1, before its first task.
        on_end: Called once, with how it ended.
    """

    def __init__(
        self,
        simulation: "Simulation",
        *,
        workflow_id: str,
        on_link: Callable[[int], None] | None = None,
        on_end: Callable[[Completed | End], None] | None = None,
    ) -> None:
        self.simulation = simulation
        self.workflow_id = workflow_id
        self.current: SimulatedRun
        self.records: list[WorkflowRunRecord] = []
        self.end: Completed | End | None = None
        self.error: BaseException | None = None
        self.on_link = on_link
        self.on_end = on_end

    def start(self, workflow_cls: type, arguments: Mapping[str, str], run_id: str) -> None:
        """Begin a run: the first, or the next of the chain."""
        self.current = run = SimulatedRun(self, workflow_cls, arguments, run_id)
        self.records.append(run.record)
        run.begin()
        if self.on_link is not None:
            self.on_link(len(self.records))
        run.wake()

    def result(self) -> Any:
        """What the last run returned, decoded. The chain has ended.

        Raises:
            BaseException: How it ended, where it did not complete.
        """
        if self.error is not None:
            raise self.error
        if not isinstance(self.end, Completed):
            raise AssertionError("the workflow has not ended")
        return decoded(self.end.result)

    def signal(self, name: str, arguments: Sequence[Any]) -> None:
        """Send a signal to the run that is open; a closed workflow takes none."""
        self.simulation.when_idle(lambda: self._signal(name, arguments))

    def _signal(self, name: str, arguments: Sequence[Any]) -> None:
        if not self.current.closed:
            self.current.receive_signal(name, arguments)

    # --- ends -----------------------------------------------------------------------------

    def end_run(self, run: SimulatedRun, command: Command, wire: Mapping[str, Any]) -> None:
        """Apply the command that ends a run."""
        places = run.places
        run.close()
        kind = wire["type"]
        if kind == names.COMPLETE_WORKFLOW:
            self._complete(run, command, wire["result"])
        elif kind == names.CONTINUE_AS_NEW:
            self._continue(run, command, wire)
        elif isinstance(command, FailWorkflow):
            self._fail(run, command, places)
        else:
            raise TypeError(f"unsupported command in test harness: {command!r}")

    def _complete(self, run: SimulatedRun, command: Command, result: Mapping[str, str]) -> None:
        run.append(
            names.WORKFLOW_COMPLETED, {"output": dict(result), "payload_codec": result["codec"]}
        )
        assert isinstance(command, CompleteWorkflow)
        self._close(run, replace(command, result=decoded(result)), Completed(result))

    def _fail(self, run: SimulatedRun, command: FailWorkflow, places: Iterable[Place]) -> None:
        failure = Failure(command.message, command.exception_type or "", command.non_retryable)
        payload = {"failure_category": "application", **failure.payload()}
        run.append(names.WORKFLOW_FAILED, payload | {"non_retryable": command.non_retryable})
        error = WorkflowFailed(command.message, command.exception_type)
        note_places(error, "The workflow failed here:", places)
        error.__cause__ = self.simulation.error_behind(command)
        self._close(run, error, End.failed(failure))

    def _continue(self, run: SimulatedRun, command: Command, wire: Mapping[str, Any]) -> None:
        run_id = f"{run.run_id}-continued"
        workflow_type = wire.get("workflow_type")
        run.append(
            names.WORKFLOW_CONTINUED_AS_NEW,
            {
                "sequence": run.next_sequence(),
                "arguments": wire["arguments"],
                "payload_codec": CODEC,
                "workflow_type": workflow_type,
                "queue": wire.get("queue"),
                "continued_to_run_id": run_id,
                "closed_reason": "continued",
            },
        )
        self._close_run(run, command)
        limit = self.simulation.continue_as_new_limit
        if len(self.records) >= limit:
            raise RuntimeError(
                f"workflow {self.records[0].workflow_type!r} continued as new more than "
                f"{limit - 1} times: raise WorkflowEnvironment(continue_as_new_limit={limit}) if "
                "a chain may be longer"
            )
        following = self.simulation.next_class(workflow_type, run.workflow_cls)
        self.start(following, wire["arguments"], run_id)

    def cancel(self, reason: str | None) -> None:
        """Close the open run, as the server does when a cancellation is requested."""
        message = "Workflow cancelled." if reason is None else f"Workflow cancelled: {reason}"
        self._close_from_outside(
            (names.CANCEL_REQUESTED, names.WORKFLOW_CANCELLED),
            {"reason": reason, "closed_reason": "cancelled", "message": message},
            WorkflowCancelled(message),
            names.CHILD_RUN_CANCELLED,
        )

    def terminate(self, reason: str | None) -> None:
        """Close the open run, as the server does when it is terminated."""
        message = "Workflow terminated." if reason is None else f"Workflow terminated: {reason}"
        self._close_from_outside(
            (names.TERMINATE_REQUESTED, names.WORKFLOW_TERMINATED),
            {"reason": reason, "closed_reason": "terminated", "message": message},
            WorkflowTerminated(message),
            names.CHILD_RUN_TERMINATED,
        )

    def time_out(self, kind: str) -> None:
        """Close the open run because a deadline of the workflow passed."""
        message = f"Workflow exceeded its {kind.replace('_', ' ')}."
        payload = {"timeout_kind": kind, "failure_category": "timeout", "message": message}
        self._close_from_outside(
            (names.WORKFLOW_TIMED_OUT,), payload, WorkflowFailed(message), names.CHILD_RUN_FAILED
        )

    def _close_from_outside(
        self,
        event_types: Sequence[str],
        payload: dict[str, Any],
        error: BaseException,
        told_parent: str,
    ) -> None:
        if self.end is not None:
            return
        run = self.current
        run.close()
        for event_type in event_types:
            run.append(event_type, payload)
        self._close(run, error, End(told_parent, payload), check=False)

    def _close(
        self, run: SimulatedRun, terminal: Any, end: Completed | End, *, check: bool = True
    ) -> None:
        self._close_run(run, terminal, check=check)
        self.end = end
        self.error = terminal if isinstance(terminal, BaseException) else None
        if self.on_end is not None:
            self.on_end(end)

    def _close_run(self, run: SimulatedRun, terminal: Any, *, check: bool = True) -> None:
        run.record.terminal = terminal
        if check and self.simulation.checks_determinism:
            check_determinism(run, terminal)
