"""The blocking client of a Durable Workflow server: all methods of the async one."""

from durable_workflow._publish import publish
from durable_workflow.sync._generated.client import Client
from durable_workflow.sync._generated.handles import (
    SyncScheduleHandle,
    SyncStandaloneActivityHandle,
    SyncWorkflowHandle,
)

__all__ = ["Client", "SyncScheduleHandle", "SyncStandaloneActivityHandle", "SyncWorkflowHandle"]

publish(globals(), __all__)
