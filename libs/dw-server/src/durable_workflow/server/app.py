"""The ASGI application, assembled."""

from __future__ import annotations

from starlette.applications import Starlette

from durable_workflow.server.http import Api
from durable_workflow.server.lifecycle import Server


def create_app(server: Server) -> Starlette:
    """The application that serves `server`. Who runs it starts and stops the server itself."""
    # No routes of Starlette's: paths of the wire are split before they are decoded, which its
    # router cannot do. Nor a mount, whose pattern knows no path with a line break in it.
    app = Starlette()
    app.router.default = Api(server)
    return app
