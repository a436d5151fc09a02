"""One request: what came over HTTP, and the peer of the call that it carries."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import parse_qsl

from durable_workflow.server.api import Credentials, Forwarded, Origin
from durable_workflow.server.http.incoming import SMALL_BYTES, Incoming, Share
from durable_workflow.server.settings import is_loopback
from durable_workflow.server.throttle import Pace

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SHOWN = 255
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?", re.ASCII | re.IGNORECASE)
_PREFER_MINIMAL = re.compile(r"(?:^|[,;\s])return\s*=\s*\"?minimal\b", re.ASCII | re.IGNORECASE)
_LONGEST_WAIT = 60
# An extension of ASGI, where the server offers it: the `Exchange` of a request.
EXCHANGE: Final = "durable_workflow.exchange"
_NO_EXTENSIONS: Final[Mapping[str, Any]] = {}


class Exchange(Protocol):
    """One request and its answer, as its connection knows them."""

    gone: asyncio.Future[None]

    def has_left(self) -> bool:
        """Whether the caller has gone away, without a look at what comes."""
        ...

    def whole_body(self) -> bytes | None:
        """The body, where all of it is there: as it would be received, and once."""
        ...

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Answer in one piece; False, and nothing is sent, where that cannot be."""
        ...


class Request:
    """One request; it is the peer of the call that it carries.

    Args:
        incoming: What the server holds of all requests.
        trusts_proxies: Whether what it says of the caller in a proxy's name is believed.
    Attributes:
        names: Values of the path's parameters, decoded.
        incoming: What the server holds of all requests.
        share: What it holds of this one.
        has_unread: Whether some of the body has not been read.
        is_dense: Whether the body is of many small values, so that all that is done with it costs.
        document: The JSON object of the body; empty where there is none.
        document_is_object: False where the body is another JSON value.
        answer_headers: Headers of the answer besides the usual ones.
    """

    def __init__(
        self,
        scope: Mapping[str, Any],
        names: Mapping[str, str],
        receive: Receive,
        *,
        incoming: Incoming,
        trusts_proxies: bool = False,
    ) -> None:
        self.method: str = scope["method"]
        self._scope = scope
        self.names = names
        self._header_lines: Sequence[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(self._header_lines)
        self.body = b""
        self.incoming = incoming
        self.share = Share(incoming)
        self.has_unread = True
        self.is_dense = False
        self.document: dict[str, Any] = {}
        self.document_is_object = True
        self.answer_headers: list[tuple[bytes, bytes]] = []
        self._query_string: bytes = scope.get("query_string", b"")
        self._query: dict[str, str] | None = None
        self._client: tuple[str, int] | None = scope.get("client")
        self._receive = receive
        extensions: Mapping[str, Any] = scope.get("extensions") or _NO_EXTENSIONS
        self._exchange: Exchange | None = extensions.get(EXCHANGE)
        self._trusts_proxies = trusts_proxies
        self._gone = None if self._exchange is None else self._exchange.gone
        self._watching: asyncio.Task[None] | None = None
        self._left = False

    @property
    def path(self) -> str:
        """As it came, percent-encoded."""
        return raw_path(self._scope).decode("latin-1")

    @property
    def from_this_machine(self) -> bool:
        """Whether the caller is known to be on the same machine."""
        return self._client is not None and is_loopback(self._client[0])

    @property
    def client_host(self) -> str:
        """The address that the request came from."""
        return self._client[0] if self._client is not None else "an unknown address"

    @property
    def query(self) -> dict[str, str]:
        """Parameters of the query string; of one given twice, the last."""
        if self._query is None:
            text = self._query_string.decode("latin-1")
            self._query = dict(parse_qsl(text, keep_blank_values=True, errors="replace"))
        return self._query

    def header(self, name: bytes) -> str:
        """A header's value without surrounding space; empty where there is none."""
        return self.headers.get(name, b"").decode("latin-1").strip()

    def header_list(self, name: bytes) -> str:
        """All values of a header that may be sent in several lines, joined as if it were one."""
        lines = [value for given, value in self._header_lines if given == name]
        return b", ".join(lines).decode("latin-1")

    def gone(self) -> asyncio.Future[None]:
        """Done when the caller has gone away. Only for requests whose body has been read."""
        if self._gone is None:
            self._gone = self._watching = asyncio.create_task(self._until_gone())
        return self._gone

    def whole_body(self) -> bytes | None:
        """The body, where all of it is known to be there: then nothing else has to be received."""
        return None if self._exchange is None else self._exchange.whole_body()

    @property
    def is_abandoned(self) -> bool:
        """Whether its caller went away while it was served: nobody is there to be answered."""
        return self._gone is not None and self._gone.done()

    def has_left(self) -> bool:
        """Whether the caller is known to have gone away by now. `gone` says so a little later."""
        if self._exchange is not None:
            self._left = self._left or self._exchange.has_left()
            return self._left
        while not self._left:
            receiving = self._receive().__await__()
            try:
                next(receiving)
            except StopIteration as received:
                self._left = received.value["type"] == "http.disconnect"
            else:
                receiving.close()  # nothing has come
                break
        return self._left

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Answer in one piece; False, and nothing is sent, where that cannot be.

        Args:
            head: The headers, each a line; none says that the connection ends.
        """
        return self._exchange is not None and self._exchange.answer(status, head, body)

    @property
    def is_watched(self) -> bool:
        """Whether something waits for the caller to go away, until `watch_no_more`."""
        return self._watching is not None

    async def watch_no_more(self) -> None:
        """Stop watching the caller."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    def credentials(self) -> Credentials:
        """The credentials that the caller sent. Signatures cover the raw body."""
        scheme, _, token = self.headers.get(b"authorization", b"").strip().partition(b" ")
        return Credentials(
            token=(token.strip() or None) if scheme.lower() == b"bearer" else None,
            signature=self.headers.get(b"x-signature", b"").strip() or None,
            signed=self.body,
        )

    def wanted_namespace(self) -> str:
        """The namespace that the caller names; empty where it names none."""
        return self.header(b"x-namespace") or self.query.get("namespace", "").strip()

    def preferred_wait(self) -> int | None:
        """The N of ``Prefer: wait=N`` (RFC 7240), bounded by our own limit; None without one."""
        if b"prefer" not in self.headers:
            return None
        found = _PREFER_WAIT.search(self.header_list(b"prefer"))
        return min(int(found[1]), _LONGEST_WAIT) if found else None

    def prefers_minimal(self) -> bool:
        """Whether there is a ``Prefer: return=minimal`` (RFC 7240)."""
        if b"prefer" not in self.headers:
            return False
        return _PREFER_MINIMAL.search(self.header_list(b"prefer")) is not None

    def pace(self) -> Pace | None:
        """How what the body says is read; None where it is small."""
        if len(self.body) <= SMALL_BYTES:
            return None
        return Pace(self.incoming.dense, has_waited=self.is_dense)

    def origin(self) -> Origin:
        """Where the request came from, as it is recorded with commands."""
        return Origin(
            method=self.method,
            path=self.path[:_SHOWN],
            request_id=self._shown(b"x-request-id"),
            correlation_id=self._shown(b"x-correlation-id"),
            forwarded=self._forwarded() if self._trusts_proxies else Forwarded(),
            idempotency_key=self.header(b"idempotency-key") or None,
            user_agent=self._shown(b"user-agent"),
            ip=self._client[0] if self._client else None,
            body_sha256=hashlib.sha256(self.body).hexdigest(),
        )

    def _forwarded(self) -> Forwarded:
        """What a proxy says of the caller (control-plane 2.6)."""
        return Forwarded(
            caller_type=self._shown(b"x-workflow-caller-type"),
            caller_label=self._shown(b"x-workflow-caller-label"),
            auth_status=self._shown(b"x-workflow-auth-status"),
            auth_method=self._shown(b"x-workflow-auth-method"),
        )

    def _shown(self, header: bytes) -> str | None:
        value = self.headers.get(header)
        if value is None:
            return None
        # HTTP leaves open what other bytes than ASCII are; of a person's name they are UTF-8.
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        return text.strip()[:_SHOWN] or None

    async def _until_gone(self) -> None:
        while not self._left:
            # Nothing else can come: the body has been read.
            self._left = (await self._receive())["type"] == "http.disconnect"


def raw_path(scope: Mapping[str, Any]) -> bytes:
    """The path as it came, without the query string."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        path: str = scope["path"]
        return path.encode()
    return raw
