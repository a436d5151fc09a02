"""Workflow tasks: polled, renewed, completed, failed (worker-protocol 3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from durable_workflow.server.api.bodies import workflow_tasks as bodies
from durable_workflow.server.api.handlers.polls import Polls
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.requests import HistoryPage
from durable_workflow.server.services import workflow_tasks as services
from durable_workflow.server.store import Read


def operations(units: Units, polls: Polls) -> list[Operation]:
    """What workers ask about workflow tasks."""
    report, settings = units.report, units.settings
    claim, give_back = units.leased(services.claim, services.give_back)
    read_page = partial(bodies.read_history_page, longest_page=settings.history_page_size_max)

    def history_page(read: Read, namespace: str, asked: HistoryPage) -> dict[str, Any]:
        return services.history_page(read, namespace, asked, settings)

    handlers = {
        "poll_workflow_task": polls.handler("workflow", claim, give_back),
        "read_workflow_task_history": units.view(read_page, history_page),
        "complete_workflow_task": report(bodies.read_complete, services.complete),
        "fail_workflow_task": report(bodies.read_fail, services.fail),
        "heartbeat_workflow_task": report(bodies.read_owner, services.heartbeat),
    }
    return [Operation(name, WORKERS, handle) for name, handle in handlers.items()]
