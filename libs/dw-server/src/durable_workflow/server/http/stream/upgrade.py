"""A request for an upgrade that is not granted yet: until then it is answered as requests are."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from durable_workflow.server.http.request import Receive
from durable_workflow.server.http.responses import Send
from durable_workflow.server.http.stream.wire import EXTENSION, Wire


class Upgrade:
    """One WebSocket connection of ASGI, not accepted yet.

    Attributes:
        receive: The events of the connection.
        send: Accepts it, and sends over it.
    """

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self._scope = scope
        self.receive = receive
        self.send = send

    @property
    def wire(self) -> Wire:
        """The socket below."""
        wire: Wire = self._scope["extensions"][EXTENSION]
        return wire

    async def as_request(self) -> tuple[Mapping[str, Any], Receive, Send]:
        """The scope, the events and the answer of the GET that asks for the upgrade.

        Where nothing is there to be upgraded it is answered as if it had not asked.
        """
        await self.receive()  # websocket.connect
        return {**self._scope, "method": "GET"}, _no_body, self._respond

    async def _respond(self, event: MutableMapping[str, Any]) -> None:
        await self.send({**event, "type": f"websocket.{event['type']}"})


async def _no_body() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}
