"""Results of calls of the webhook bridge."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import count, object_or_none, text


@dataclass
class BridgeAdapterOutcome:
    """What the server did with an event of an adapter.

    Attributes:
        schema: Schema of this outcome.
        version: Version of that schema.
        adapter: The adapter.
        action: What the event asked for.
        accepted: Whether a command was carried out for it.
        outcome: `accepted`, `duplicate` or `rejected`.
        idempotency_key: The key of the event.
        reason: Why it was not accepted.
        target: What it was about, as the server understood it.
        correlation: What the sender gave, unchanged.
        workflow_id: The workflow that it reached.
        run_id: Its run.
        workflow_type: Its type.
        control_plane_outcome: Outcome of the command, as `started_new`.
        raw: The whole response object.
    """

    schema: str
    version: int
    adapter: str
    action: str | None
    accepted: bool
    outcome: str
    idempotency_key: str | None = None
    reason: str | None = None
    target: dict[str, Any] | None = None
    correlation: dict[str, Any] | None = None
    workflow_id: str | None = None
    run_id: str | None = None
    workflow_type: str | None = None
    control_plane_outcome: str | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "BridgeAdapterOutcome":
        """Read the outcome from a response object."""
        return cls(
            schema=text(data.get("schema")),
            version=count(data.get("version")),
            adapter=text(data.get("adapter")),
            action=data.get("action"),
            accepted=bool(data.get("accepted")),
            outcome=text(data.get("outcome")),
            idempotency_key=data.get("idempotency_key"),
            reason=data.get("reason"),
            target=object_or_none(data.get("target")),
            correlation=object_or_none(data.get("correlation")),
            workflow_id=data.get("workflow_id"),
            run_id=data.get("run_id"),
            workflow_type=data.get("workflow_type"),
            control_plane_outcome=data.get("control_plane_outcome"),
            raw=data,
        )
