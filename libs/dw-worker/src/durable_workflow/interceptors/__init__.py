"""Hooks around what a worker does: tracing, metrics, audit logs, local policy.

Pass them as `Worker(interceptors=[...])`. The first is the outermost.
"""

from durable_workflow._publish import publish
from durable_workflow.interceptors._contexts import (
    ActivityInterceptorContext,
    QueryTaskInterceptorContext,
    WorkflowTaskInterceptorContext,
)
from durable_workflow.interceptors._hooks import (
    ActivityHandler,
    PassthroughWorkerInterceptor,
    QueryTaskHandler,
    WorkerInterceptor,
    WorkflowTaskHandler,
)

__all__ = [
    "ActivityHandler",
    "ActivityInterceptorContext",
    "PassthroughWorkerInterceptor",
    "QueryTaskHandler",
    "QueryTaskInterceptorContext",
    "WorkerInterceptor",
    "WorkflowTaskHandler",
    "WorkflowTaskInterceptorContext",
]

publish(globals(), __all__)
