"""The description of the API for programs: OpenAPI 3.1, made from the tables that serve it."""

from durable_workflow.server.http.openapi.document import document

__all__ = ["document"]
