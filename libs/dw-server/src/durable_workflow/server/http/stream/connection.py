"""One worker stream over a WebSocket: hello, then messages both ways until either side ends it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from durable_workflow.server.api import Call, explain
from durable_workflow.server.api.streams import WorkerStreams
from durable_workflow.server.api.worker_stream import WorkerStream
from durable_workflow.server.http.envelope import with_prose
from durable_workflow.server.http.incoming import (
    DENSE_BYTES,
    SMALL_BYTES,
    Incoming,
    Share,
    parsed_size,
)
from durable_workflow.server.http.refusals import status_of
from durable_workflow.server.http.request import Receive
from durable_workflow.server.http.stream.frames import (
    INVALID_DATA,
    BadFrame,
    Message,
    looks_like_sign,
    message_in_slices,
    messages_of,
    short_messages,
    texts_of,
)
from durable_workflow.server.http.stream.outbox import Outbox, Send, Unread
from durable_workflow.server.http.stream.peer import Peer
from durable_workflow.server.http.stream.wire import ASCII, Wire
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.throttle import Pace

_log = logging.getLogger(__name__)

_KINDS: Final[dict[str, TaskKind]] = {
    "workflow": "workflow",
    "activity": "activity",
    "query": "query",
}
_HELLO_SECONDS: Final = 10.0
# Messages of one stream that are worked on at once; more are not read.
_MOST_AT_WORK: Final = 1000
_OVERLOADED_PAUSE: Final = 0.01
_BINARY: Final = 1003
_BUSY: Final = 1013
# Close codes are 4000 and the status that HTTP would have.
_REFUSED: Final = 4000
_NO_HELLO: Final = 4408


class Limits(msgspec.Struct, frozen=True):
    """What one connection may bring.

    Attributes:
        largest_message: Bytes of one message.
        overloaded: Whether the server has more to do than it should take on.
        unread: What the peers of all streams have not read.
        incoming: What the server holds of all requests and messages.
    """

    largest_message: int
    overloaded: Callable[[], bool]
    unread: Unread
    incoming: Incoming


class _Closed(Exception):
    """The peer has gone, or its connection was ended."""


async def serve(
    streams: WorkerStreams, call: Call, wire: Wire, receive: Receive, send: Send, limits: Limits
) -> None:
    """Serve a stream, from the upgrade to its end.

    Args:
        call: Who asks for it, without a document.
    """
    await send({"type": "websocket.accept"})
    await _Connection(streams, call, wire, receive, send, limits).run()


class _Connection:
    def __init__(
        self,
        streams: WorkerStreams,
        call: Call,
        wire: Wire,
        receive: Receive,
        send: Send,
        limits: Limits,
    ) -> None:
        self._streams = streams
        self._call = msgspec.structs.replace(call, peer=Peer(call.peer.origin()))
        self._wire = wire
        self._receive = receive
        self._limits = limits
        self._outbox = Outbox(send, wire, limits.unread, self._on_room)
        self._stream: WorkerStream | None = None
        self._at_work: set[asyncio.Task[None]] = set()
        self._done = asyncio.Event()
        self._waits_for_frame = False
        # Of the frame that is being read, until all of its messages are done.
        self._share = Share(limits.incoming)
        self._frame_is_dense = False
        # Says in whose name lines are logged: frames also come without a task of the loop.
        self._context = contextvars.copy_context()

    async def run(self) -> None:
        """Serve until the connection ends; nothing is raised."""
        try:
            await self._read_hello()
            while True:
                await self._read_frame()
        except _Closed:
            await self._outbox.drop()
        except BadFrame as error:
            self._outbox.close(INVALID_DATA, str(error)[:100])
            await self._outbox.finish()
        except _Ended:
            await self._outbox.finish()
        finally:
            await self._outbox.drop()
            if self._stream is not None:
                await self._stream.lost()
            await asyncio.gather(*self._at_work, return_exceptions=True)
            self._share.release()

    # --- the sink of tasks -------------------------------------------------------------------

    def push(self, kind: TaskKind, task: Mapping[str, Any]) -> None:
        """Send a task."""
        self._outbox.put({"type": "task", "kind": kind, "task": task})

    def cancel(self, kind: TaskKind, task_id: str, reason: str) -> None:
        """Say that an attempt should stop."""
        self._outbox.put({"type": "cancel", "kind": kind, "task_id": task_id, "reason": reason})

    def is_clogged(self) -> bool:
        """Whether the peer has left too much unread."""
        return self._outbox.is_clogged()

    def probe(self) -> None:
        """Have the peer show that it is there."""
        self._wire.ping(self._on_pong)

    def close(self, code: int, reason: str) -> None:
        """End the connection behind what waits to be sent."""
        self._outbox.close(code, reason)

    # --- reading -----------------------------------------------------------------------------

    async def _read_hello(self) -> None:
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                frame = await self._next_frame()
        except TimeoutError:
            self._outbox.close(_NO_HELLO, "no hello came")
            raise _Ended from None
        found = self._messages_of(frame)
        first = await anext(found, None)
        if first is None or first.type != "hello":
            raise BadFrame("the first message is a hello")
        try:
            if first.too_large:
                raise self._too_large()
            call = msgspec.structs.replace(self._call, document=first.document)
            self._stream = await self._streams.open(call, self)
        except Exception as error:  # noqa: BLE001  explained, and nothing depends on its kind
            status = self._refuse(None, explain(error, "opening a stream"), "open_stream")
            self._outbox.close(_REFUSED + status, "the hello was refused")
            raise _Ended from None
        self._outbox.put({"type": "welcome", **self._stream.welcome})
        self._stream.begin()
        self._wire.listen(self)
        async for message in found:
            await self._take(self._stream, message)

    async def _read_frame(self) -> None:
        assert self._stream is not None
        async for message in self._messages_of(await self._next_frame()):
            await self._take(self._stream, message)

    async def _messages_of(self, frame: str | bytes) -> AsyncIterator[Message]:
        """The messages of a frame, in order, each when it is its turn to be decoded."""
        largest = self._limits.largest_message
        if not self._frame_is_dense:
            for message in messages_of(frame, largest):
                yield message
            return
        dense = self._limits.incoming.dense
        for text in texts_of(frame):
            yield await dense.run_if_costly(message_in_slices(text, largest))

    async def _next_frame(self) -> str | bytes:
        """The next frame, as bytes where they are ASCII: most are, and a copy takes its time."""
        await self._outbox.until_read()
        self._waits_for_frame = True
        try:
            event = await self._receive()
        finally:
            self._waits_for_frame = False
        if event["type"] == "websocket.disconnect":
            raise _Closed
        text = event.get(ASCII, event.get("text"))
        if not isinstance(text, str | bytes):
            self._outbox.close(_BINARY, "frames are text")
            raise _Ended
        if self._at_work and len(text) > SMALL_BYTES:
            # What it has brought before is done first, so that one frame of a stream is held.
            await asyncio.gather(*self._at_work, return_exceptions=True)
        if not self._at_work:
            self._share.release()
        self._frame_is_dense = len(text) > SMALL_BYTES and self._hold(text)
        return text

    def _hold(self, frame: str | bytes) -> bool:
        """Count a large frame, and end the stream where too much is held: it may come back.

        Returns:
            Whether it is of many small values.
        """
        grows = parsed_size(frame if isinstance(frame, bytes) else frame.encode())
        try:
            self._share.add(len(frame) + grows)
        except Refused:
            self._outbox.close(_BUSY, "the server is busy")
            raise _Ended from None
        return grows > DENSE_BYTES

    def may_wait(self, text: bytes) -> bool:
        """Whether a message looks like a sign of life: nobody waits for its answer."""
        return looks_like_sign(text)

    def take(self, text: bytes) -> bool:
        """Answer a sign of life, or begin to do what is reported, without receiving a frame."""
        if not self._waits_for_frame or self._stream is None or self._limits.overloaded():
            return False
        messages = short_messages(text, self._limits.largest_message)
        if not messages:
            return False
        if messages[0].type == "alive":
            return len(messages) == 1 and self._answer_at_once(self._stream, messages[0])
        if len(self._at_work) + len(messages) > _MOST_AT_WORK or not self._outbox.has_room():
            return False
        if any(message.type not in _REPORTS for message in messages):
            return False
        if not self._at_work:
            self._share.release()
        for message in messages:
            self._begin(self._stream, message, self._context.copy())
        return True

    async def _take(self, stream: WorkerStream, message: Message) -> None:
        """Begin to do what a message says; the answers come in the order of the commits."""
        # Units end thousands of times a second: telling of each would cost more than looking.
        while self._limits.overloaded():  # noqa: ASYNC110
            await asyncio.sleep(_OVERLOADED_PAUSE)
        while len(self._at_work) >= _MOST_AT_WORK:
            self._done.clear()
            await self._done.wait()
        if message.type == "bye":
            await self._say_goodbye(stream)
        if (
            message.type == "alive"
            and not message.too_large
            and self._answer_at_once(stream, message)
        ):
            return
        self._begin(stream, message)

    def _begin(
        self, stream: WorkerStream, message: Message, context: contextvars.Context | None = None
    ) -> None:
        task = asyncio.create_task(self._do(stream, message), context=context)
        self._at_work.add(task)
        task.add_done_callback(self._finished)

    def _answer_at_once(self, stream: WorkerStream, message: Message) -> bool:
        """Answer a sign of life that waits for nothing: most are such, and each costs little."""
        try:
            reply = stream.alive_at_once(message.document)
        except Exception as error:  # noqa: BLE001  explained, and nothing depends on its kind
            reply = explain(error, "alive over a stream")
            self._refuse(message.id, reply, _OPERATIONS["alive"])
            return True
        if reply is None:
            return False
        self._outbox.put_at_once(
            {"type": "answer", "id": message.id, "status": 200, "body": reply.body}
        )
        stream.close_if_idle()
        return True

    async def _say_goodbye(self, stream: WorkerStream) -> None:
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await stream.say_goodbye()
        raise _Ended

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._done.set()

    # --- doing -------------------------------------------------------------------------------

    async def _do(self, stream: WorkerStream, message: Message) -> None:
        operation = _OPERATIONS.get(message.type, "")
        kind = _kind(message.document)
        if message.type in _REPORTS and kind is not None:
            operation = stream.operation(message.type, kind)
        try:
            replying = self._reply(stream, message, kind)
            dense = self._limits.incoming.dense
            reply = await (dense.charge(replying) if message.is_dense else replying)
        except Exception as error:  # noqa: BLE001  explained, and nothing depends on its kind
            reply = explain(error, f"{message.type[:20]} over a stream")
        if reply is None:
            return
        if reply.reason is not None:
            self._refuse(message.id, reply, operation)
        elif message.type in ("complete", "fail") and "decided_at" not in reply.body:
            assert message.id is not None
            self._outbox.acknowledge(message.id)
        else:
            status = status_of(reply, operation)
            self._outbox.put(
                {"type": "answer", "id": message.id, "status": status, "body": reply.body}
            )
        stream.close_if_idle()

    async def _reply(
        self, stream: WorkerStream, message: Message, kind: TaskKind | None
    ) -> Reply | None:
        if message.too_large:
            raise self._too_large()
        document = message.document
        if message.type == "alive":
            return await stream.alive(document)
        if message.type == "slots":
            stream.resize(document)
            return None
        if message.type == "history":
            return await stream.history(_task_id(document), document)
        if message.type not in _REPORTS:
            raise Refused("unknown_message", f"There is no message {message.type[:50]!r}.")
        if kind is None:
            raise Invalid({"kind": [f"The kind field must be one of {', '.join(_WORDS)}."]})
        if message.type == "heartbeat" and kind == "query":
            raise Invalid({"kind": ["A heartbeat is about a workflow or an activity task."]})
        pace = Pace(self._limits.incoming.dense, has_waited=True) if message.is_dense else None
        return await stream.report(message.type, kind, _task_id(document), document, pace)

    def _refuse(self, message_id: int | None, reply: Reply, operation: str) -> int:
        status = status_of(reply, operation)
        body = with_prose(reply.body)
        self._outbox.put({"type": "refused", "id": message_id, "status": status, "body": body})
        return status

    def _too_large(self) -> Refused:
        limit = self._limits.largest_message
        text = f"The message is larger than {limit} bytes."
        return Refused("payload_too_large", text, extra={"limit": limit})

    def _on_room(self) -> None:
        if self._stream is not None:
            self._stream.room()

    def _on_pong(self) -> None:
        if self._stream is not None:
            task = asyncio.create_task(self._note(self._stream.seen()))
            self._at_work.add(task)
            task.add_done_callback(self._finished)

    @staticmethod
    async def _note(seen: Awaitable[None]) -> None:
        try:
            await seen
        except Exception as error:  # noqa: BLE001  reported, and nothing depends on its kind
            _log.warning("a sign of life could not be noted: %s", error)


class _Ended(Exception):
    """The server ends the connection."""


_REPORTS: Final = frozenset({"complete", "fail", "heartbeat"})
_OPERATIONS: Final = {"alive": "heartbeat_worker", "history": "read_workflow_task_history"}
_WORDS: Final = ("workflow", "activity", "query")


def _kind(document: Mapping[str, Any]) -> TaskKind | None:
    word = document.get("kind")
    return _KINDS.get(word) if isinstance(word, str) else None


def _task_id(document: Mapping[str, Any]) -> str:
    task_id = document.get("task_id")
    if not isinstance(task_id, str) or not task_id:
        raise Invalid({"task_id": ["The task_id field is required."]})
    return task_id
