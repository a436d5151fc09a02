"""Reports: how a task ended, as a value, and the one place that sends it.

A report may fail in two ways. *Definite*: the server has refused it, so it has no effect and the
task can still be failed. *Ambiguous*: it may have taken effect (the answer was lost), or somebody
else has the task by now; then there is nothing more to say.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from durable_workflow._meet import Lease, Report, Unencodable, WorkerTransport
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.errors import (
    DurableWorkflowError,
    InvalidArgument,
    InvalidResponse,
    ServerError,
    failure_details,
    failure_type,
)
from durable_workflow.serializer import AVRO_CODEC, PayloadSizeWarningContext
from durable_workflow.serializer._plain import beside_its_envelope
from durable_workflow.worker._limits import shortened
from durable_workflow.worker._log import log
from durable_workflow.worker._payloads import Payloads, encoding_error
from durable_workflow.worker._tasks import ActivityTask, QueryTask

# Pauses between tries of a report, after failures that may not happen again.
_PAUSES_SECONDS = (0.05, 0.2)
# While the server cannot be reached, for example during its restart, a running worker tries for
# longer: an unreported task is done again, and only after its lease has ended.
_PATIENT_PAUSES_SECONDS = (*_PAUSES_SECONDS, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0)

_SOMEBODY_ELSES = frozenset(
    {
        "lease_expired",
        "lease_owner_mismatch",
        "run_already_closed",
        "run_closed",
        "task_not_found",
        "task_not_leased",
        "workflow_task_attempt_mismatch",
    }
)
_TOO_LARGE, _INVALID = 413, 422
# Of a proxy whose server is being restarted.
_GATEWAY_FAILURES = frozenset({502, 503, 504})
# What the server says of an attempt whose run has ended: nobody waits for its outcome.
_RUN_ENDED = frozenset({"run_already_closed", "run_cancelled", "run_closed", "run_terminated"})
_QUERY_ENDED = frozenset(
    {"lease_expired", "query_task_not_found", "query_task_not_leased", "query_task_timed_out"}
)


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed task and its message, shortened to what can be sent."""

    message: str
    failure_type: str | None = None
    stack_trace: str | None = None
    non_retryable: bool = False
    reason: str | None = None  # queries only
    details: Any = None  # activities only; not encoded

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))
        if self.stack_trace is not None:
            object.__setattr__(self, "stack_trace", shortened(self.stack_trace))

    def body(self, **members: str) -> JsonObject:
        """What a report of it holds."""
        failure: JsonObject = {"message": self.message, **members}
        if self.failure_type is not None:
            failure["type"] = self.failure_type
        if self.stack_trace is not None:
            failure["stack_trace"] = self.stack_trace
        if self.non_retryable:
            failure["non_retryable"] = True
        return {"failure": failure}


class Unsent(Exception):
    """A result was not sent, for what its codec or storage driver raised: that is `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a workflow does next, which goes along with the result of its activity.

    Attributes:
        message: What the report says of it.
        settle: Called with the answer to the report, or None where there was none.
    """

    message: JsonObject
    settle: Callable[[Any], None]


# Makes it from the activity and its result, as an envelope; None where that is left to a task.
Decide: TypeAlias = Callable[[ActivityTask, JsonObject], Ahead | None]


class Reporter:
    """Reports the outcomes of one worker's tasks.

    Attributes:
        patient: Wait for a server that cannot be reached, up to about 20 s for each report.
    """

    def __init__(self, transport: WorkerTransport, worker_id: str, payloads: Payloads) -> None:
        self.patient = False
        self._transport = transport
        self._worker_id = worker_id
        self._payloads = payloads

    # --- workflow tasks -------------------------------------------------------------------

    async def complete_workflow_task(
        self,
        task_id: str,
        attempt: int,
        commands: list[JsonObject],
        *,
        keep_history: bool,
        claim: str | None = None,
    ) -> Exception | None:
        """Hand in commands, in up to three tries, and more while the server is away.

        Args:
            task_id: The task.
            attempt: Attempt that this is the outcome of.
            commands: In wire form.
            keep_history: Say that this worker keeps the run's machine (`sticky_history`).
            claim: What the task came with, if it came with one.

        Returns:
            None, or why the server did not acknowledge it: see `is_ambiguous`.
        """
        body: JsonObject = {"commands": commands}
        if keep_history:  # a transport that knows nothing of the extension is never given it
            body["keep_history"] = True
        report = Report(self._lease("workflow", task_id, attempt, claim), "complete", body)
        return await self._attempt(
            report, what=f"completion of workflow task {task_id}", may_retry=_may_pass
        )

    async def fail_workflow_task(
        self, task_id: str, attempt: int, failed: Failed, *, claim: str | None = None
    ) -> None:
        """Report that a workflow task failed. If that fails it is logged: the lease will expire."""
        error = await self._attempt(
            Report(self._lease("workflow", task_id, attempt, claim), "fail", failed.body()),
            what=f"failure of workflow task {task_id}",
            may_retry=lambda error: self.patient and _is_away(error),
        )
        if error is not None:
            log.warning("could not report failure of workflow task %s: %s", task_id, error)

    # --- activity tasks -------------------------------------------------------------------

    async def complete_activity_task(
        self, task: ActivityTask, result: Any, decide: Decide | None = None
    ) -> Exception | None:
        """Hand in a result; returns why it did not arrive, or None.

        Args:
            task: The activity.
            result: What it returned.
            decide: Makes the decision that goes along with it.
        """
        codec = task.payload_codec or "json"
        about: dict[str, str | None] = {"activity_name": task.activity_type}
        try:
            report = await self._completion(
                self._lease("activity", task.task_id, task.attempt_id), result, codec, about
            )
        except Unencodable as error:
            return error
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            return Unsent(error)
        what = f"completion of activity task {task.task_id}"
        ahead: Ahead | None = None
        if decide is not None and not self._transport.encodes:
            ahead = decide(task, report.body["result"])
        if ahead is not None:
            both = Report(report.lease, report.verb, report.body | {"ahead": ahead.message})
            problem = await self._attempt(
                both, what=what, may_retry=lambda _: False, settle=ahead.settle
            )
            if problem is None or not (is_refused(problem) or _may_arrive(problem)):
                return problem
            # The result itself may be taken; where it was already, it is acknowledged again.
        return await self._attempt(report, what=what, may_retry=_may_arrive)

    async def fail_activity_task(self, task: ActivityTask, failed: Failed) -> None:
        """Report a failed attempt. A report that fails is logged: the lease will expire.

        That its run has ended is no fault: an attempt that was cancelled is reported like this.
        """
        lease = self._lease("activity", task.task_id, task.attempt_id)
        what = f"failure of activity task {task.task_id}"
        report = await self._failure(lease, task, failed)
        error = await self._attempt(report, what=what, may_retry=_may_arrive)
        if error is not None and failed.details is not None and is_refused(error):
            # Without a report the attempt would stay leased, and then be made again.
            log.warning("%s: its details were refused, and are left out: %s", task, error)
            report = Report(lease, "fail", failed.body())
            error = await self._attempt(report, what=what, may_retry=_may_arrive)
        if error is not None and run_has_ended(error):
            log.info("%s is over, its run has ended: %s", task, error)
        elif error is not None:
            log.warning("could not report that %s failed: %s", task, error)

    async def heartbeat(self, task: ActivityTask, lease: Lease, details: JsonObject | None) -> Any:
        """Send an activity's heartbeat; returns the answer.

        While the server cannot be reached a running worker tries for as long as with a report:
        that the server restarts is no failure of the activity.

        Raises:
            Exception: What the last try raised.
        """
        for pause in _PATIENT_PAUSES_SECONDS if self.patient else ():
            try:
                return await self._transport.heartbeat(lease, details)
            except Exception as error:
                if not _is_away(error):
                    raise
                if pause == _PATIENT_PAUSES_SECONDS[0]:
                    log.warning("heartbeat of %s waits for the server: %s", task, error)
            await asyncio.sleep(pause)
        return await self._transport.heartbeat(lease, details)

    async def _failure(self, lease: Lease, task: ActivityTask, failed: Failed) -> Report:
        """The report of a failure; details that cannot be encoded or stored are left out."""
        body, details = failed.body(), failed.details
        if details is None:
            return Report(lease, "fail", body)
        context = PayloadSizeWarningContext(
            kind="activity_failure_details",
            activity_name=task.activity_type,
            namespace=self._payloads.namespace,
        )
        problem = encoding_error(details, AVRO_CODEC, context)
        if problem is None and self._transport.encodes:
            unencoded = {"details": details, "activity_name": task.activity_type}
            return Report(lease, "fail", body, unencoded=unencoded)
        if problem is None:
            try:
                body["failure"]["details"] = await self._payloads.sealed(
                    details, AVRO_CODEC, context
                )
            except Exception as error:  # noqa: BLE001 - drivers raise what they like
                problem = error
        if problem is not None:
            log.warning("%s: the details of its failure are left out: %s", task, problem)
        return Report(lease, "fail", body)

    # --- query tasks ----------------------------------------------------------------------

    async def complete_query_task(self, task: QueryTask, result: Any) -> Exception | None:
        """Answer a query; returns why the answer did not arrive, or None."""
        codec = task.payload_codec or "avro"
        about = {
            "workflow_id": task.workflow_id or None,
            "run_id": task.run_id or None,
            "query_name": task.update_name or task.query_name,
        }
        try:
            lease = self._lease("query", task.query_task_id, task.attempt)
            await self._transport.report(await self._completion(lease, result, codec, about))
        except Exception as error:  # noqa: BLE001 - whatever the transport raises
            return error
        return None

    async def fail_query_task(self, task: QueryTask, failed: Failed) -> None:
        """Refuse a query. If it has already ended nobody waits for it, so there is no warning."""
        lease = self._lease("query", task.query_task_id, task.attempt)
        body = failed.body(reason=failed.reason or "query_rejected")
        try:
            await self._transport.report(Report(lease, "fail", body))
        except Exception as error:  # noqa: BLE001 - whatever the transport raises
            if query_has_ended(error):
                log.info("query task %s had ended: %s", task.query_task_id, error)
            else:
                log.warning(
                    "could not report failure of query task %s: %s", task.query_task_id, error
                )

    def _lease(
        self, kind: str, task_id: str, attempt: int | str, claim: str | None = None
    ) -> Lease:
        return Lease(kind, task_id, attempt, self._worker_id, claim)

    async def _completion(
        self, lease: Lease, result: Any, codec: str, about: dict[str, str | None]
    ) -> Report:
        """The report of a result: encoded here, unless the transport does that."""
        if self._transport.encodes:
            unencoded = {"result": result, "codec": codec} | about
            return Report(
                lease,
                "complete",
                unencoded=unencoded | self._payloads.storage_options(),
            )
        context = PayloadSizeWarningContext(
            kind=f"{lease.kind}_result", namespace=self._payloads.namespace, **about
        )
        envelope = await self._payloads.sealed(result, codec, context)
        if lease.kind == "query":
            # Also as a plain value, even if it is null: the key shows that there is an answer.
            copy = beside_its_envelope(result, envelope)
            return Report(lease, "complete", {"result": copy, "result_envelope": envelope})
        return Report(lease, "complete", {"result": envelope})

    async def _attempt(
        self,
        report: Report,
        *,
        what: str,
        may_retry: Callable[[Exception], bool],
        settle: Callable[[Any], None] | None = None,
    ) -> Exception | None:
        answer: Any = None
        try:
            answer = await self._tries(report, what, may_retry)
        finally:
            if settle is not None:
                settle(None if isinstance(answer, Exception) else answer)
        return answer if isinstance(answer, Exception) else None

    async def _tries(
        self, report: Report, what: str, may_retry: Callable[[Exception], bool]
    ) -> Any:
        """Send a report, and again while that may help; the answer, or the last error."""
        tries = 0
        while True:
            try:
                return await self._transport.report(report)
            except Exception as error:  # noqa: BLE001 - the caller decides what it means
                patient = self.patient and _is_away(error)
                pauses = _PATIENT_PAUSES_SECONDS if patient else _PAUSES_SECONDS
                if tries >= len(pauses) or not may_retry(error):
                    return error
                log.warning("retrying %s in %g s: %s", what, pauses[tries], error)
                await asyncio.sleep(pauses[tries])
                tries += 1


def failed_with(error: BaseException, message: str, stack_trace: str, **more: Any) -> Failed:
    """The failure that an exception causes."""
    # A server refuses null characters, and a refused report would leave the task leased.
    message, stack_trace = (text.replace("\0", "\\x00") for text in (message, stack_trace))
    return Failed(message, failure_type(error), stack_trace, details=failure_details(error), **more)


def reason_of(error: BaseException) -> str | None:
    """The machine-readable reason that a server gave, where the error carries one."""
    reason: object = getattr(error, "reason", None)
    if callable(reason):
        reason = reason()
    return reason if isinstance(reason, str) else None


def status_of(error: BaseException) -> int | None:
    """The HTTP status that the error stands for, where it carries one."""
    status: object = getattr(error, "status", None)
    return status if isinstance(status, int) else None


def is_ambiguous(error: Exception) -> bool:
    """Whether a refused or unanswered report leaves nothing to say about the task."""
    if not isinstance(error, DurableWorkflowError):
        return True
    return isinstance(error, ServerError) and (
        _may_be_stored(error) or reason_of(error) in _SOMEBODY_ELSES
    )


def is_refused(error: Exception) -> bool:
    """Whether the server refused the content of the report, so that another try is useless."""
    return isinstance(error, InvalidArgument) or status_of(error) in (_TOO_LARGE, _INVALID)


def run_has_ended(error: BaseException) -> bool:
    """Whether the server says that the run of a task is over, so that no report is wanted."""
    return reason_of(error) in _RUN_ENDED


def query_has_ended(error: BaseException) -> bool:
    """Whether the server says that a query task is over, so that no report is wanted."""
    return status_of(error) in (404, 409) and reason_of(error) in _QUERY_ENDED


def _may_be_stored(error: ServerError) -> bool:
    """Whether the server, if it was the server that answered, said nothing of the report itself."""
    is_of_proxy = isinstance(error, InvalidResponse)
    return is_of_proxy or error.status >= 500 or error.status == 429


def _is_away(error: Exception) -> bool:
    """Whether there is no server to answer now: nobody does, or a proxy before it."""
    return (
        is_unreachable(error)
        or isinstance(error, InvalidResponse)
        or status_of(error) in _GATEWAY_FAILURES
    )


def _may_pass(error: Exception) -> bool:
    """Whether to retry a workflow task's report. That is safe: it takes effect only once."""
    if isinstance(error, ServerError):
        return _may_be_stored(error)
    return not isinstance(error, DurableWorkflowError)


def _may_arrive(error: Exception) -> bool:
    """Whether to retry an activity's report. Other errors may come from encoding it."""
    if isinstance(error, ServerError):
        return _may_be_stored(error)
    return is_unreachable(error)


def is_passing(error: BaseException) -> bool:
    """Whether a server that is away, starts or is overloaded explains the error: it may pass."""
    status = status_of(error)
    return is_unreachable(error) or (status is not None and (status >= 500 or status == 429))


def is_unreachable(error: BaseException) -> bool:
    """Whether no answer came at all, as far as the error tells."""
    return isinstance(error, ConnectionError | TimeoutError)
