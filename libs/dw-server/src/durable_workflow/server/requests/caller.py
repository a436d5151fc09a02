"""Who asks."""

from __future__ import annotations

import msgspec


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and through which request: recorded with every command of the control plane.

    Attributes:
        idempotency_key: By which a request that is sent again is known.
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
