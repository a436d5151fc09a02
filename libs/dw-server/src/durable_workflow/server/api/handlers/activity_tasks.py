"""Activity tasks: polled, renewed, completed, failed (worker-protocol 5)."""

from __future__ import annotations

from durable_workflow.server.api.bodies import activity_tasks as bodies
from durable_workflow.server.api.handlers.polls import Polls
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.services import activity_tasks as services


def operations(units: Units, polls: Polls) -> list[Operation]:
    """What workers ask about activity tasks."""
    report = units.report
    claim, give_back = units.leased(services.claim, services.give_back)
    handlers = {
        "poll_activity_task": polls.handler("activity", claim, give_back),
        "complete_activity_task": report(bodies.read_complete, services.complete),
        "fail_activity_task": report(bodies.read_fail, services.fail),
        "heartbeat_activity_task": report(bodies.read_heartbeat, services.heartbeat),
    }
    return [Operation(name, WORKERS, handle) for name, handle in handlers.items()]
