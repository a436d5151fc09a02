"""Requests about a leased workflow task (worker-protocol 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable_workflow.server.api.bodies.fields import Fields
from durable_workflow.server.engine.state import as_list, as_object
from durable_workflow.server.requests import (
    CompleteWorkflowTask,
    FailWorkflowTask,
    HistoryPage,
    TaskOwner,
)


def read_owner(document: Mapping[str, Any], names: Mapping[str, str]) -> TaskOwner:
    """Who holds the lease: all that a heartbeat says."""
    fields = Fields(document)
    owner = _read_owner(fields, names["task_id"])
    fields.check()
    return owner


def read_history_page(
    document: Mapping[str, Any], names: Mapping[str, str], *, longest_page: int
) -> HistoryPage:
    """`POST /worker/workflow-tasks/{task_id}/history`."""
    fields = Fields(document)
    request = HistoryPage(
        owner=_read_owner(fields, names["task_id"]),
        token=fields.text("next_history_page_token", longest=None),
        page_size=fields.whole("history_page_size", least=1, most=longest_page),
        accept_history_encoding=fields.text("accept_history_encoding"),
    )
    fields.check()
    return request


def read_complete(document: Mapping[str, Any], names: Mapping[str, str]) -> CompleteWorkflowTask:
    """`POST /worker/workflow-tasks/{task_id}/complete`. The commands are the engine's to judge."""
    fields = Fields(document)
    request = CompleteWorkflowTask(
        owner=_read_owner(fields, names["task_id"]),
        commands=_read_commands(fields),
        keep_history=bool(fields.flag("keep_history")),
    )
    fields.check()
    return request


def read_fail(document: Mapping[str, Any], names: Mapping[str, str]) -> FailWorkflowTask:
    """`POST /worker/workflow-tasks/{task_id}/fail`."""
    fields = Fields(document)
    owner = _read_owner(fields, names["task_id"])
    failure = fields.object("failure")
    if failure is None and "failure" not in fields.errors:
        fields.fail("failure", "is required.")
    inside = fields.inside("failure", failure or {})
    message = inside.required_text("message", longest=_UNBOUNDED, trim=False)
    request = FailWorkflowTask(
        owner=owner,
        message=message,
        type=inside.text("type", longest=_UNBOUNDED),
        stack_trace=inside.text("stack_trace", longest=_UNBOUNDED, trim=False),
    )
    fields.check()
    return request


# Texts of a failure are bounded by the body alone: a failure that is refused for the length of its
# stack trace would be sent again for ever.
_UNBOUNDED = 2**31


def _read_owner(fields: Fields, task_id: str) -> TaskOwner:
    return TaskOwner(
        task_id=task_id,
        lease_owner=fields.required_text("lease_owner"),
        attempt=fields.required_whole("workflow_task_attempt"),
    )


def _read_commands(fields: Fields) -> list[dict[str, Any]]:
    value = fields.source.get("commands")
    if value is None or value == []:
        fields.fail("commands", "is required.")
        return []
    members = as_list(value)
    if members is None:
        fields.fail("commands", "must be a list.")
        return []
    commands: list[dict[str, Any]] = []
    for index, member in enumerate(members):
        command = as_object(member)
        if command is None:
            fields.fail(f"commands.{index}", "must be an object.")
        else:
            commands.append(command)
    return commands
