"""HTTP as a carrier: calls are read off requests, replies dressed, in the specified form."""

from durable_workflow.server.http.application import Application

__all__ = ["Application"]
