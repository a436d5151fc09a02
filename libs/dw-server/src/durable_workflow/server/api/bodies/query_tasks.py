"""Requests about a leased query task (worker-protocol 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable_workflow.server.api.bodies.fields import Fields
from durable_workflow.server.api.bodies.payloads import check_result, is_envelope
from durable_workflow.server.requests import (
    CompleteQueryTask,
    FailQueryTask,
    QueryTaskOwner,
)

_UNBOUNDED: Final = 2**31


def read_complete(document: Mapping[str, Any], names: Mapping[str, str]) -> CompleteQueryTask:
    """`POST /worker/query-tasks/{query_task_id}/complete`."""
    fields = Fields(document)
    result = document.get("result")
    accepted = fields.flag("accepted")
    if result is None and accepted is not None:
        result = {"accepted": accepted}
    envelope = fields.object("result_envelope")
    if envelope is not None:
        # What the caller of the query gets is opened by it, so half an envelope is no answer.
        if not is_envelope(envelope):
            fields.fail("result_envelope", "must hold codec, and blob or external_storage.")
        check_result(fields, "result_envelope")
    request = CompleteQueryTask(
        owner=_owner(fields, names["query_task_id"]), result=result, result_envelope=envelope
    )
    fields.check()
    return request


def read_fail(document: Mapping[str, Any], names: Mapping[str, str]) -> FailQueryTask:
    """`POST /worker/query-tasks/{query_task_id}/fail`."""
    fields = Fields(document)
    failure = fields.object("failure")
    if failure is None and "failure" not in fields.errors:
        fields.fail("failure", "is required.")
    inside = fields.inside("failure", failure or {})
    request = FailQueryTask(
        owner=_owner(fields, names["query_task_id"]),
        message=inside.required_text("message", longest=_UNBOUNDED, trim=False),
        reason=inside.text("reason"),
        type=inside.text("type", longest=_UNBOUNDED),
        stack_trace=inside.text("stack_trace", longest=_UNBOUNDED, trim=False),
    )
    fields.check()
    return request


def _owner(fields: Fields, query_task_id: str) -> QueryTaskOwner:
    return QueryTaskOwner(
        query_task_id=query_task_id,
        lease_owner=fields.required_text("lease_owner"),
        attempt=fields.required_whole("query_task_attempt", least=1),
    )
