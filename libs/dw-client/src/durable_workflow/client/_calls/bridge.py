"""Requests of the webhook bridge."""

from durable_workflow.client._call import Answer, Call
from durable_workflow.client._json import JsonObject, dict_or_none, present
from durable_workflow.client._results.bridge import BridgeAdapterOutcome
from durable_workflow.errors import ServerError


def webhook(
    adapter: str,
    *,
    action: str,
    idempotency_key: str,
    target: JsonObject,
    input: JsonObject | None,
    correlation: JsonObject | None,
) -> Call[BridgeAdapterOutcome]:
    """Hand in an event; a rejection is an outcome like others."""
    return Call(
        "POST",
        "/bridge-adapters/webhook/{adapter}",
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
        outcomes=frozenset({422}),
    )


def _read(answer: Answer) -> BridgeAdapterOutcome:
    if (body := dict_or_none(answer.body)) is not None:
        return BridgeAdapterOutcome.from_dict(body)
    raise ServerError(
        answer.status,
        {"reason": "invalid_bridge_outcome", "message": "expected a bridge outcome object"},
    )
