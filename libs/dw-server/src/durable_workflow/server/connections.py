"""A connection with bounds on what the server keeps for a peer that it does not serve yet."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import weakref
from typing import TYPE_CHECKING, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from durable_workflow.server.http.request import EXCHANGE
from durable_workflow.server.throttle import PeerCosts, Rest, RestingReader

if TYPE_CHECKING:
    from uvicorn._types import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        Scope,
    )

# Far more than any request line and headers.
_MOST_HEAD_BYTES: Final = 128 * 1024
# Each takes thirty times the five bytes that it may have on the wire.
_MOST_HEADERS: Final = 256
# So long a head may take to arrive.
_HEAD_SECONDS: Final = 60.0
# A larger piece of a body is not joined with the head, which copies it.
_JOINED_BYTES: Final = 64 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 "
# What of a head offers another protocol, as Java's client and `curl --http2` do with `h2c`.
_OFFERS: Final = frozenset({b"upgrade", b"http2-settings"})


class HeadWithBody:
    """Writes the head of an answer together with the first piece of its body.

    uvicorn writes each by itself, which is two system calls, and two packets for the peer to read.
    This is in the place of the transport of one request, with what is used of it there.
    """

    __slots__ = ("_head", "_is_begun", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._is_begun = False

    def write(self, data: bytes) -> None:
        """Write what belongs to the answer: its head comes first."""
        head, self._head = self._head, None
        if not self._is_begun and not data.startswith(_CONTINUE):
            self._is_begun = True
            self._head = data
        elif head is None:
            self._transport.write(data)
        elif len(data) <= _JOINED_BYTES:
            # Not `writelines`: on asyncio's own loop that of Python 3.12 and 3.13 writes on where
            # the peer has just left, and keeps an empty piece for ever.
            self._transport.write(head + data)
        else:
            self._transport.write(head)
            self._transport.write(data)

    def write_whole(self, data: bytes) -> None:
        """Write an answer, of which nothing was written yet."""
        self._is_begun = True
        self._transport.write(data)

    def end(self) -> None:
        """The answer is complete: a head without a body is written too."""
        head, self._head = self._head, None
        if head is not None:
            self._transport.write(head)

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection behind what was written."""
        self.end()
        self._transport.close()


class Exchange:
    """One request and its answer, as the application may ask the connection about them.

    It keeps the request weakly: that keeps its scope, which has this, and would be garbage that
    only a collection finds.

    Attributes:
        gone: Done when the caller has gone away; shared with other requests. That is noticed only
            where the connection is read from, and reading rests while requests wait behind one.
    """

    __slots__ = ("_asked", "gone")

    def __init__(self, cycle: RequestResponseCycle, gone: asyncio.Future[None]) -> None:
        self._asked = weakref.ref(cycle)
        self.gone = gone

    def has_left(self) -> bool:
        """Whether the caller has gone away, without a look at what comes."""
        cycle = self._asked()
        return cycle is None or cycle.disconnected

    def whole_body(self) -> bytes | None:
        """The body, where all of it is there: as `receive` would give it, and once.

        To receive it takes three coroutines, and most bodies come with their heads.
        """
        cycle = self._asked()
        if cycle is None or cycle.more_body or cycle.disconnected or cycle.response_complete:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        return body

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Answer in one piece, as two `send` would; False, and nothing is sent, where only those
        can.

        uvicorn looks at each header, and each of two events is a coroutine: that takes longer than
        many answers take to make.

        Args:
            head: The headers, each a line; none says that the connection ends.
        """
        cycle = self._asked()
        if (
            cycle is None
            or cycle.disconnected
            or cycle.response_started
            or not cycle.keep_alive
            or cycle.access_log
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        parts = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            parts += (name, b": ", value, b"\r\n")
        parts += (head, b"\r\n", body)
        cast("HeadWithBody", cycle.transport).write_whole(b"".join(parts))
        cycle.message_event.set()
        cycle.on_response()
        return True


class Connection(HttpToolsProtocol):
    """uvicorn's connection with bounds that it lacks. All hold before a login.

    A head (request line and headers, or the trailers of a body) that does not end is refused, and
    where none comes for long the connection is closed. A peer that sends requests without waiting
    for answers is not read from while some of them have not begun: uvicorn reads on after each
    answer, so what it keeps would only grow. And its next request waits while the last ones were
    costly.

    A request that offers another protocol than WebSocket is served as if it did not, as RFC 9110
    has it. uvicorn would drop its body.
    """

    # What has arrived in pieces behind the one in which the last head or piece of a body ended, and
    # how long that one was: the head that is arriving may have begun in it.
    _unfinished = 0
    _piece_with_end = 0
    _taken = b""
    # Whether the head that came last, or the trailers, had too many headers or too many bytes.
    _is_too_large = False
    _is_in_head = False
    # Whether the head that came last offers a protocol that is not spoken here.
    _is_declined = False
    _reader: RestingReader | None = None
    # The request that began last, and of those that wait behind it what they have cost so far.
    _begun: RequestResponseCycle | None = None
    _answer: HeadWithBody | None = None
    _costs: PeerCosts | None = None
    _begins_waiting = False
    _rest: Rest | None = None
    # Done when the connection has ended.
    _end: asyncio.Future[None] | None = None
    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection stands: its first head is due."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take what arrived, and rest where that took long."""
        if self._reader is None:
            self._reader = RestingReader(self._take, self.transport, lambda: self.flow.read_paused)
        self._reader.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._end_rest()
        self._wait_no_more()
        if self._end is not None and not self._end.done():
            self._end.set_result(None)
        if self._begun is not None and not self._begun.response_complete:
            # uvicorn tells the request that arrived last, and not the one that is being answered:
            # that one would write on, which uvloop raises.
            self._begun.disconnected = True
            self._begun.message_event.set()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: answer the request that has begun, and no other.

        uvicorn would look at the one that arrived last.
        """
        self.pipeline.clear()
        rested = self._end_rest()
        if rested or self._begun is None or self._begun.response_complete:
            self.transport.close()
        else:
            self._begun.keep_alive = False

    def _take(self, data: bytes) -> None:
        """Take what arrived, unless it is a head without an end."""
        self._unfinished += len(data)
        self._taken = data
        super().data_received(data)
        self._taken = b""
        if self.transport.is_closing():
            return
        if self._unfinished > _MOST_HEAD_BYTES or self._is_too_large:
            message = "The headers of the request are too large."
            self.logger.warning(message)
            self.send_400_response(message)
        elif self._head_due is None and (self._is_in_head or self._serves_nothing()):
            self._wait_for_head()

    def _serves_nothing(self) -> bool:
        """Whether every request of this connection is answered, and it is still one of requests."""
        last = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return self in self.connections and (last is None or last.response_complete)

    def _wait_for_head(self) -> None:
        self._head_due = self.loop.call_later(_HEAD_SECONDS, self._end_unless_it_serves)

    def _wait_no_more(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _end_unless_it_serves(self) -> None:
        """Close the connection, unless what is late comes behind a request that is being served."""
        self._head_due = None
        last = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if last is not None and not last.response_complete:
            self._wait_for_head()
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._is_in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: of too many the rest is not kept.

        Kept as uvicorn does it, and not by a call of that: a request has ten.
        """
        if len(self.headers) >= _MOST_HEADERS:
            self._is_too_large = True
            return
        name = name.lower()
        if name == b"expect":
            super().on_header(name, value)
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A head has ended; if it is too large its request does not begin."""
        self._is_in_head = False
        if self._unfinished + self._piece_with_end > _MOST_HEAD_BYTES:
            self._is_too_large = self._is_too_large or self._head_bytes() > _MOST_HEAD_BYTES
        if not self._is_too_large:
            self._unfinished = 0
            self._piece_with_end = len(self._taken)
            self._wait_no_more()
            self._is_declined = self._offers_a_protocol
            if not self._is_declined:
                super().on_headers_complete()

    def _head_bytes(self) -> int:
        """How long the head is that has ended, without what it has besides names and values."""
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        """A piece of a body: the limit of bodies is the application's."""
        if not self._is_too_large:
            self._unfinished = 0
            self._piece_with_end = len(self._taken)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        if not self._is_too_large and not self._is_declined:
            super().on_message_complete()
            if not self.pipeline and self._rest is None:
                # A large body has paused reading, and only who reads sees that the caller leaves.
                self.flow.resume_reading()

    @property
    def _offers_a_protocol(self) -> bool:
        """Whether the parser takes what follows the head for a protocol that is not spoken here."""
        return (
            self.parser.should_upgrade()
            and self.parser.get_method() != b"CONNECT"
            and not self._should_upgrade()
        )

    def _unsupported_upgrade_warning(self) -> None:
        """Such a head has ended, and the parser with it: begin again, without the offer."""
        raised = sys.exception()
        if self._is_too_large or not self._offers_a_protocol or raised is None:
            return
        rest = self._taken[raised.args[0] :]
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                kept = [each for each in value.split(b",") if each.strip().lower() not in _OFFERS]
                lines.append(b"connection: " + b",".join(kept))
            elif name not in _OFFERS:
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        with contextlib.suppress(AttributeError):  # as uvicorn's own; older httptools lack it
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._taken = data = b"\r\n".join([*lines, b"\r\n"]) + rest
        super().data_received(data)

    def on_response_complete(self) -> None:
        """A request is over, and the next one that waits begins, at once or after a rest."""
        if self._answer is not None:
            self._answer.end()
        self._begins_waiting = True
        super().on_response_complete()
        self._begins_waiting = False
        if self.pipeline or self._rest is not None:
            self.flow.pause_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._begun = cycle
        self._answer = HeadWithBody(self.transport)
        cycle.transport = cast("asyncio.Transport", self._answer)
        extensions = cycle.scope.get("extensions") or {}
        self._end = self._end or self.loop.create_future()
        # uvicorn says that each is a dictionary, which ASGI does not.
        exchange = cast("dict[object, object]", Exchange(cycle, self._end))
        cycle.scope["extensions"] = {**extensions, EXCHANGE: exchange}
        if not self._begins_waiting:
            super()._start_asgi_task(cycle, app)
            return
        self._costs = costs = self._costs or PeerCosts()

        async def counted(
            scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
        ) -> None:
            await costs.run(app(scope, receive, send))

        self._rest = costs.begin(functools.partial(self._begin, cycle, counted))

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._rest = None
        super()._start_asgi_task(cycle, app)
        if not self.pipeline:
            self.flow.resume_reading()

    def _end_rest(self) -> bool:
        """Have the request that rests not begin; whether there was one."""
        rest, self._rest = self._rest, None
        if rest is not None:
            rest.cancel()
        return rest is not None
