"""Who asks."""

from __future__ import annotations

from typing import Any

import msgspec


class Bridged(msgspec.Struct, frozen=True, kw_only=True):
    """The event of another system that a caller passes on.

    Attributes:
        action: What the event asked for: ``start_workflow``, …
        correlation: What its sender gave.
    """

    adapter: str
    action: str
    idempotency_key: str
    correlation: dict[str, Any] | None = None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and through which request: recorded with every command of the control plane.

    Attributes:
        idempotency_key: By which a request that is sent again is known.
        bridged: The event that the request is about, if it came over the bridge.
    """

    namespace: str
    role: str = "operator"
    subject: str = "anonymous"
    auth_method: str = "none"
    method: str = "POST"
    path: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    body_sha256: str | None = None
    bridged: Bridged | None = None
