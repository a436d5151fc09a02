"""Handles: an id with the methods of the client that are about it."""

from durable_workflow.client._handles.activities import StandaloneActivityHandle
from durable_workflow.client._handles.schedules import ScheduleHandle
from durable_workflow.client._handles.workflows import WorkflowHandle

__all__ = ["ScheduleHandle", "StandaloneActivityHandle", "WorkflowHandle"]
