"""The ASGI application, assembled."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Mount

from durable_workflow.server.http import Api
from durable_workflow.server.lifecycle import Server


def create_app(server: Server) -> Starlette:
    """The application that serves `server`. Who runs it starts and stops the server itself."""
    # One mount: paths of the wire are split before they are decoded, which Starlette's router
    # cannot do, so the routes are found inside.
    return Starlette(routes=[Mount("", app=Api(server))])
