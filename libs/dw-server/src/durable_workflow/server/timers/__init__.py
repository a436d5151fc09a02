"""The timer service does what is due; the retention service removes what is expired."""

from durable_workflow.server.timers._retention import RetentionService
from durable_workflow.server.timers._service import TimerService
from durable_workflow.server.timers._skipping import TimeSkipper

__all__ = ["RetentionService", "TimeSkipper", "TimerService"]
