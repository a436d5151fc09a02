"""The worker: registers with a server, polls it for tasks, and runs workflow and activity code."""

from durable_workflow._publish import publish
from durable_workflow.worker._compatibility import QUERY_TASKS_CAPABILITY
from durable_workflow.worker._log import log
from durable_workflow.worker._worker import Worker

__all__ = ["QUERY_TASKS_CAPABILITY", "Worker", "log"]

publish(globals(), __all__)
