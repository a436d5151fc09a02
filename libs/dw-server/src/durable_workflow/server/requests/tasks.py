"""Polls, and reports about leased tasks of all kinds (worker-protocol 3, 5, 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from durable_workflow.server.fields import (
    Beside,
    Choice,
    Commands,
    Details,
    Envelope,
    Flag,
    Inside,
    Json,
    Number,
    Object,
    PageSize,
    Result,
    Say,
    Text,
    Together,
    Whole,
)

_KINDS: Final = (
    "application",
    "timeout",
    "cancellation",
    "malformed_output",
    "handler_crash",
    "decode_failure",
    "unsupported_payload",
)
_TIMEOUTS: Final = (
    "schedule_to_start",
    "start_to_close",
    "schedule_to_close",
    "heartbeat",
    "deadline_exceeded",
)
# Texts of a failure are bounded by the document alone: a failure that is refused for the length of
# its stack trace would be sent again for ever.
_WORD: Final = Text(longest=None)
_PROSE: Final = Text(longest=None, trim=False)


class PollTask(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for one task of a queue.

    Attributes:
        poll_request_id: Asked twice with one id, the same task is handed out twice.
        history_page_size: None for the server's default.
        accept_history_encoding: ``gzip`` or ``deflate`` where the worker can unpack history.
        history_page_bytes: Where a page ends that has fewer events; a larger event is alone in one.
    """

    worker_id: Annotated[str, Text()]
    task_queue: Annotated[str, Text()]
    build_id: Annotated[str | None, Text()] = None
    poll_request_id: Annotated[str | None, Text()] = None
    history_page_size: Annotated[int | None, PageSize()] = None
    accept_history_encoding: Annotated[str | None, Text()] = None
    session: Annotated[str | None, Text()] = None
    history_page_bytes: Annotated[int | None, Whole(least=1)] = None


# --- workflow tasks --------------------------------------------------------------------------


class TaskOwner(msgspec.Struct, frozen=True, kw_only=True):
    """What must match for a worker to act on a workflow task.

    Attributes:
        claim: Of a task that came with one (extension `worker_stream`).
    """

    task_id: Annotated[str, Beside()]
    lease_owner: Annotated[str, Text()]
    attempt: Annotated[int, Whole(name="workflow_task_attempt")]
    claim: Annotated[str | None, Text()] = None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """The next page of a leased task's history. `token` is as it came; the service decodes it."""

    owner: Annotated[TaskOwner, Together(into=TaskOwner)]
    token: Annotated[str | None, Text(name="next_history_page_token", longest=None, nulls=True)] = (
        None
    )
    page_size: Annotated[int | None, PageSize(name="history_page_size")] = None
    page_bytes: Annotated[int | None, Whole(name="history_page_bytes", least=1)] = None
    accept_history_encoding: Annotated[str | None, Text()] = None


class CompleteWorkflowTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the workflow wants done next. `commands` holds at least one object, not yet checked."""

    owner: Annotated[TaskOwner, Together(into=TaskOwner)]
    commands: Annotated[list[dict[str, Any]], Commands(each=Object(or_list=False), required=True)]
    keep_history: Annotated[bool, Flag()] = False


class TaskFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a worker could not do a workflow task."""

    message: Annotated[str, _PROSE]
    type: Annotated[str | None, _WORD] = None
    stack_trace: Annotated[str | None, _PROSE] = None


class FailWorkflowTask(msgspec.Struct, frozen=True, kw_only=True):
    """The worker could not advance the run."""

    owner: Annotated[TaskOwner, Together(into=TaskOwner)]
    failure: Annotated[TaskFailure, Inside(into=TaskFailure)]


# --- activity tasks --------------------------------------------------------------------------


class CompleteActivityTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt returned. `result` is as it came: an envelope, any other JSON value, or None."""

    task_id: Annotated[str, Beside()]
    activity_attempt_id: Annotated[str, Text()]
    lease_owner: Annotated[str, Text()]
    result: Annotated[Any, Result()] = None


class ActivityFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt failed (worker-protocol 5.3). `details` is stored as given.

    Attributes:
        retryable: Read for its form alone: only `non_retryable` decides.
    """

    message: Annotated[str, _PROSE]
    type: Annotated[str | None, _WORD] = None
    stack_trace: Annotated[str | None, _PROSE] = None
    non_retryable: Annotated[bool, Flag()] = False
    retryable: Annotated[bool | None, Flag()] = None
    kind: Annotated[str | None, Choice(words=_KINDS)] = None
    timeout_type: Annotated[str | None, Choice(words=_TIMEOUTS)] = None
    cancelled: Annotated[bool, Flag()] = False
    malformed_output: Annotated[bool, Flag()] = False
    details: Annotated[Any, Details()] = None


class FailActivityTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt failed."""

    task_id: Annotated[str, Beside()]
    activity_attempt_id: Annotated[str, Text()]
    lease_owner: Annotated[str, Text()]
    failure: Annotated[ActivityFailure, Inside(into=ActivityFailure)]


class HeartbeatActivityTask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt is alive, and says how far it is."""

    task_id: Annotated[str, Beside()]
    activity_attempt_id: Annotated[str, Text()]
    lease_owner: Annotated[str, Text()]
    details: Annotated[dict[str, Any] | None, Object()] = None
    message: Annotated[str | None, Text(longest=280)] = None
    current: Annotated[int | float | None, Number()] = None
    total: Annotated[int | float | None, Number()] = None
    unit: Annotated[str | None, Text(longest=64)] = None

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """A unit alone measures nothing."""
        if "unit" in values and not ("current" in values or "total" in values):
            say("unit", "needs current or total.")

    @property
    def progress(self) -> dict[str, Any]:
        """Those of the five progress members that were sent."""
        members = {
            "details": self.details,
            "message": self.message,
            "current": self.current,
            "total": self.total,
            "unit": self.unit,
        }
        return {name: value for name, value in members.items() if value is not None}


# --- query tasks -----------------------------------------------------------------------------


class QueryTaskOwner(msgspec.Struct, frozen=True, kw_only=True):
    """The three things that must match for a worker to answer a query task."""

    query_task_id: Annotated[str, Beside()]
    lease_owner: Annotated[str, Text()]
    attempt: Annotated[int, Whole(name="query_task_attempt", least=1)]


class CompleteQueryTask(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a query: the plain value if the worker sent it, and the envelope.

    Attributes:
        result_envelope: What the caller of the query opens, so half an envelope is no answer.
        accepted: The answer of a validation, where the worker says it so.
    """

    owner: Annotated[QueryTaskOwner, Together(into=QueryTaskOwner)]
    result: Annotated[Any, Json()] = None
    result_envelope: Annotated[dict[str, Any] | None, Envelope(bare=False)] = None
    accepted: Annotated[bool | None, Flag()] = None

    @property
    def value(self) -> Any:
        """The plain value, however it was said."""
        if self.result is None and self.accepted is not None:
            return {"accepted": self.accepted}
        return self.result


class QueryFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a query has no answer."""

    message: Annotated[str, _PROSE]
    reason: Annotated[str | None, Text()] = None
    type: Annotated[str | None, _WORD] = None
    stack_trace: Annotated[str | None, _PROSE] = None


class FailQueryTask(msgspec.Struct, frozen=True, kw_only=True):
    """There is no answer to a query."""

    owner: Annotated[QueryTaskOwner, Together(into=QueryTaskOwner)]
    failure: Annotated[QueryFailure, Inside(into=QueryFailure)]
