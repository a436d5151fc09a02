"""The routes that this client knows, for labels of requests that were built elsewhere.

A builder names its route itself. Only `Client._request` is given a finished path, and a label
made of that would hold ids and grow without bound.
"""

from typing import Final

TEMPLATES: Final = (
    "/cluster/info",
    "/health",
    "/namespaces",
    "/namespaces/{name}",
    "/namespaces/{name}/external-storage",
    "/storage/test",
    "/system/repair",
    "/system/repair/pass",
    "/system/retention",
    "/system/retention/pass",
    "/system/activity-timeouts",
    "/system/activity-timeouts/pass",
    "/task-queues",
    "/task-queues/{task_queue}",
    "/task-queues/{task_queue}/build-ids",
    "/task-queues/{task_queue}/build-ids/drain",
    "/task-queues/{task_queue}/build-ids/promote",
    "/task-queues/{task_queue}/build-ids/resume",
    "/search-attributes",
    "/search-attributes/{name}",
    "/workers",
    "/workers/{worker_id}",
    "/workflows",
    "/workflows/{workflow_id}",
    "/workflows/{workflow_id}/runs",
    "/workflows/{workflow_id}/runs/{run_id}",
    "/workflows/{workflow_id}/runs/{run_id}/history",
    "/workflows/{workflow_id}/runs/{run_id}/history/export",
    "/workflows/{workflow_id}/signal/{name}",
    "/workflows/{workflow_id}/query/{name}",
    "/workflows/{workflow_id}/update/{name}",
    "/workflows/{workflow_id}/cancel",
    "/workflows/{workflow_id}/terminate",
    "/workflows/{workflow_id}/repair",
    "/workflows/{workflow_id}/archive",
    "/activities",
    "/activities/{activity_id}",
    "/bridge-adapters/webhook/{adapter}",
    "/schedules",
    "/schedules/{schedule_id}",
    "/schedules/{schedule_id}/pause",
    "/schedules/{schedule_id}/resume",
    "/schedules/{schedule_id}/trigger",
    "/schedules/{schedule_id}/backfill",
    "/schedules/{schedule_id}/history",
    "/worker/register",
    "/worker/deregister",
    "/worker/heartbeat",
    "/worker/workflow-tasks/poll",
    "/worker/workflow-tasks/{task_id}/complete",
    "/worker/workflow-tasks/{task_id}/fail",
    "/worker/workflow-tasks/{task_id}/heartbeat",
    "/worker/workflow-tasks/{task_id}/history",
    "/worker/query-tasks/poll",
    "/worker/query-tasks/{task_id}/complete",
    "/worker/query-tasks/{task_id}/fail",
    "/worker/activity-tasks/poll",
    "/worker/activity-tasks/{task_id}/complete",
    "/worker/activity-tasks/{task_id}/fail",
    "/worker/activity-tasks/{task_id}/heartbeat",
)

_SEGMENTS: Final = tuple((template, template.split("/")) for template in TEMPLATES)


def template_of(path: str) -> str:
    """The template that a path below `/api` fits, or `unknown`."""
    segments = path.partition("?")[0].split("/")
    for template, parts in _SEGMENTS:
        if len(parts) == len(segments) and all(map(_fits, parts, segments)):
            return template
    return "unknown"


def _fits(part: str, segment: str) -> bool:
    return part == segment or (part.startswith("{") and segment != "")
