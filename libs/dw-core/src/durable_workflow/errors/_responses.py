"""From an HTTP answer to an exception: one table, read by status and reason.

A new reason of a server is a line in `_BY_REASON`; one that is missing there still raises, as a
`ServerError` that keeps status and body.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_workflow.errors._answer_texts import (
    cut,
    explained,
    member,
    message_of,
    text_of,
    with_failure,
    with_fields,
)
from durable_workflow.errors._answers import (
    AnsweredError,
    ArgumentConflict,
    Forbidden,
    InvalidArgument,
    InvalidSignalArguments,
    NamespaceNotFound,
    QueryFailed,
    ScheduleAlreadyExists,
    ScheduleNotFound,
    SearchAttributeNotFound,
    ServerError,
    SignalFailed,
    Unauthorized,
    UpdateRejected,
    WorkerNotFound,
    WorkflowAlreadyStarted,
    WorkflowNotFound,
    error_map,
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A refusal as the table's entries read it."""

    status: int
    body: object
    context: str

    def text(self, key: str) -> str:
        """A string member of the body, else an empty string."""
        return text_of(self.body, key)

    @property
    def message(self) -> str:
        """What the server says in words, with the failure of an update that it is about."""
        if isinstance(self.body, str):
            return cut(self.body)
        return with_failure(message_of(self.body), self.body)

    @property
    def reason(self) -> str:
        return self.text("reason")

    @property
    def operation(self) -> str:
        """The workflow operation that was refused, where the server names it."""
        operation = member(member(self.body, "control_plane"), "operation")
        return operation if isinstance(operation, str) else self.text("control_plane_operation")

    @property
    def errors(self) -> dict[str, Any] | None:
        return error_map(self.body, "errors", "validation_errors")

    def subject(self, member: str) -> str:
        """The id that the call was about, else the one that the body names."""
        return self.context or self.text(member)


_Builder = Callable[[_Answer], AnsweredError]


def _refused(kind: type[SignalFailed | QueryFailed | UpdateRejected], default: str) -> _Builder:
    def build(answer: _Answer) -> AnsweredError:
        return kind(
            _worded(answer, default),
            reason=answer.reason or None,
            status=answer.status,
            body=answer.body,
        )

    return build


def _worded(answer: _Answer, default: str) -> str:
    return explained(answer.message or default, answer.status, answer.body)


_signal_failed = _refused(SignalFailed, "signal failed")
_query_failed = _refused(QueryFailed, "query failed")
_update_rejected = _refused(UpdateRejected, "update rejected")


def _invalid_signal(answer: _Answer) -> AnsweredError:
    return InvalidSignalArguments(
        with_fields(_worded(answer, "invalid signal arguments"), answer.errors),
        answer.errors,
        reason=answer.reason,
        status=answer.status,
        body=answer.body,
    )


def _workflow_not_found(answer: _Answer) -> AnsweredError:
    return WorkflowNotFound(answer.subject("workflow_id"))


def _already_started(answer: _Answer) -> AnsweredError:
    return WorkflowAlreadyStarted(answer.subject("workflow_id"))


def _namespace_not_found(answer: _Answer) -> AnsweredError:
    # Not the context: the namespace of the request is missing, whatever the call was about.
    return NamespaceNotFound(answer.text("namespace") or answer.message)


def _argument_conflict(answer: _Answer) -> AnsweredError:
    return ArgumentConflict(
        _worded(answer, "conflict"), answer.errors, status=answer.status, body=answer.body
    )


def _attribute_not_found(answer: _Answer) -> AnsweredError:
    return SearchAttributeNotFound(answer.subject("name"), answer.body)


def _run_not_active(answer: _Answer) -> AnsweredError:
    if answer.operation == "signal":
        return _signal_failed(answer)
    if answer.operation == "query":
        return _query_failed(answer)
    return ServerError(answer.status, answer.body)


_BY_REASON: dict[tuple[int, str], _Builder] = {
    (404, "unknown_signal"): _signal_failed,
    (404, "query_not_found"): _query_failed,
    (404, "rejected_unknown_query"): _query_failed,
    (404, "schedule_not_found"): lambda answer: ScheduleNotFound(answer.subject("schedule_id")),
    (404, "instance_not_found"): _workflow_not_found,
    (404, "workflow_not_found"): _workflow_not_found,
    (404, "run_not_found"): _workflow_not_found,
    (404, "namespace_not_found"): _namespace_not_found,
    (404, "worker_not_found"): lambda answer: WorkerNotFound(
        answer.subject("worker_id"), answer.body
    ),
    (404, "attribute_not_found"): _attribute_not_found,
    (404, "search_attribute_not_found"): _attribute_not_found,
    (409, "schedule_already_exists"): lambda answer: ScheduleAlreadyExists(
        answer.subject("schedule_id")
    ),
    (409, "duplicate_not_allowed"): _already_started,
    (409, "instance_already_started"): _already_started,
    (409, "namespace_already_exists"): _argument_conflict,
    (409, "attribute_already_exists"): _argument_conflict,
    (409, "name_reserved"): _argument_conflict,
    (409, "system_attribute"): _argument_conflict,
    (409, "run_not_active"): _run_not_active,
    (409, "query_rejected"): _query_failed,
    (409, "query_worker_unavailable"): _query_failed,
    (409, "query_worker_incompatible"): _query_failed,
    (409, "query_workflow_state_unavailable"): _query_failed,
    # What else a worker may say of a query; the server hands its reason on.
    (409, "query_payload_decode_failed"): _query_failed,
    (409, "query_workflow_type_not_registered"): _query_failed,
    (409, "query_result_encode_failed"): _query_failed,
    (409, "query_result_completion_failed"): _query_failed,
    (409, "update_rejected"): _update_rejected,
    (422, "invalid_signal_arguments"): _invalid_signal,
    (422, "invalid_query_arguments"): _query_failed,
    (504, "query_worker_timeout"): _query_failed,
    (504, "query_worker_execution_timeout"): _query_failed,
    (504, "query_task_not_claimed"): _query_failed,
}

# A server hands on the reason that a worker gives, and the worker that of whatever refused the
# worker's answer, as `payload_too_large`. So for the caller of a query any conflict is a failure.
_BY_OPERATION: dict[tuple[int, str], _Builder] = {(409, "query"): _query_failed}

_BY_STATUS: dict[int, _Builder] = {
    401: lambda answer: Unauthorized(_worded(answer, "unauthorized")),
    403: lambda answer: Forbidden(_worded(answer, "forbidden"), body=answer.body),
    422: lambda answer: InvalidArgument(
        with_fields(_worded(answer, "invalid argument"), answer.errors), answer.errors
    ),
}


def error_for(status: int, body: object, *, context: str = "") -> AnsweredError:
    """The exception that an answer of 400 or more stands for.

    Args:
        status: HTTP status.
        body: Parsed JSON, or text where the body was not JSON.
        context: The id that the call was about; the errors that name an id carry it.
    """
    answer = _Answer(status, body, context)
    build = (
        _BY_REASON.get((status, answer.reason))
        or _BY_OPERATION.get((status, answer.operation))
        or _BY_STATUS.get(status)
    )
    if status == 409 and not answer.reason and answer.text("outcome") == "rejected_duplicate":
        build = _already_started  # older servers give no reason
    if build is None and _is_missing_workflow(answer):
        build = _workflow_not_found
    if build is None:
        return ServerError(status, body)
    error = build(answer)
    error.status, error.body = status, body
    return error


def _is_missing_workflow(answer: _Answer) -> bool:
    """Whether a 404 without a reason that we know is about a workflow.

    The last resort for servers and proxies that answer a bare 404. A reason that names something
    else, as `unknown_update`, is never about the workflow, nor is one of another route family.
    """
    on_workflow_route = isinstance(member(answer.body, "control_plane"), dict)
    reason_is_silent = not answer.reason or (answer.reason == "not_found" and on_workflow_route)
    return answer.status == 404 and reason_is_silent and "workflow" in answer.context.lower()


def raise_for_status(status: int, body: object, *, context: str = "") -> None:
    """Raise the exception that an answer stands for; return where it is a success.

    Args:
        status: HTTP status.
        body: Parsed JSON, or text where the body was not JSON.
        context: The id that the call was about; the errors that name an id carry it.

    Raises:
        DurableWorkflowError: The status is 400 or more.
    """
    if status >= 400:
        raise error_for(status, body, context=context)
