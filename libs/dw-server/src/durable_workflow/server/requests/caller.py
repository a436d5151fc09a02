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


class Forwarded(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a trusted proxy speaks for, as it says itself; None for what it does not say.

    Attributes:
        auth_status: How the proxy's own login ended.
        auth_method: What kind of login that was.
    """

    caller_type: str | None = None
    caller_label: str | None = None
    auth_status: str | None = None
    auth_method: str | None = None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and through which request: recorded with every command of the control plane.

    Attributes:
        idempotency_key: By which a request that is sent again is known.
        full_access: Whether every route is open, whatever the role.
        correlation_id: What the caller knows its request by, beside others of the same story.
        forwarded: What a proxy says in the caller's place, if it is trusted.
        bridged: The event that the request is about, if it came over the bridge.
    """

    namespace: str
    role: str = "operator"
    subject: str = "anonymous"
    auth_method: str = "none"
    full_access: bool = False
    method: str = "POST"
    path: str = ""
    request_id: str | None = None
    correlation_id: str | None = None
    idempotency_key: str | None = None
    forwarded: Forwarded = Forwarded()
    user_agent: str | None = None
    ip: str | None = None
    body_sha256: str | None = None
    bridged: Bridged | None = None
