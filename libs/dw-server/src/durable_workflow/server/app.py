"""The ASGI application, assembled."""

from __future__ import annotations

from durable_workflow.server.http import Application
from durable_workflow.server.lifecycle import Server


def create_app(server: Server) -> Application:
    """The application that serves `server`. Who runs it starts and stops the server itself."""
    return Application(server.api, server.settings)
