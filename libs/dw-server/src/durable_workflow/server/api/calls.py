"""One call: what is asked, by whom, and whether the caller is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from durable_workflow.server.api.login import Principal
from durable_workflow.server.requests import Caller, Forwarded
from durable_workflow.server.slices import Slices

T = TypeVar("T")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call came from, as it is recorded with commands. Texts are bounded by the carrier.

    Attributes:
        forwarded: What a proxy says of the caller, where proxies are trusted.
    """

    method: str
    path: str
    request_id: str | None = None
    correlation_id: str | None = None
    idempotency_key: str | None = None
    forwarded: Forwarded = Forwarded()
    user_agent: str | None = None
    ip: str | None = None
    body_sha256: str | None = None


class Peer(Protocol):
    """The other end of a call, as its carrier knows it."""

    def gone(self) -> asyncio.Future[None]:
        """Done when the caller has gone away."""
        ...

    def has_left(self) -> bool:
        """Whether the caller is known to have gone away by now. `gone` says so a little later."""
        ...

    def origin(self) -> Origin:
        """Where the call came from. It may take time to tell: only commands ask."""
        ...


class Pace(Protocol):
    """How what takes long is done, so that others have their turns meanwhile."""

    async def run(self, work: Slices[T]) -> T:
        """Do it."""
        ...


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call.

    Attributes:
        document: What is asked: the body of a request, the parameters of a query string, or the
            members of a message. `Api` reads it by the table of the operation.
        names: The ids and names that the call is about, which its carrier puts beside the document.
        principal: Who calls.
        namespace: Lower-cased name of an existing namespace. Where the operation is of none, the
            one that was named, which need not exist.
        preferred_wait: Seconds that the caller would like the reply to be held, if it asked for
            that.
        prefers_minimal: Whether the caller would like no more than the essentials.
        peer: The other end.
        unhurried: Nobody waits for the reply itself, but for what follows from the call.
        pace: How a large document is read; None for a small one, which is read at once.
    """

    document: Mapping[str, Any]
    names: Mapping[str, str]
    principal: Principal
    namespace: str
    peer: Peer
    preferred_wait: int | None = None
    prefers_minimal: bool = False
    unhurried: bool = False
    pace: Pace | None = None

    def caller(self) -> Caller:
        """Who asks, as it is recorded with commands."""
        origin = self.peer.origin()
        return Caller(
            namespace=self.namespace,
            role=self.principal.role,
            subject=self.principal.subject,
            auth_method=self.principal.method,
            full_access=self.principal.full_access,
            method=origin.method,
            path=origin.path,
            request_id=origin.request_id,
            correlation_id=origin.correlation_id,
            forwarded=origin.forwarded,
            idempotency_key=origin.idempotency_key,
            user_agent=origin.user_agent,
            ip=origin.ip,
            body_sha256=origin.body_sha256,
        )
