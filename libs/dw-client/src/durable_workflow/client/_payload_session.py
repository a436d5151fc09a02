"""Encoding payloads in the methods of tasks."""

from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.client._session import Session
from durable_workflow.serializer import PayloadSizeWarningContext


class PayloadSession(Session):
    """A session with the names that methods about tasks use."""

    async def _sealed(
        self, value: Any, context: PayloadSizeWarningContext, **options: Any
    ) -> JsonObject:
        return await self._payloads.encode(value, context, **options)

    def _about(self, kind: str, **ids: str | None) -> PayloadSizeWarningContext:
        return self._payload_context(kind, **ids)
