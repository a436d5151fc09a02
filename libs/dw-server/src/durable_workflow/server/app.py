"""The ASGI application, assembled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable_workflow.server.http import Api
from durable_workflow.server.http.request import Receive
from durable_workflow.server.http.responses import Send
from durable_workflow.server.lifecycle import Server


class Application:
    """One server over ASGI: requests go to `Api`.

    No framework stands between: paths of the wire are split before they are decoded, and refusals
    have the form of their plane, also those that a WebSocket gets before it is one. A router of
    others can do neither.
    """

    def __init__(self, server: Server) -> None:
        self._api = Api(server)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise ValueError(f"nothing here speaks {scope['type']}")
        await self._api(scope, receive, send)


def create_app(server: Server) -> Application:
    """The application that serves `server`. Who runs it starts and stops the server itself."""
    return Application(server)
