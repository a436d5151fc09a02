"""The stream of a worker: one WebSocket that carries its tasks, reports and signs of life.

It is kept up in a thread of its own and used from others. What the server has not acknowledged when
a connection ends is sent again on the next one, after `hello` has named everything that the worker
holds; so a cut costs a task nothing as long as it is shorter than the server's grace.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from websockets.exceptions import ConnectionClosed

from durable_workflow._meet import (
    ATTEMPT_FIELDS,
    Lease,
    Opening,
    ServerUnreachable,
    StreamEnded,
    StreamListener,
    lease_of,
)
from durable_workflow._wire.json_values import JsonObject, object_or_empty
from durable_workflow.client._stream._calls import Calls
from durable_workflow.client._stream._connecting import Address, Away, open_connection
from durable_workflow.client._stream._connection import Connection, messages_of
from durable_workflow.client._stream._handshake import shake_hands
from durable_workflow.client._stream._ledger import Ledger, key_of
from durable_workflow.client._stream._loop_calls import Answer, LoopCalls, Loops
from durable_workflow.client._stream._mailbox import Mailbox
from durable_workflow.client._stream._outbox import Outbox, encode, send_from
from durable_workflow.client._stream._pauses import Pauses
from durable_workflow.client._stream._reading import reading_of
from durable_workflow.client._stream._requests import Counted, Requests
from durable_workflow.errors import error_for

# Where the log lines of a worker go: a stream belongs to one.
_log = logging.getLogger("durable_workflow.worker")

# A proxy that answers, and yet never lets a stream through.
_UNFIT_SECONDS: Final = 10.0
_BAD_DATA: Final = 1007
_TOO_LARGE: Final = 1009

# What the loop that asks for tasks may take itself: all that comes often.
_OFTEN: Final = frozenset({"task", "acks", "answer"})

_DROPPED: Final = object()


class HttpStream:
    """A `WorkerStream` over a WebSocket on the server's port.

    Attributes:
        refusal_seconds: How long a stream that was open before may be refused until it ends.
        report: `Requests.report`, from any thread; likewise `heartbeat`, `history` and `release`.
    """

    refusal_seconds = 30.0

    def __init__(
        self,
        address: Callable[[], Address],
        opening: Opening,
        listener: StreamListener,
        *,
        counted: Counted,
        connect: Callable[[Address], Awaitable[Connection]] = open_connection,
    ) -> None:
        """Make a stream, which `run` connects.

        Args:
            address: Where the stream is, asked for each connection.
            opening: What `hello` says.
            listener: Whom to tell what the server says.
            counted: Awaits an answer, and counts it as the request that it stands for.
            connect: Opens a connection, or raises `Away`.
        """
        self._address = address
        self._opening = opening
        self._listener = listener
        self._connect = connect
        self._slots = self._slots_of_hello = dict(opening.slots)
        self._ledger = Ledger()
        self._loops = loops = Loops()
        # The way into the loop that asks for tasks.
        self._asking: LoopCalls | None = None
        self._calls = Calls(loops)
        # An activity begins before what the answers of its frame let go on: that is over, mostly. A
        # workflow task may need what they say of its run.
        self._mailboxes: dict[str, Mailbox[tuple[Lease, Any]]] = {
            kind: Mailbox(loops, hurried=kind == "activity") for kind in ATTEMPT_FIELDS
        }
        self._requests = requests = Requests(
            self._ledger, self._calls, opening.message_bytes, counted
        )
        # No methods of this class: each would be one more call for every task.
        self.report = requests.report
        self.heartbeat = requests.heartbeat
        self.history = requests.history
        self.release = requests.release
        self._was_open = False
        self._unfit_since: float | None = None
        self._closes: list[Answer] = []
        self._pauses = Pauses()

    # --- in its thread --------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, serve, and connect again, until `close`.

        Raises:
            StreamEnded: The server, or a proxy before it, gives no stream.
        """
        self._calls.begin()
        ended = StreamEnded("the stream was closed")
        try:
            while not self._requests.is_closing:
                try:
                    await self._connect_and_serve()
                except Away as away:
                    self._give_up_where_unfit(away)
                    await self._wait(str(away))
        except StreamEnded as error:
            ended = error
            raise
        finally:
            self._end(ended)

    async def _connect_and_serve(self) -> None:
        """One connection.

        Raises:
            Away: There is none now.
            StreamEnded: There will be none.
        """
        connection = await self._connect(self._address())
        try:
            welcome, rest = await shake_hands(connection, self._hello(), self._listener)
            self._welcomed(welcome)
            outbox = Outbox(connection, self._calls.lock)
            sending = asyncio.create_task(send_from(outbox))
            with self._calls.lock:
                self._begin(outbox)
            try:
                await self._receive(connection, rest, outbox)
            finally:
                with self._calls.lock:
                    self._requests.outbox = None
                sending.cancel()
        except ConnectionClosed as error:
            raise self._lost(error) from error
        finally:
            if claims := self._ledger.claims():
                self._listener.doubted(claims)
            self._ledger.disconnect(lambda: ServerUnreachable("the stream broke"))
            await connection.close()

    def _lost(self, error: ConnectionClosed) -> Exception:
        code = None if error.rcvd is None else error.rcvd.code
        reason = "" if error.rcvd is None else error.rcvd.reason
        if code == _BAD_DATA:
            return StreamEnded(f"the server could not read a message: {reason}")
        if code == _TOO_LARGE and (request := self._ledger.largest()) is not None:
            body = {"reason": "payload_too_large", "message": reason or "message too large"}
            self._ledger.refuse(request, error_for(413, body))
        return Away(str(error))

    def _hello(self) -> JsonObject:
        opening = self._opening
        self._slots_of_hello = self._slots
        hello: JsonObject = {
            "type": "hello",
            "worker_id": opening.worker_id,
            "session": opening.session,
            "task_queue": opening.task_queue,
            "slots": self._slots,
            "held": self._ledger.held(),
            "claims": True,
            "decides": True,
        }
        if opening.build_id is not None:
            hello["build_id"] = opening.build_id
        return hello

    def _welcomed(self, welcome: JsonObject) -> None:
        self._was_open = True
        self._unfit_since = None
        self._drop(welcome.get("dropped"))
        if (seconds := self._pauses.reached()) is not None:
            text = "stream of worker %s is back after %.1f s"
            _log.info(text, self._opening.worker_id, seconds)
        self._listener.welcomed(welcome)

    def _begin(self, outbox: Outbox) -> None:
        """Send again what was not answered before, and what has changed since the hello."""
        self._requests.outbox = outbox
        if self._slots != self._slots_of_hello:
            outbox.put(encode({"type": "slots", **self._slots}))
        self._requests.send_all()

    async def _receive(
        self, connection: Connection, rest: list[JsonObject], outbox: Outbox
    ) -> None:
        self._take_all(rest)
        self._requests.reading = reading = reading_of(
            connection,
            self._take_often,
            lambda: self._asking,
            lambda: self._ledger.is_empty,
            outbox.send_waiting,
        )
        try:
            await connection.deliver_to(self._take_frame)
        finally:
            self._requests.reading = None
            if reading is not None:
                reading.end()

    def _give_up_where_unfit(self, away: Away) -> None:
        """End where something answers there that gives no stream.

        Once there was one, a refusal may be that of a proxy whose server is being replaced; that it
        has no time, or cannot reach the server, is waited out however long it takes.

        Raises:
            StreamEnded: It is refused, and has been for long enough.
        """
        if not (away.refused if self._was_open else away.answered):
            return
        now = asyncio.get_running_loop().time()
        self._unfit_since = now if self._unfit_since is None else self._unfit_since
        patience = self.refusal_seconds if self._was_open else _UNFIT_SECONDS
        if (away.refused and not self._was_open) or now - self._unfit_since >= patience:
            raise StreamEnded(str(away)) from away

    async def _wait(self, why: str) -> None:
        """Wait before the next connection, and say once that there is none."""
        if self._requests.is_closing:
            return
        if self._pauses.is_first():
            _log.warning(
                "stream of worker %s is interrupted, connecting again: %s",
                self._opening.worker_id,
                why,
            )
        pause = self._pauses.next()
        if pause > 0:
            await asyncio.sleep(pause)

    def _end(self, ended: StreamEnded) -> None:
        self._calls.end(ended)
        for mailbox in self._mailboxes.values():
            mailbox.close()
        self._ledger.end(ended)
        for close in self._closes:
            close.set(None)

    # --- what the server says -------------------------------------------------------------

    def _take_frame(self, frame: str | bytes) -> None:
        self._take_all(messages_of(frame))

    def _take_often(self, frame: bytes) -> bool:
        """Take a frame in whichever thread, where it has nothing that is for the stream's own."""
        try:
            messages = messages_of(frame)
        except StreamEnded:
            return False  # raised there
        if not all(message.get("type") in _OFTEN for message in messages):
            return False
        self._take_all(messages)
        return True

    def _take_all(self, messages: list[JsonObject]) -> None:
        with self._calls.lock:
            for message in messages:
                self._take(message)

    def _take(self, message: JsonObject) -> None:
        kind = message.get("type")
        if kind == "task":
            self._take_task(str(message.get("kind")), message.get("task"))
        elif kind == "acks":
            for number in message.get("ids") or ():
                self._ledger.answer(number, {})
        elif kind == "answer":
            self._ledger.answer(message.get("id"), message.get("body"))
        elif kind == "refused":
            self._requests.refused(message)
        elif kind == "cancel":
            self._listener.cancelled(
                str(message.get("task_id")), str(message.get("reason") or "cancelled")
            )
        else:
            _log.debug("message of an unknown type on the stream: %s", str(kind)[:50])

    def _take_task(self, kind: str, task: object) -> None:
        lease = lease_of(kind, task, self._opening.worker_id)
        if lease is None:
            _log.error("the server sent a task without an id or an attempt: %s", kind)
            return
        self._ledger.hold(key_of(lease))
        self._mailboxes[kind].put((lease, task))

    def _drop(self, task_ids: object) -> None:
        for _, task_id, attempt, _ in self._ledger.drop(task_ids):
            self._listener.dropped(task_id, attempt)

    def _drop_unreported(self, task_ids: object) -> None:
        self._drop(self._ledger.unreported(task_ids))

    # --- from any thread ------------------------------------------------------------------

    async def poll(
        self, kind: str, *, timeout: float, begin: Callable[[Any], None] | None = None
    ) -> Any:
        """Wait for a task that the server sends; None where there was none for so long.

        Where tasks begin at once, the loop that asks for them reads the stream, too.
        """
        if begin is not None and self._asking is None:
            self._asking = self._loops.to(asyncio.get_running_loop())

        def take(found: tuple[Lease, Any]) -> Any:
            lease, task = found
            if self._ledger.holds(key_of(lease)):
                if begin is not None:
                    begin(task)
                return task
            # It was dropped while it waited, and takes a slot until it is reported.
            if lease.claim is not None:
                self._listener.settled(lease.claim)
            self.release(lease)
            return _DROPPED

        while (taken := await self._mailboxes[kind].get(timeout, take)) is _DROPPED:
            pass
        return taken

    async def alive(self, body: JsonObject) -> Any:
        """Say that the worker is alive."""
        answered = await self._requests.alive(body)
        self._calls.call(self._drop_unreported, object_or_empty(answered).get("dropped"))
        return answered

    def drain(self) -> None:
        """Ask for no more tasks."""
        self._calls.call(self._drain)

    async def close(self) -> None:
        """Say that nothing more will be reported: what is held is free at once. Then end."""
        if not self._calls.is_open:
            return
        with contextlib.suppress(StreamEnded):
            await self._calls.ask(self._say_bye, self._ledger.forget)

    # --- asked for by others, in its thread -----------------------------------------------

    def _drain(self) -> None:
        self._slots = dict.fromkeys(self._slots, 0)
        if (outbox := self._requests.outbox) is not None:
            outbox.put(encode({"type": "slots", **self._slots}))

    def _say_bye(self, answer: Answer) -> None:
        self._requests.is_closing = True
        if (outbox := self._requests.outbox) is None:
            answer.set(None)
            return
        self._closes.append(answer)
        outbox.put(encode({"type": "bye"}))
