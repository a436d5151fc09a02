"""An activity that a run has scheduled: its attempts, its retries, its timeouts."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from durable_workflow._kernel.receivers import as_arguments
from durable_workflow._wire import names
from durable_workflow.activity import ActivityInfo
from durable_workflow.testing._activity_context import (
    RecordingContext,
    is_coroutine_function,
    plain,
)
from durable_workflow.testing._mocks import Raise, TimeOut
from durable_workflow.testing._simulation.agenda import later
from durable_workflow.testing._simulation.failures import ENDS_ATTEMPT, Failure
from durable_workflow.testing._simulation.history import written
from durable_workflow.testing._simulation.payloads import decoded, encoded
from durable_workflow.testing._simulation.retries import Retries
from durable_workflow.testing._simulation.steps import Step

if TYPE_CHECKING:
    from durable_workflow.testing._simulation.run import SimulatedRun

WORKER_ID = "test-worker"


class ActivityExecution:
    """One activity of a run."""

    def __init__(self, run: "SimulatedRun", step: Step, command: Mapping[str, Any]) -> None:
        self._run = run
        self._simulation = run.simulation
        self._step = step
        self._command = command
        self._type = str(command["activity_type"])
        self._retries = Retries.of(command)
        self._attempt_number = 0
        self._details: dict[str, Any] | None = None
        total = command.get("schedule_to_close_timeout")
        self._deadline = None if total is None else later(self._simulation.agenda.now, total)

    def schedule(self) -> None:
        """Record it, and have its first attempt made."""
        self._run.append(names.ACTIVITY_SCHEDULED, self._fields(attempt=False))
        self._after(0, self._attempt)

    # --- attempts -------------------------------------------------------------------------

    def _attempt(self) -> None:
        self._attempt_number += 1
        fault = self._simulation.mocks.take_fault(self._type)
        if isinstance(fault, TimeOut):
            self._begin()
            self._timed_out(fault.kind)
            return
        worker = self._simulation.worker
        self._begin()
        if isinstance(fault, Raise):
            self._failed(fault.error)
            return
        mock = self._simulation.mocks.activity(self._type)
        context = RecordingContext(
            self._info(), self._heartbeat, on_loop=is_coroutine_function(mock.function)
        )
        end: Callable[[], None]
        try:
            result = encoded(mock.call(context, as_arguments(decoded(self._command["arguments"]))))
        except ENDS_ATTEMPT as error:
            raised = error  # The name is gone after this block.
            end = lambda: self._failed(raised)  # noqa: E731
        else:
            end = lambda: self._completed(result)  # noqa: E731
        self._end_after(mock.takes_seconds, lambda: self._reported(worker, end))

    def _end_after(self, seconds: float, end: Callable[[], None]) -> None:
        """End the attempt once it has taken its time, unless a timeout passes before."""
        limits = {"start_to_close": self._command.get("start_to_close_timeout")}
        if self._deadline is not None:
            limits["schedule_to_close"] = self._left()
        kind, limit = min(
            ((kind, limit) for kind, limit in limits.items() if limit is not None),
            key=lambda entry: entry[1],
            default=("", seconds),
        )
        if limit < seconds:
            self._after(limit, lambda: self._timed_out(kind))
        elif seconds:
            self._after(seconds, end)
        elif not self._run.closed:
            end()

    def _left(self) -> float:
        """Seconds until all attempts together have taken too long. There must be a deadline."""
        assert self._deadline is not None
        return (self._deadline - self._simulation.agenda.now).total_seconds()

    def _reported(self, worker: int, end: Callable[[], None]) -> None:
        """Take the end of an attempt, unless the worker that made it has died meanwhile."""
        if worker == self._simulation.worker:
            end()
        else:
            self._after(0, self._attempt)

    def _begin(self) -> None:
        self._run.append(names.ACTIVITY_STARTED, self._fields())

    def _heartbeat(self, details: dict[str, Any] | None) -> bool:
        if self._run.closed:
            return True  # The workflow was cancelled meanwhile: the activity is asked to stop.
        if details is not None:
            self._details = details
        self._run.append(
            names.ACTIVITY_HEARTBEAT_RECORDED, self._fields() | {"progress": details or None}
        )
        return False

    # --- ends -----------------------------------------------------------------------------

    def _completed(self, result: dict[str, str]) -> None:
        payload = {"result": result, "payload_codec": result["codec"]}
        self._run.resolve(self._step, names.ACTIVITY_COMPLETED, self._fields() | payload)

    def _failed(self, error: BaseException) -> None:
        failure = Failure.of(error)
        self._simulation.note_error(error)
        if self._tries_again(failure.type, final=failure.non_retryable, cause=failure.payload()):
            return
        payload = {
            "failure_id": f"failure-{self._step.sequence}",
            "failure_category": "activity",
            "non_retryable": failure.non_retryable,
            **failure.payload(),
        }
        self._run.resolve(self._step, names.ACTIVITY_FAILED, self._fields() | payload)

    def _timed_out(self, kind: str) -> None:
        cause = {
            "timeout_kind": kind,
            "exception_class": "ActivityTimeoutException",
            "message": f"Activity {self._type} exceeded its {kind} timeout.",
        }
        final = kind == "schedule_to_close"
        if not self._tries_again(None, final=final, cause=cause):
            payload = {
                "failure_id": f"failure-{self._step.sequence}",
                "failure_category": "timeout",
                **cause,
            }
            self._run.resolve(self._step, names.ACTIVITY_TIMED_OUT, self._fields() | payload)

    def _tries_again(self, error_type: str | None, *, final: bool, cause: dict[str, Any]) -> bool:
        delay = self._retries.delay_after(self._attempt_number, error_type, final=final)
        if delay is None:
            return False
        agenda = self._simulation.agenda
        retry_at = later(agenda.now, delay)
        fields = self._fields(attempt=False) | {
            "retry_available_at": written(retry_at),
            "retry_backoff_seconds": delay,
            "retry_after_attempt": self._attempt_number,
            "max_attempts": self._retries.max_attempts,
        }
        self._run.append(names.ACTIVITY_RETRY_SCHEDULED, fields | cause)
        if self._deadline is not None and retry_at >= self._deadline:
            self._after(self._left(), lambda: self._timed_out("schedule_to_close"))
        else:
            self._after(delay, self._attempt)
        return True

    # --- what events say ------------------------------------------------------------------

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        def act() -> None:
            if not self._run.closed:
                action()

        self._simulation.agenda.after(seconds, act)

    def _fields(self, *, attempt: bool = True) -> dict[str, Any]:
        return {
            "activity_execution_id": f"activity-{self._step.sequence}",
            "activity_attempt_id": self._attempt_id if attempt else None,
            "activity_class": self._type,
            "activity_type": self._type,
            "sequence": self._step.sequence,
            "attempt_number": self._attempt_number if attempt else None,
        }

    @property
    def _attempt_id(self) -> str:
        return f"activity-{self._step.sequence}/{self._attempt_number}"

    def _info(self) -> ActivityInfo:
        return ActivityInfo(
            task_id=f"task-{self._step.sequence}/{self._attempt_number}",
            activity_type=self._type,
            activity_attempt_id=self._attempt_id,
            attempt_number=self._attempt_number,
            task_queue=str(self._command["queue"]),
            worker_id=WORKER_ID,
            heartbeat_details=plain(self._details),
        )
