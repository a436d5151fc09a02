"""Which method of which path asks for which operation."""

from __future__ import annotations

from typing import Final

from durable_workflow.server.http.routing import Route


def _workflow(method: str, path: str, operation: str, shown: str) -> Route:
    return Route(method, f"/workflows{path}", operation, shown_operation=shown)


def _workflow_and_run(method: str, path: str, operation: str, shown: str) -> list[Route]:
    """The route on a workflow id, and the one that names a run of it."""
    return [
        _workflow(method, f"/{{workflow_id}}{middle}{path}", operation, shown)
        for middle in ("", "/runs/{run_id}")
    ]


def _worker(path: str, operation: str) -> Route:
    return Route("POST", f"/worker{path}", operation, plane="worker")


ROUTES: Final = [
    Route("GET", "/health", "check_health", versioned=False),
    Route("GET", "/ready", "check_readiness", versioned=False),
    Route("GET", "/cluster/info", "describe_cluster", versioned=False),
    Route("GET", "/openapi.json", "describe_api", versioned=False),
    Route("GET", "/metrics", "show_figures", versioned=False, prefix=""),
    Route("GET", "/namespaces", "list_namespaces"),
    Route("POST", "/namespaces", "create_namespace"),
    Route("GET", "/namespaces/{namespace}", "describe_namespace"),
    Route("PUT", "/namespaces/{namespace}", "update_namespace"),
    Route("DELETE", "/namespaces/{namespace}", "delete_namespace"),
    Route("PUT", "/namespaces/{namespace}/external-storage", "set_external_storage"),
    Route("POST", "/storage/test", "probe_storage"),
    Route("GET", "/workers", "list_workers"),
    Route("GET", "/workers/{worker_id}", "describe_worker"),
    Route("DELETE", "/workers/{worker_id}", "remove_worker"),
    Route("GET", "/task-queues", "list_task_queues"),
    Route("GET", "/task-queues/{task_queue}", "describe_task_queue"),
    Route("GET", "/task-queues/{task_queue}/build-ids", "list_builds"),
    Route("POST", "/task-queues/{task_queue}/build-ids/drain", "drain_build"),
    Route("POST", "/task-queues/{task_queue}/build-ids/promote", "promote_build"),
    Route("POST", "/task-queues/{task_queue}/build-ids/resume", "resume_build"),
    Route("GET", "/search-attributes", "list_search_attributes"),
    Route("POST", "/search-attributes", "create_search_attribute"),
    Route("DELETE", "/search-attributes/{name}", "delete_search_attribute"),
    Route("GET", "/schedules", "list_schedules"),
    Route("POST", "/schedules", "create_schedule"),
    Route("GET", "/schedules/{schedule_id}", "describe_schedule"),
    Route("PUT", "/schedules/{schedule_id}", "update_schedule"),
    Route("DELETE", "/schedules/{schedule_id}", "delete_schedule"),
    Route("POST", "/schedules/{schedule_id}/pause", "pause_schedule"),
    Route("POST", "/schedules/{schedule_id}/resume", "resume_schedule"),
    Route("POST", "/schedules/{schedule_id}/trigger", "trigger_schedule"),
    Route("POST", "/schedules/{schedule_id}/backfill", "backfill_schedule"),
    Route("GET", "/schedules/{schedule_id}/history", "read_schedule_history"),
    _workflow("GET", "", "list_workflows", "list"),
    _workflow("POST", "", "start_workflow", "start"),
    _workflow("GET", "/{workflow_id}", "describe_workflow", "describe"),
    _workflow("GET", "/{workflow_id}/runs", "list_runs", "list_runs"),
    _workflow("GET", "/{workflow_id}/runs/{run_id}", "describe_workflow", "describe_run"),
    _workflow("GET", "/{workflow_id}/runs/{run_id}/history", "read_history", "history"),
    _workflow("GET", "/{workflow_id}/runs/{run_id}/history/export", "export_history", "history"),
    *_workflow_and_run("GET", "/debug", "debug_workflow", "debug_workflow"),
    *_workflow_and_run("POST", "/signal/{signal_name}", "signal_workflow", "signal"),
    *_workflow_and_run("POST", "/query/{query_name}", "query_workflow", "query"),
    *_workflow_and_run("POST", "/update/{update_name}", "update_workflow", "update"),
    *_workflow_and_run("POST", "/cancel", "cancel_workflow", "cancel"),
    *_workflow_and_run("POST", "/terminate", "terminate_workflow", "terminate"),
    _workflow("POST", "/{workflow_id}/repair", "repair_workflow", "repair"),
    _workflow("POST", "/{workflow_id}/archive", "archive_workflow", "archive"),
    Route("POST", "/bridge-adapters/webhook/{adapter}", "send_bridge_event"),
    Route("GET", "/activities", "list_activities"),
    Route("POST", "/activities", "start_activity"),
    Route("GET", "/activities/{activity_id}", "describe_activity"),
    Route("GET", "/system/repair", "show_repair"),
    Route("POST", "/system/repair/pass", "repair_pass"),
    Route("GET", "/system/activity-timeouts", "show_activity_timeouts"),
    Route("POST", "/system/activity-timeouts/pass", "activity_timeout_pass"),
    Route("GET", "/system/retention", "show_retention"),
    Route("POST", "/system/retention/pass", "retention_pass"),
    Route("GET", "/system/metrics", "show_metrics"),
    Route("GET", "/system/operator-metrics", "show_operator_metrics"),
    _worker("/register", "register_worker"),
    _worker("/heartbeat", "heartbeat_worker"),
    _worker("/deregister", "deregister_worker"),
    Route("GET", "/worker/stream", "open_stream", plane="worker"),
    _worker("/workflow-tasks/poll", "poll_workflow_task"),
    _worker("/workflow-tasks/{task_id}/history", "read_workflow_task_history"),
    _worker("/workflow-tasks/{task_id}/complete", "complete_workflow_task"),
    _worker("/workflow-tasks/{task_id}/fail", "fail_workflow_task"),
    _worker("/workflow-tasks/{task_id}/heartbeat", "heartbeat_workflow_task"),
    _worker("/activity-tasks/poll", "poll_activity_task"),
    _worker("/activity-tasks/{task_id}/complete", "complete_activity_task"),
    _worker("/activity-tasks/{task_id}/fail", "fail_activity_task"),
    _worker("/activity-tasks/{task_id}/heartbeat", "heartbeat_activity_task"),
    _worker("/query-tasks/poll", "poll_query_task"),
    _worker("/query-tasks/{query_task_id}/complete", "complete_query_task"),
    _worker("/query-tasks/{query_task_id}/fail", "fail_query_task"),
]
