"""The method of the webhook bridge."""

import json
from typing import Any, Final

from durable_workflow._wire.json_values import dict_or_none, present
from durable_workflow.client._call import Call, Response
from durable_workflow.client._results.bridge import BridgeAdapterOutcome
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session
from durable_workflow.errors import InvalidResponse

_NO_OUTCOME: Final = "invalid_bridge_outcome"


class BridgeMethods(Session):
    """Events of other systems that send webhooks."""

    async def send_webhook_bridge_event(
        self,
        adapter: str,
        *,
        action: str,
        idempotency_key: str,
        target: dict[str, Any],
        input: dict[str, Any] | None = None,
        correlation: dict[str, Any] | None = None,
    ) -> BridgeAdapterOutcome:
        """Send an event of another system. A rejection is returned, not raised.

        Args:
            adapter: The adapter that the event came through.
            action: `start_workflow`, `signal_workflow` or `update_workflow`.
            idempotency_key: The same key again is a duplicate, and changes nothing.
            target: What it is about, as `{"workflow_id": ..., "signal_name": ...}`.
            input: The event, as plain JSON and not as an envelope.
            correlation: Returned and recorded unchanged.

        Raises:
            InvalidResponse: The response is not an outcome (reason `invalid_bridge_outcome`).
        """
        return await self._send(
            Call(
                "POST",
                Route.WEBHOOK_BRIDGE,
                _read,
                path={"adapter": adapter},
                body=present(
                    action=action,
                    idempotency_key=idempotency_key,
                    target=target,
                    input=input,
                    correlation=correlation,
                ),
                context=f"bridge adapter {adapter}",
                accepted_statuses=frozenset({422}),
            )
        )


def _read(response: Response) -> BridgeAdapterOutcome:
    if (body := dict_or_none(response.body)) is not None:
        return BridgeAdapterOutcome.from_dict(body)
    problem = "expected a bridge outcome object"
    raise InvalidResponse(
        response.status,
        "" if response.body is None else json.dumps(response.body),
        body={"reason": _NO_OUTCOME, "message": problem},
        code=_NO_OUTCOME,
        problem=problem,
    )
