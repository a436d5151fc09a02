"""Requests of signals, queries, updates, cancel and terminate (control-plane 4.8 to 4.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from durable_workflow.server.api.bodies.fields import Fields
from durable_workflow.server.api.bodies.payloads import read_arguments
from durable_workflow.server.requests import (
    CloseWorkflow,
    QueryWorkflow,
    SignalWorkflow,
    UpdateWorkflow,
)
from durable_workflow.server.settings import WireLimits

WAITS: Final = ("accepted", "completed")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


def read_signal(
    document: Mapping[str, Any], names: Mapping[str, str], *, limits: WireLimits
) -> SignalWorkflow:
    """`POST …/signal/{signal_name}`."""
    fields = Fields(document)
    request = SignalWorkflow(
        workflow_id=names["workflow_id"],
        run_id=names.get("run_id"),
        signal_name=_name(fields, names, "signal_name", limits),
        arguments=read_arguments(fields),
        request_id=fields.text("request_id"),
    )
    fields.check()
    return request


def read_query(
    document: Mapping[str, Any], names: Mapping[str, str], *, limits: WireLimits
) -> QueryWorkflow:
    """`POST …/query/{query_name}`."""
    fields = Fields(document)
    request = QueryWorkflow(
        workflow_id=names["workflow_id"],
        run_id=names.get("run_id"),
        query_name=_name(fields, names, "query_name", limits),
        arguments=read_arguments(fields),
        request_id=fields.text("request_id"),
    )
    fields.check()
    return request


def read_update(
    document: Mapping[str, Any], names: Mapping[str, str], *, limits: WireLimits, default_wait: int
) -> UpdateWorkflow:
    """`POST …/update/{update_name}`. The wait has a value only where one is asked for."""
    fields = Fields(document)
    if "wait_policy" in document:
        fields.fail("wait_policy", "is not supported; use wait_for.")
    wait_for = fields.choice("wait_for", WAITS) or "accepted"
    seconds = fields.seconds("wait_timeout_seconds")
    request = UpdateWorkflow(
        workflow_id=names["workflow_id"],
        run_id=names.get("run_id"),
        update_name=_name(fields, names, "update_name", limits),
        arguments=read_arguments(fields),
        request_id=fields.text("request_id"),
        wait_for=wait_for,
        wait_timeout_seconds=(seconds or default_wait) if wait_for == "completed" else None,
    )
    fields.check()
    return request


def read_close(document: Mapping[str, Any], names: Mapping[str, str]) -> CloseWorkflow:
    """`POST …/cancel` and `…/terminate`."""
    fields = Fields(document)
    request = CloseWorkflow(
        workflow_id=names["workflow_id"],
        run_id=names.get("run_id"),
        reason=fields.text("reason", longest=1000),
        request_id=fields.text("request_id"),
    )
    fields.check()
    return request


def _name(fields: Fields, names: Mapping[str, str], field: str, limits: WireLimits) -> str:
    name = names[field]
    if not name.strip():
        fields.fail(field, "is required.")
    elif len(name.encode()) > limits.max_operation_name_length:
        fields.fail(field, f"must not be longer than {limits.max_operation_name_length} bytes.")
    elif _CONTROL_CHARACTERS.search(name):
        fields.fail(field, "must not hold control characters.")
    return name
