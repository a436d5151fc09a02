"""Everything that happens by itself when its time has come."""

from durable_workflow.server.clockwork._clockwork import Clockwork

__all__ = ["Clockwork"]
