"""Workflows, their runs and their history (control-plane 4 and 5)."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Any, ClassVar, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject, list_or_none
from durable_workflow.server.fields import (
    LARGEST,
    Arguments,
    Beside,
    Choice,
    Flag,
    Identifier,
    Kind,
    Memo,
    Object,
    Payload,
    Reading,
    Schemas,
    SlicedKind,
    Text,
    Whole,
    WorkflowType,
    seconds,
)
from durable_workflow.server.slices import SLICE, Slices

# The last two are the first two in the spelling that the SDK's callers know.
DUPLICATE_POLICIES: Final = (
    "fail",
    "use-existing",
    "allow",
    "terminate_existing",
    "reject",
    "use_existing",
)
STATUS_BUCKETS: Final = ("running", "completed", "failed")
STATUS_ALIASES: Final = {
    "cancelled": "failed",
    "terminated": "failed",
    "pending": "running",
    "waiting": "running",
}

WORKFLOW_ID: Final = re.compile(r"[a-zA-Z0-9._:-]+")
_ATTRIBUTE_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FAIRNESS_KEY: Final = re.compile(r"[A-Za-z0-9._:-]+")


class SearchAttributes(SlicedKind, frozen=True, kw_only=True):
    """What a run can be found by."""

    gives = (dict,)

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[JsonObject | None]:
        found = Object().read(value, at, reading)
        for index, (name, content) in enumerate((found or {}).items()):
            problem = _attribute_problem(name, content, reading)
            if problem:
                reading.fail(at, problem)
            if reading.is_full():
                break
            if index % SLICE == SLICE - 1:
                yield
        return found

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        names = {
            "pattern": f"^(?:{_ATTRIBUTE_NAME.pattern})$",
            "maxLength": schemas.limits.max_search_attribute_key_length,
        }
        return {**Object().schema(schemas, needed=needed), "propertyNames": names}


class FairnessKey(Text, frozen=True, kw_only=True):
    """Whom a run belongs to, in small letters."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        key = super().read(value, at, reading)
        return key.lower() if key is not None else None


class StatusBucket(Kind, frozen=True, kw_only=True):
    """One of the buckets of states. Of the states in them it says which bucket is meant."""

    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        status = Text(longest=None, nulls=True).read(value, at, reading)
        if status is not None and status not in STATUS_BUCKETS:
            hint = STATUS_ALIASES.get(status)
            other = f" (for {status} use {hint})" if hint else ""
            reading.fail(at, f"must be one of {', '.join(STATUS_BUCKETS)}{other}.")
        return status

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return Choice(words=STATUS_BUCKETS).schema(schemas, needed=needed)


class NumberToken(Kind, frozen=True, kw_only=True):
    """The number in a page token, 0 for a bad one: the beginning (control-plane 1.7)."""

    gives = (int,)

    def read(self, value: Any, at: str, reading: Reading) -> int | None:
        try:
            text = base64.b64decode(value, validate=True).decode("ascii")
        except (binascii.Error, ValueError, TypeError):
            return 0
        if not (text.isascii() and text.isdigit()) or len(text) > 18:
            return 0
        return min(int(text), LARGEST)

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": "string"}


class StartWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Start a run of a workflow id (control-plane 4.2). Timeouts are whole seconds, at least 1."""

    workflow_type: Annotated[str, WorkflowType()]
    workflow_id: Annotated[str | None, Identifier(longest=128, pattern=WORKFLOW_ID)] = None
    task_queue: Annotated[str, Identifier()] = "default"
    arguments: Annotated[Payload | None, Arguments(name="input")] = None
    business_key: Annotated[str | None, Text()] = None
    memo: Annotated[dict[str, Any], Memo()] = {}
    search_attributes: Annotated[dict[str, Any], SearchAttributes()] = {}
    execution_timeout_seconds: Annotated[int | None, seconds()] = None
    run_timeout_seconds: Annotated[int | None, seconds()] = None
    duplicate_policy: Annotated[str, Choice(words=DUPLICATE_POLICIES)] = "fail"
    priority: Annotated[int, Whole(most=9)] = 5
    fairness_key: Annotated[str | None, FairnessKey(longest=64, pattern=_FAIRNESS_KEY)] = None
    fairness_weight: Annotated[int, Whole(least=1, most=1000)] = 1

    # Each was something once, or is something elsewhere.
    unsupported: ClassVar[dict[str, str]] = {
        "workflow_execution_timeout": "is not supported; use execution_timeout_seconds.",
        "workflow_run_timeout": "is not supported; use run_timeout_seconds.",
        "workflow_task_timeout": "is not supported.",
        "retry_policy": "is not supported.",
        "idempotency_key": "is not supported.",
        "request_id": "is not supported.",
    }

    @property
    def codec(self) -> str:
        """The codec of the run: that of its arguments."""
        return self.arguments.codec if self.arguments is not None else "avro"


class ListWorkflows(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the runs of a namespace, newest first (control-plane 4.3).

    Attributes:
        status: A bucket: ``running``, ``completed`` or ``failed``; None for all.
        query: Text to look for, trimmed and not empty; None for all.
        page_token: Where the page begins; None, or a bad one, is the beginning.
    """

    workflow_type: Annotated[str | None, Text()] = None
    status: Annotated[str | None, StatusBucket()] = None
    query: Annotated[str | None, Text(longest=None, nulls=True)] = None
    page_size: Annotated[int, Whole(least=1, most=200)] = 50
    page_token: Annotated[str | None, Text(name="next_page_token", longest=None)] = None


class DescribeWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a workflow id; the current one where none is named (control-plane 4.4)."""

    workflow_id: Annotated[str, Beside()]
    run_id: Annotated[str | None, Beside()] = None


class DebugWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run does not go on (control-plane 4.6).

    Attributes:
        preview: Whether to show the last event's payload.
    """

    workflow_id: Annotated[str, Beside()]
    run_id: Annotated[str | None, Beside()] = None
    preview: Annotated[bool, Flag(name="include_last_event_payload")] = False


class ListRuns(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of a workflow id (control-plane 4.5)."""

    workflow_id: Annotated[str, Beside()]


class ReadHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one run (control-plane 5.1).

    Attributes:
        page_size: None for everything that is left.
        after: Last sequence that the caller has, 0 for none.
        wait: Whether to wait for an event where there is none.
    """

    workflow_id: Annotated[str, Beside()]
    run_id: Annotated[str, Beside()]
    page_size: Annotated[int | None, Whole(least=1, most=1000)] = None
    after: Annotated[int, NumberToken(name="next_page_token")] = 0
    wait: Annotated[bool, Flag(name="wait_new_event")] = False


class ExportHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one run in one document (control-plane 5.3)."""

    workflow_id: Annotated[str, Beside()]
    run_id: Annotated[str, Beside()]


def _attribute_problem(name: str, value: Any, reading: Reading) -> str | None:
    limits = reading.limits
    shown = name[:40]
    if len(name.encode()) > limits.max_search_attribute_key_length:
        longest = limits.max_search_attribute_key_length
        return f"has a name longer than {longest} bytes: {shown}…"
    if not _ATTRIBUTE_NAME.fullmatch(name):
        return f"has a name that is not letters, digits and underscores: {shown}"
    for text in list_or_none(value) or [value]:
        too_long = (
            isinstance(text, str) and len(text.encode()) > limits.max_search_attribute_value_bytes
        )
        if too_long:
            longest = limits.max_search_attribute_value_bytes
            return f"has a value longer than {longest} bytes: {shown}"
    return None
