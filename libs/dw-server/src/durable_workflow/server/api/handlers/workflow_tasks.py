"""Workflow tasks: polled, renewed, completed, failed (worker-protocol 3)."""

from __future__ import annotations

from typing import Any, Final

from durable_workflow.server.api.handlers.polls import Polls
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.requests import (
    CompleteWorkflowTask,
    FailWorkflowTask,
    HistoryPage,
    PollTask,
    TaskOwner,
)
from durable_workflow.server.services import workflow_claims
from durable_workflow.server.services import workflow_tasks as services
from durable_workflow.server.store import Read

# So many commands take a few milliseconds.
_MANY_COMMANDS: Final = 100


def _is_long(asked: CompleteWorkflowTask) -> bool:
    return len(asked.commands) > _MANY_COMMANDS


def operations(units: Units, polls: Polls) -> list[Operation[Any]]:
    """What workers ask about workflow tasks."""
    settings = units.settings

    def history_page(read: Read, namespace: str, asked: HistoryPage) -> dict[str, Any]:
        return services.history_page(read, namespace, asked, settings)

    poll = polls.handler("workflow", *units.leased(workflow_claims.claim, services.give_back))
    page = units.view(history_page)
    complete = units.long_report(services.complete, _is_long)
    fail = units.report(services.fail)
    heartbeat = units.report(services.heartbeat)
    return [
        Operation("poll_workflow_task", WORKERS, PollTask, poll),
        Operation("read_workflow_task_history", WORKERS, HistoryPage, page),
        Operation("complete_workflow_task", WORKERS, CompleteWorkflowTask, complete),
        Operation("fail_workflow_task", WORKERS, FailWorkflowTask, fail),
        Operation("heartbeat_workflow_task", WORKERS, TaskOwner, heartbeat),
    ]
