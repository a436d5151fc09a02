"""A child workflow that a run has started: a mock, or a class whose code is run."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from durable_workflow._wire import names
from durable_workflow.testing._simulation.ends import Completed, End
from durable_workflow.testing._simulation.failures import ENDS_ATTEMPT, Failure
from durable_workflow.testing._simulation.payloads import decoded, encoded
from durable_workflow.testing._simulation.retries import Retries
from durable_workflow.testing._simulation.steps import Step

if TYPE_CHECKING:
    from durable_workflow.testing._simulation.run import SimulatedRun


class ChildExecution:
    """One child of a run."""

    def __init__(self, run: "SimulatedRun", step: Step, command: Mapping[str, Any]) -> None:
        self._run = run
        self._simulation = run.simulation
        self._step = step
        self._command = command
        self._type = str(command["workflow_type"])
        self._retries = Retries.of(command)
        self._attempt = 0
        self._begin = self._how_to_begin()

    def schedule(self) -> None:
        """Record it, and start its first run."""
        self._run.append(names.CHILD_WORKFLOW_SCHEDULED, self._fields())
        self._start()

    def _how_to_begin(self) -> Callable[[], None]:
        mocks = self._simulation.mocks
        if mocks.mocks_child(self._type):
            return self._call_mock
        workflow_cls = self._simulation.child_class(self._type)
        if workflow_cls is None:
            raise mocks.missing_child(self._type)
        return lambda: self._run_code(workflow_cls)

    def _start(self) -> None:
        if not self._run.closed:
            self._attempt += 1
            self._run.append(names.CHILD_RUN_STARTED, self._fields())
            self._begin()

    def _call_mock(self) -> None:
        self._simulation.agenda.after(0, self._answer_of_mock)

    def _answer_of_mock(self) -> None:
        if self._run.closed:
            return
        try:
            arguments = decoded(self._command["arguments"])
            result = encoded(self._simulation.mocks.call_child(self._type, arguments))
        except ENDS_ATTEMPT as error:
            self._simulation.note_error(error)
            self._ended(End.failed(Failure.of(error)))
        else:
            self._ended(Completed(result))

    def _run_code(self, workflow_cls: type) -> None:
        self._simulation.start_child(
            workflow_cls,
            self._command["arguments"],
            workflow_id=self._id,
            run_id=self._run_id,
            limits=(
                ("execution_timeout", self._command.get("execution_timeout_seconds")),
                ("run_timeout", self._command.get("run_timeout_seconds")),
            ),
            on_end=self._ended,
        )

    def _ended(self, end: Completed | End) -> None:
        if self._run.closed:
            return
        if isinstance(end, Completed):
            payload = {"result": end.result, "payload_codec": end.result["codec"]}
            self._run.resolve(self._step, names.CHILD_RUN_COMPLETED, self._fields() | payload)
            return
        if end.retryable:
            error_type = end.payload.get("exception_type")
            delay = self._retries.delay_after(self._attempt, error_type, final=False)
            if delay is not None:
                self._simulation.agenda.after(delay, self._start)
                return
        self._run.resolve(self._step, end.event_type, self._fields() | end.payload)

    @property
    def _id(self) -> str:
        return f"{self._run.chain.workflow_id}/child-{self._step.sequence}"

    @property
    def _run_id(self) -> str:
        # A child that is scheduled, attempt 0, has the id of its first run already.
        again = "" if self._attempt <= 1 else f"-{self._attempt}"
        return f"{self._run.run_id}/child-{self._step.sequence}{again}"

    def _fields(self) -> dict[str, Any]:
        return {
            "sequence": self._step.sequence,
            "child_call_id": f"child-{self._step.sequence}",
            "child_workflow_instance_id": self._id,
            "child_workflow_run_id": self._run_id,
            "child_workflow_class": self._type,
            "child_workflow_type": self._type,
            "child_run_number": self._attempt or None,
        }
