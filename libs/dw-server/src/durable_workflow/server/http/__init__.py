"""HTTP as a carrier: requests become calls, and replies become responses of the specified form."""

from durable_workflow.server.http.application import Application

__all__ = ["Application"]
