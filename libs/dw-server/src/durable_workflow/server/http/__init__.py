"""The wire: requests read and checked in the specified order, answers dressed as specified."""

from durable_workflow.server.http.api import Api

__all__ = ["Api"]
