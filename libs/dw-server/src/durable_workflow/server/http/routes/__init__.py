"""The routes, a file per resource. They read, ask a service, and answer; they decide nothing."""

from durable_workflow.server.http.routes import (
    activity_tasks,
    cluster,
    debugging,
    health,
    operations,
    query_tasks,
    workers,
    workflow_tasks,
    workflows,
)

ROUTES = [
    *health.ROUTES,
    *cluster.ROUTES,
    *workflows.ROUTES,
    *debugging.ROUTES,
    *operations.ROUTES,
    *workers.ROUTES,
    *workflow_tasks.ROUTES,
    *activity_tasks.ROUTES,
    *query_tasks.ROUTES,
]

__all__ = ["ROUTES"]
