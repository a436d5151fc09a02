"""The paths of the protocol below `/api`. They are also the labels by which metrics count calls."""

from enum import StrEnum
from typing import Final


class Route(StrEnum):
    """A path, with placeholders in place of ids."""

    CLUSTER_INFO = "/cluster/info"
    HEALTH = "/health"

    NAMESPACES = "/namespaces"
    NAMESPACE = "/namespaces/{name}"
    NAMESPACE_STORAGE = "/namespaces/{name}/external-storage"
    STORAGE_TEST = "/storage/test"

    REPAIR = "/system/repair"
    REPAIR_PASS = "/system/repair/pass"
    RETENTION = "/system/retention"
    RETENTION_PASS = "/system/retention/pass"
    ACTIVITY_TIMEOUTS = "/system/activity-timeouts"
    ACTIVITY_TIMEOUTS_PASS = "/system/activity-timeouts/pass"

    TASK_QUEUES = "/task-queues"
    TASK_QUEUE = "/task-queues/{task_queue}"
    BUILD_IDS = "/task-queues/{task_queue}/build-ids"
    BUILD_ID_DRAIN = "/task-queues/{task_queue}/build-ids/drain"
    BUILD_ID_PROMOTE = "/task-queues/{task_queue}/build-ids/promote"
    BUILD_ID_RESUME = "/task-queues/{task_queue}/build-ids/resume"

    SEARCH_ATTRIBUTES = "/search-attributes"
    SEARCH_ATTRIBUTE = "/search-attributes/{name}"

    WORKERS = "/workers"
    WORKER = "/workers/{worker_id}"

    WORKFLOWS = "/workflows"
    WORKFLOW = "/workflows/{workflow_id}"
    WORKFLOW_RUNS = "/workflows/{workflow_id}/runs"
    WORKFLOW_RUN = "/workflows/{workflow_id}/runs/{run_id}"
    WORKFLOW_DEBUG = "/workflows/{workflow_id}/debug"
    WORKFLOW_RUN_DEBUG = "/workflows/{workflow_id}/runs/{run_id}/debug"
    WORKFLOW_HISTORY = "/workflows/{workflow_id}/runs/{run_id}/history"
    WORKFLOW_HISTORY_EXPORT = "/workflows/{workflow_id}/runs/{run_id}/history/export"
    WORKFLOW_SIGNAL = "/workflows/{workflow_id}/signal/{name}"
    WORKFLOW_QUERY = "/workflows/{workflow_id}/query/{name}"
    WORKFLOW_UPDATE = "/workflows/{workflow_id}/update/{name}"
    WORKFLOW_CANCEL = "/workflows/{workflow_id}/cancel"
    WORKFLOW_TERMINATE = "/workflows/{workflow_id}/terminate"
    WORKFLOW_REPAIR = "/workflows/{workflow_id}/repair"
    WORKFLOW_ARCHIVE = "/workflows/{workflow_id}/archive"

    ACTIVITIES = "/activities"
    ACTIVITY = "/activities/{activity_id}"

    WEBHOOK_BRIDGE = "/bridge-adapters/webhook/{adapter}"

    SCHEDULES = "/schedules"
    SCHEDULE = "/schedules/{schedule_id}"
    SCHEDULE_PAUSE = "/schedules/{schedule_id}/pause"
    SCHEDULE_RESUME = "/schedules/{schedule_id}/resume"
    SCHEDULE_TRIGGER = "/schedules/{schedule_id}/trigger"
    SCHEDULE_BACKFILL = "/schedules/{schedule_id}/backfill"
    SCHEDULE_HISTORY = "/schedules/{schedule_id}/history"

    WORKER_REGISTER = "/worker/register"
    WORKER_DEREGISTER = "/worker/deregister"
    WORKER_HEARTBEAT = "/worker/heartbeat"
    WORKFLOW_TASK_POLL = "/worker/workflow-tasks/poll"
    WORKFLOW_TASK_COMPLETE = "/worker/workflow-tasks/{task_id}/complete"
    WORKFLOW_TASK_FAIL = "/worker/workflow-tasks/{task_id}/fail"
    WORKFLOW_TASK_HEARTBEAT = "/worker/workflow-tasks/{task_id}/heartbeat"
    WORKFLOW_TASK_HISTORY = "/worker/workflow-tasks/{task_id}/history"
    QUERY_TASK_POLL = "/worker/query-tasks/poll"
    QUERY_TASK_COMPLETE = "/worker/query-tasks/{task_id}/complete"
    QUERY_TASK_FAIL = "/worker/query-tasks/{task_id}/fail"
    ACTIVITY_TASK_POLL = "/worker/activity-tasks/poll"
    ACTIVITY_TASK_COMPLETE = "/worker/activity-tasks/{task_id}/complete"
    ACTIVITY_TASK_FAIL = "/worker/activity-tasks/{task_id}/fail"
    ACTIVITY_TASK_HEARTBEAT = "/worker/activity-tasks/{task_id}/heartbeat"


_SEGMENTS: Final = tuple((route, route.split("/")) for route in Route)


def route_of(path: str) -> str:
    """The route of a finished path below `/api`, or `unknown`.

    For requests that name no route: a label made of their path would hold ids, and metrics would
    grow without bound.
    """
    segments = path.partition("?")[0].split("/")
    for route, parts in _SEGMENTS:
        if len(parts) == len(segments) and all(map(_fits, parts, segments)):
            return route
    return "unknown"


def _fits(part: str, segment: str) -> bool:
    return part == segment or (part.startswith("{") and segment != "")
