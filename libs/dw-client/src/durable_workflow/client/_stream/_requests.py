"""What a worker asks over its stream, and reports of its tasks above all.

A request is made in the stream's thread, or in the thread that asks, where it can leave at once. It
is asked again on the next connection, until it is answered or nobody waits for it any more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from durable_workflow._meet import Lease, Report, ServerUnreachable
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.client._stream._calls import Calls
from durable_workflow.client._stream._ledger import Key, Ledger, Request, key_of
from durable_workflow.client._stream._loop_calls import Answer
from durable_workflow.client._stream._messages import about, ending
from durable_workflow.client._stream._outbox import Outbox, check_size, encode, numbered
from durable_workflow.client._stream._reading import Reading
from durable_workflow.client._stream._shortcut import MOST_BYTES
from durable_workflow.errors import error_for

# The server has no time: the same report is sent again, later.
_BUSY: Final = frozenset({429, 503})
_BUSY_PAUSES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# What says that a task is not this worker's, so that no other report of it would be taken.
_NOT_OURS: Final = frozenset({404, 409, 410})

# Awaits an answer, and counts it as the request that it stands for.
Counted: TypeAlias = Callable[[Lease, str, Awaitable[Any]], Awaitable[Any]]


class Requests:
    """The requests of one stream, on whichever connection it has.

    Args:
        ledger: What the worker holds, and what it waits for an answer to.
        calls: The way into the stream's thread.
        most_bytes: Largest message that the server says it takes; None where it says nothing.
        counted: Counts requests.

    Attributes:
        outbox: What waits to be sent over the connection; None while there is none.
        reading: Whoever reads from the connection in the stream's place, where that may be.
        is_closing: The stream says goodbye: nothing overtakes that.
    """

    def __init__(
        self, ledger: Ledger, calls: Calls, most_bytes: int | None, counted: Counted
    ) -> None:
        self.outbox: Outbox | None = None
        self.reading: Reading | None = None
        self.is_closing = False
        self._ledger = ledger
        self._calls = calls
        self._most_bytes = most_bytes
        self._counted = counted

    # --- from any thread ------------------------------------------------------------------

    async def report(self, report: Report) -> Any:
        """Say how a task ended; returns once the server has stored it."""
        lease = report.lease
        key = key_of(lease)
        text = encode(ending(lease, report.verb, self._ledger.took(key)) | report.body)
        asked = self._ask(
            lambda answer: self._make(Request(text, answer, key)),
            lambda answer: self._make_here(Request(text, answer, key), key),
        )
        return await self._counted(lease, report.verb, asked)

    async def heartbeat(self, lease: Lease, details: JsonObject | None) -> Any:
        """Report progress of an activity; the answer may ask it to stop."""
        message = about(lease, "heartbeat")
        if details is not None:
            message["details"] = details
        text = encode(message)
        asked = self._ask(lambda answer: self._make_once(Request(text, answer, again=False)))
        return await self._counted(lease, "heartbeat", asked)

    async def history(self, lease: Lease, token: str) -> Any:
        """Fetch a further page of the history of a workflow task."""
        text = encode(about(lease, "history") | {"token": token})
        asked = self._ask(lambda answer: self._make(Request(text, answer)))
        return await self._counted(lease, "history", asked)

    async def alive(self, body: JsonObject) -> Any:
        """Say that the worker is alive, and what it holds."""
        return await self._ask(lambda answer: self._make_alive(body, answer))

    def release(self, lease: Lease) -> None:
        """The worker has ended a task. One that it could not report is failed, so that it is free.

        The lease of a stream never ends by itself.
        """
        if self._ledger.may_take_slot(key_of(lease)):
            self._calls.call(self._release, lease)

    async def _ask(
        self,
        make: Callable[[Answer], None],
        make_here: Callable[[Answer], bool] | None = None,
    ) -> Any:
        return await self._calls.ask(make, self._ledger.forget, make_here)

    def _make_here(self, request: Request, key: Key) -> bool:
        """Make a report in the thread that reports it, where that can be.

        That of the only task leaves at once. Where there are several their reports share frames:
        those of the loop that reads are sent by it, others by the stream's thread.
        """
        outbox, reading = self.outbox, self.reading
        if outbox is None or self.is_closing:
            return False
        put = outbox.put_here
        if not self._ledger.is_alone(key):
            is_read_here = reading is not None and reading.is_done_by(asyncio.get_running_loop())
            if not is_read_here or len(request.text) >= MOST_BYTES:
                return False
            put = outbox.gather
        check_size(request.text, self._most_bytes)
        self._ledger.add(request)
        put(numbered(request.text, self._ledger.number(request)))
        return True

    # --- in the stream's thread -----------------------------------------------------------

    def send_all(self) -> None:
        """Send on a new connection what is not answered."""
        for request in self._ledger.to_send():
            self._send(request)

    def refused(self, message: JsonObject) -> None:
        """The server has refused a request, for good or for now."""
        request = self._ledger.take(message.get("id"))
        if request is None:
            return
        status = message.get("status")
        status = status if isinstance(status, int) else 500
        if status in _BUSY and request.refusals < len(_BUSY_PAUSES):
            pause = _BUSY_PAUSES[request.refusals]
            request.refusals += 1
            asyncio.get_running_loop().call_later(pause, self._send_later, request)
            return
        if request.reports is not None and status in _NOT_OURS:
            self._ledger.let_go(request.reports)
        context = "" if request.reports is None else request.reports[1]
        self._ledger.refuse(request, error_for(status, message.get("body"), context=context))

    def _send_later(self, request: Request) -> None:
        with self._calls.lock:
            if not request.answer.is_settled:
                self._send(request)

    def _send(self, request: Request) -> None:
        if self.outbox is not None:
            self.outbox.put(numbered(request.text, self._ledger.number(request)))

    def _make(self, request: Request) -> None:
        check_size(request.text, self._most_bytes)
        self._ledger.add(request)
        self._send(request)

    def _make_once(self, request: Request) -> None:
        """Make a request that is of no use later."""
        if self.outbox is None:
            raise ServerUnreachable("the stream is interrupted")
        self._make(request)

    def _make_alive(self, body: JsonObject, answer: Answer) -> None:
        message: JsonObject = {"type": "alive", "held": self._ledger.held()}
        message |= {name: body[name] for name in ("process_metrics", "task_slots") if name in body}
        self._make_once(Request(encode(message), answer, again=False))

    def _release(self, lease: Lease) -> None:
        key = key_of(lease)
        if not self._ledger.give_back(key):
            return
        failure = {"message": "the worker ended this task without a report"}
        if lease.kind == "query":
            failure["reason"] = "query_rejected"
        text = encode(about(lease, "fail") | {"failure": failure})
        self._make(Request(text, Answer(None), key))
