"""The handlers, a file per resource. They read a call, ask a service, and reply; no rules here."""

from durable_workflow.server.api.handlers.assembly import operations

__all__ = ["operations"]
