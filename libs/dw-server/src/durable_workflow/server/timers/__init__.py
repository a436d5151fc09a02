"""Everything that happens by itself when its time has come."""

from durable_workflow.server.timers._service import TimerService

__all__ = ["TimerService"]
