"""Activities: the functions that do the work of a workflow, and may fail and be tried again.

    @activity.defn(name="charge")
    async def charge(order_id: str) -> str: ...

A coroutine function runs on the worker's event loop, a plain function in a thread.
"""

from durable_workflow._publish import publish
from durable_workflow.activity._context import ActivityContext, ActivityInfo, context
from durable_workflow.activity._context import set_context as _set_context
from durable_workflow.activity._registration import defn, registry

__all__ = [
    "ActivityContext",
    "ActivityInfo",
    "_set_context",  # the worker and existing test suites use it
    "context",
    "defn",
    "registry",
]

publish(globals(), __all__)
