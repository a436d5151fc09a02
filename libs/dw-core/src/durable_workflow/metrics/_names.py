"""Names of the metrics, and the shape of their tags."""

from collections.abc import Mapping
from typing import Final

MetricTags = Mapping[str, str]
# Name, and the tags sorted.
MetricKey = tuple[str, tuple[tuple[str, str], ...]]

CLIENT_REQUESTS: Final = "durable_workflow_client_requests"
CLIENT_REQUEST_DURATION_SECONDS: Final = "durable_workflow_client_request_duration_seconds"
WORKER_POLLS: Final = "durable_workflow_worker_polls"
WORKER_POLL_DURATION_SECONDS: Final = "durable_workflow_worker_poll_duration_seconds"
WORKER_TASKS: Final = "durable_workflow_worker_tasks"
WORKER_TASK_DURATION_SECONDS: Final = "durable_workflow_worker_task_duration_seconds"
SERVER_DUE_FAILURES: Final = "durable_workflow_server_due_failures"
SERVER_STREAMS: Final = "durable_workflow_server_streams"
