"""Activity tasks: polled, renewed, completed, failed (worker-protocol 5)."""

from __future__ import annotations

from durable_workflow.server.http.bodies import activity_tasks as bodies
from durable_workflow.server.http.routes.leased_tasks import poll, report, stored
from durable_workflow.server.http.routing import worker_route
from durable_workflow.server.services import activity_tasks as services

_TASK = "/activity-tasks/{task_id}"

ROUTES = [
    worker_route(
        "/activity-tasks/poll", poll("activity", stored(services.claim, services.give_back))
    ),
    worker_route(f"{_TASK}/complete", report(bodies.read_complete, services.complete)),
    worker_route(f"{_TASK}/fail", report(bodies.read_fail, services.fail)),
    worker_route(f"{_TASK}/heartbeat", report(bodies.read_heartbeat, services.heartbeat)),
]
