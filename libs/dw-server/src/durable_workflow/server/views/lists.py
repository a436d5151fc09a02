"""The runs of a namespace, found by filters and shown in pages (control-plane 4.3)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from durable_workflow.server.engine.state import TERMINAL, shown_status
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.filters import (
    Among,
    Condition,
    FilterError,
    Mentions,
    System,
    all_of,
    check_length,
    is_expression,
    parse,
)
from durable_workflow.server.filters.fields import STATUSES
from durable_workflow.server.records import lists, search_attributes
from durable_workflow.server.records.lists import ListedRun
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.requests import ListWorkflows
from durable_workflow.server.store import RunKey, RunSearch, SearchTooBroad, Store
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.describing import bucket

_NARROWER: Final = (
    "Add a condition that an index serves, joined by AND: = IN BETWEEN < > on a search attribute, "
    "WorkflowType, TaskQueue, Status, StartTime or CloseTime. Text without an operator, NOT, != "
    "and OR are tested on each run."
)


async def list_workflows(store: Store, namespace: str, request: ListWorkflows) -> dict[str, Any]:
    """A page of the runs of a namespace, newest first.

    Raises:
        Refused: The filter cannot be read, or leads to too many runs.
    """
    ids, token = await page_of_ids(store, namespace, request)

    def rows(read: Read) -> list[ListedRun]:
        return lists.of_ids(read, ids)

    shown = [_row(run) for run in await store.read(rows)] if ids else []
    return {"workflows": shown, "workflow_count": len(shown), "next_page_token": token}


async def page_of_ids(
    store: Store, namespace: str, request: ListWorkflows
) -> tuple[list[str], str | None]:
    """The ids of the runs on a page, newest first, and the token of the next page.

    Raises:
        Refused: The filter cannot be read, or leads to too many runs.
    """
    size = request.page_size
    search = RunSearch(
        namespace=namespace,
        condition=await condition_of(store, namespace, request),
        after=_read_token(request.page_token),
        most=size + 1,
    )
    try:
        keys = await store.search(search)
    except SearchTooBroad as error:
        message = f"The query leads to too many runs: {error}."
        raise Refused("query_too_broad", message, extra={"remediation": _NARROWER}) from None
    token = _token(keys[size - 1]) if len(keys) > size else None
    return [key.run_id for key in keys[:size]], token


async def condition_of(store: Store, namespace: str, request: ListWorkflows) -> Condition | None:
    """What a request asks of runs; None where it asks nothing.

    Raises:
        Invalid: Its filter cannot be read.
    """
    kind, text = request.workflow_type, request.query
    asked: Condition | None = None
    if text is not None:
        try:
            asked = await _asked(store, namespace, text)
        except FilterError as error:
            raise _unreadable(error) from None
    return all_of(
        None if kind is None else Among(System("WorkflowType"), (kind,)),
        None if request.status is None else _in_bucket(request.status),
        asked,
    )


async def _asked(store: Store, namespace: str, text: str) -> Condition:
    if not is_expression(text):
        check_length(text)
        return Mentions(text)
    types = await store.read(lambda read: search_attributes.types(read, namespace))
    return parse(text, types)


def _in_bucket(wanted: str) -> Condition:
    words = tuple(status for status in STATUSES if bucket(status) == wanted)
    return Among(System("Status"), words)


def _unreadable(error: FilterError) -> Invalid:
    invalid = Invalid({"query": [f"The query field cannot be read: {error}."]})
    invalid.extra["position"] = error.position
    return invalid


def _row(run: ListedRun) -> dict[str, Any]:
    status = shown_status(run)
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "workflow_type": run.workflow_type,
        "business_key": run.business_key,
        "status": status,
        "status_bucket": bucket(status),
        "task_queue": run.task_queue,
        "is_terminal": run.status in TERMINAL,
        "started_at": precise(run.started_at),
        "closed_at": precise_or_none(run.closed_at),
        "search_attributes": run.search_attributes,
    }


def _token(key: RunKey) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode()


def _read_token(token: str | None) -> RunKey | None:
    """The run that a page begins after; a bad token is the beginning."""
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(token or ""), type=RunKey)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    # A store knows times of 64 bits.
    return key if abs(key.started_at) < 2**63 else None
