"""The timer service: does what is due."""

from durable_workflow.server.timers._service import TimerService
from durable_workflow.server.timers._skipping import TimeSkipper

__all__ = ["TimeSkipper", "TimerService"]
