"""Everything that happens by itself when its time has come."""

from durable_workflow.server.timers._service import TimerService
from durable_workflow.server.timers._skipping import TimeSkipper

__all__ = ["TimeSkipper", "TimerService"]
