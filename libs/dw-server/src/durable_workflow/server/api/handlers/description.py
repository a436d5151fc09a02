"""The description of the API, which is the carrier's: it alone knows paths and statuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import ANYBODY
from durable_workflow.server.replies import Reply


class ApiDescription:
    """Holds the document, which is made when somebody asks for it.

    Attributes:
        make: Set by the carrier.
    """

    def __init__(self) -> None:
        self.make: Callable[[], JsonObject] = dict
        self._made: JsonObject | None = None

    def operations(self) -> list[Operation[Nothing]]:
        """The operations."""
        return [Operation("describe_api", ANYBODY, Nothing, self._show, namespaced=False)]

    async def _show(self, call: Call, asked: Nothing) -> Reply:
        if self._made is None:
            # Some hundredths of a second, in which others are served.
            self._made = await asyncio.to_thread(self.make)
        return Reply(self._made)
