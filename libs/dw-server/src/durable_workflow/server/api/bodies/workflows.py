"""Requests of the workflow routes (control-plane 4 and 5)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow.server.api.bodies.fields import LARGEST, Fields
from durable_workflow.server.api.bodies.payloads import read_arguments
from durable_workflow.server.engine.state import as_list
from durable_workflow.server.requests import ListWorkflows, ReadHistory, StartWorkflow
from durable_workflow.server.settings import WireLimits

# The last two are the first two in the spelling that the SDK's callers know.
DUPLICATE_POLICIES: Final = (
    "fail",
    "use-existing",
    "allow",
    "terminate_existing",
    "reject",
    "use_existing",
)
# Presence alone is an error: each was something once, or is something elsewhere.
UNSUPPORTED_START_FIELDS: Final = {
    "workflow_execution_timeout": "is not supported; use execution_timeout_seconds.",
    "workflow_run_timeout": "is not supported; use run_timeout_seconds.",
    "workflow_task_timeout": "is not supported.",
    "retry_policy": "is not supported.",
    "idempotency_key": "is not supported.",
    "request_id": "is not supported.",
}
STATUS_BUCKETS: Final = ("running", "completed", "failed")
STATUS_ALIASES: Final = {
    "cancelled": "failed",
    "terminated": "failed",
    "pending": "running",
    "waiting": "running",
}

_WORKFLOW_ID = re.compile(r"[a-zA-Z0-9._:-]+")
_ATTRIBUTE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_FAIRNESS_KEY = re.compile(r"[A-Za-z0-9._:-]+")
_LIST_PAGE_MOST = 200
_HISTORY_PAGE_MOST = 1000


def read_start(
    document: Mapping[str, Any], names: Mapping[str, str], *, limits: WireLimits
) -> StartWorkflow:
    """`POST /workflows`."""
    fields = Fields(document)
    for name, text in UNSUPPORTED_START_FIELDS.items():
        if name in document:
            fields.fail(name, text)
    workflow_type = fields.required_text("workflow_type")
    arguments = read_arguments(fields)
    policy = fields.choice("duplicate_policy", DUPLICATE_POLICIES)
    fairness_key = fields.text("fairness_key", longest=64, pattern=_FAIRNESS_KEY)
    request = StartWorkflow(
        workflow_type=workflow_type,
        workflow_id=fields.identifier("workflow_id", longest=128, pattern=_WORKFLOW_ID),
        task_queue=fields.identifier("task_queue") or "default",
        arguments=arguments,
        codec=arguments.codec if arguments is not None else "avro",
        business_key=fields.text("business_key"),
        memo=_read_memo(fields, limits),
        search_attributes=_read_search_attributes(fields, limits),
        execution_timeout_seconds=fields.seconds("execution_timeout_seconds"),
        run_timeout_seconds=fields.seconds("run_timeout_seconds"),
        duplicate_policy=policy or "fail",
        priority=_or(fields.whole("priority", most=9), 5),
        fairness_key=fairness_key.lower() if fairness_key else None,
        fairness_weight=_or(fields.whole("fairness_weight", least=1, most=1000), 1),
    )
    fields.check()
    return request


def read_list(document: Mapping[str, Any], names: Mapping[str, str]) -> ListWorkflows:
    """The query string of `GET /workflows`."""
    fields = Fields(document)
    status = fields.text("status")
    if status is not None and status not in STATUS_BUCKETS:
        hint = STATUS_ALIASES.get(status)
        other = f" (for {status} use {hint})" if hint else ""
        fields.fail("status", f"must be one of {', '.join(STATUS_BUCKETS)}{other}.")
    request = ListWorkflows(
        workflow_type=fields.text("workflow_type"),
        status=status,
        query=fields.text("query", longest=None),
        page_size=_or(fields.whole("page_size", least=1, most=_LIST_PAGE_MOST), 50),
        offset=read_number_token(document.get("next_page_token")),
    )
    fields.check()
    return request


def read_history(document: Mapping[str, Any], names: Mapping[str, str]) -> tuple[ReadHistory, bool]:
    """The query string of `GET …/history`, and whether to wait for an event."""
    fields = Fields(document)
    page_size = fields.whole("page_size", least=1, most=_HISTORY_PAGE_MOST)
    wait = fields.flag("wait_new_event")
    fields.check()
    after = read_number_token(document.get("next_page_token"))
    request = ReadHistory(
        workflow_id=names["workflow_id"], run_id=names["run_id"], page_size=page_size, after=after
    )
    return request, bool(wait)


def read_number_token(token: str | None) -> int:
    """The number in a page token, 0 for a bad one: the beginning (control-plane 1.7)."""
    try:
        text = base64.b64decode(token or "", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        return 0
    return min(int(text), LARGEST)


def _read_memo(fields: Fields, limits: WireLimits) -> dict[str, Any]:
    memo = fields.object("memo")
    if memo and len(msgspec.json.encode(memo)) > limits.max_memo_bytes:
        fields.fail("memo", f"must not be larger than {limits.max_memo_bytes} bytes.")
    return memo or {}


def _read_search_attributes(fields: Fields, limits: WireLimits) -> dict[str, Any]:
    attributes = fields.object("search_attributes") or {}
    for name, value in attributes.items():
        problem = _attribute_problem(name, value, limits)
        if problem:
            fields.fail("search_attributes", problem)
    return attributes


def _attribute_problem(name: str, value: Any, limits: WireLimits) -> str | None:
    shown = name[:40]
    if len(name.encode()) > limits.max_search_attribute_key_length:
        longest = limits.max_search_attribute_key_length
        return f"has a name longer than {longest} bytes: {shown}…"
    if not _ATTRIBUTE_NAME.fullmatch(name):
        return f"has a name that is not letters, digits and underscores: {shown}"
    for text in as_list(value) or [value]:
        too_long = (
            isinstance(text, str) and len(text.encode()) > limits.max_search_attribute_value_bytes
        )
        if too_long:
            longest = limits.max_search_attribute_value_bytes
            return f"has a value longer than {longest} bytes: {shown}"
    return None


def _or(number: int | None, default: int) -> int:
    return default if number is None else number
