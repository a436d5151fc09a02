"""Reports that leave from the thread that makes them, beside what the stream's thread sends."""

# pyright: reportPrivateUsage=false
import asyncio
import json
import random
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import pytest
from websockets.frames import Frame, Opcode

from durable_workflow._event_loops import loop_factory
from durable_workflow._meet import Lease, Report
from durable_workflow.client._stream._calls import Calls
from durable_workflow.client._stream._connecting import Address, open_connection
from durable_workflow.client._stream._connection import StreamConnection
from durable_workflow.client._stream._loop_calls import Answer, Loops
from durable_workflow.client._stream._outbox import Outbox
from durable_workflow.client._stream._shortcut import Shortcut, masked, second_socket

Json = dict[str, Any]
LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop] | None


def report_of(found: Json) -> Report:
    lease = Lease("activity", found["task_id"], "a", "w")
    return Report(lease, "complete", {"result": {"codec": "json", "blob": "1"}})


async def given(apart: Any, peer: Any, *numbers: int) -> list[Json]:
    """Have the worker get tasks."""
    await peer.send(*(apart.activity(number) for number in numbers))
    return [await apart.stream.poll("activity", timeout=30) for _ in numbers]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_a_frame_is_that_of_the_library_under_a_mask_of_its_own(size: int) -> None:
    text = random.Random(size).randbytes(size)
    frame, other = masked(text), masked(text)
    expected = Frame(Opcode.TEXT, text).serialize(mask=True)
    mask_at = len(expected) - size - 4
    assert (len(frame), frame[:mask_at]) == (len(expected), expected[:mask_at])
    mask = frame[mask_at : mask_at + 4]
    assert bytes(each ^ mask[at % 4] for at, each in enumerate(frame[mask_at + 4 :])) == text
    assert other[mask_at : mask_at + 4] != mask or masked(text)[mask_at : mask_at + 4] != mask


async def test_the_report_of_the_only_task_needs_no_other_thread(apart: Any, server: Any) -> None:
    peer = await server.peer()
    [found] = await given(apart, peer, 1)
    with apart.standing_still():
        reporting = asyncio.create_task(apart.stream.report(report_of(found)))
        message = await peer.next()
    assert (message["type"], message["task_id"], message["id"]) == ("complete", "t-1", 1)
    await peer.acknowledge(message)
    assert await reporting == {}


async def test_a_workflow_task_is_given_behind_the_answers_of_its_frame(
    apart: Any, server: Any
) -> None:
    peer = await server.peer()
    [found] = await given(apart, peer, 1)
    seen: list[str] = []

    async def note(what: str, awaited: Any) -> None:
        await awaited
        seen.append(what)

    async with asyncio.TaskGroup() as group:
        group.create_task(note("answer", apart.stream.report(report_of(found))))
        group.create_task(note("task", apart.stream.poll("workflow", timeout=30)))
        message = await peer.next()
        task = {"task_id": "t-2", "workflow_task_attempt": 1}
        await peer.send(
            {"type": "acks", "ids": [message["id"]]},
            {"type": "task", "kind": "workflow", "task": task},
        )
    assert seen == ["answer", "task"]


async def test_reports_of_several_tasks_share_a_frame(apart: Any, server: Any) -> None:
    peer = await server.peer()
    found = await given(apart, peer, 1, 2, 3)
    with apart.standing_still():
        reports = [asyncio.create_task(apart.stream.report(report_of(each))) for each in found]
        await asyncio.sleep(0)
    messages = [await peer.next() for _ in found]
    assert len(peer.frames) == 1
    await peer.acknowledge(*messages)
    await asyncio.gather(*reports)


async def test_a_report_leaves_behind_what_waits_to_be_sent(apart: Any, server: Any) -> None:
    peer = await server.peer()
    [found] = await given(apart, peer, 1)
    lease = Lease("activity", "t-1", "a", "w")
    with apart.standing_still():
        beating = asyncio.create_task(apart.stream.heartbeat(lease, None))
        await asyncio.sleep(0)
        reporting = asyncio.create_task(apart.stream.report(report_of(found)))
        await asyncio.sleep(0)
    beat, message = await peer.next(), await peer.next()
    assert (beat["type"], message["type"]) == ("heartbeat", "complete")
    await peer.send({"type": "answer", "id": beat["id"], "status": 200, "body": {}})
    await peer.acknowledge(message)
    await asyncio.gather(beating, reporting)


async def test_bye_is_behind_a_report_that_was_made_before(apart: Any, server: Any) -> None:
    peer = await server.peer()
    [found] = await given(apart, peer, 1)
    reporting = asyncio.create_task(apart.stream.report(report_of(found)))
    await asyncio.sleep(0)
    closing = asyncio.create_task(apart.stream.close())
    messages = [await peer.next(), await peer.next()]
    assert [each["type"] for each in messages] == ["complete", "bye"]
    await peer.acknowledge(messages[0])
    assert await reporting == {}
    await peer.socket.close()
    await asyncio.wait_for(closing, 10)


async def test_reports_that_cuts_come_across_are_sent_again(apart: Any, server: Any) -> None:
    dice = random.Random(7)
    peer = await server.peer()
    cuts = 0
    for number in range(60):
        [found] = await given(apart, peer, number)
        reporting = asyncio.create_task(apart.stream.report(report_of(found)))
        # The end of the connection may come before, with, or behind the report.
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        if dice.random() < 0.4:
            cuts += 1
            await peer.cut()
            peer = await server.peer()
            assert [each["task_id"] for each in peer.hello["held"]] == [found["task_id"]]
        message = await peer.next()
        assert (message["task_id"], message["type"]) == (found["task_id"], "complete")
        await peer.acknowledge(message)
        assert await asyncio.wait_for(reporting, 10) == {}
    assert cuts > 10


async def test_threads_that_report_at_once_send_each_report_once(apart: Any, server: Any) -> None:
    peer = await server.peer()
    done: list[str] = []
    count, threads = 300, 3

    async def work() -> None:
        for _ in range(count):
            found = await apart.stream.poll("activity", timeout=20)
            await apart.stream.report(report_of(found))
            done.append(found["task_id"])

    workers = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(threads)]
    for each in workers:
        each.start()
    numbers = iter(range(count * threads))
    # One at a time, then some at once: they are reported here and there.
    await peer.send(*(apart.activity(next(numbers)) for _ in range(threads)))
    messages: list[Json] = []
    while len(messages) < count * threads:
        messages.append(await peer.next())
        await peer.acknowledge(messages[-1])
        if (number := next(numbers, None)) is not None:
            await peer.send(apart.activity(number))
    for each in workers:
        await asyncio.to_thread(each.join, 20)
    expected = sorted(f"t-{number}" for number in range(count * threads))
    assert sorted(done) == sorted(each["task_id"] for each in messages) == expected
    assert sorted(each["id"] for each in messages) == list(range(1, count * threads + 1))


# --- a connection -------------------------------------------------------------------------


async def greeted(url: str) -> StreamConnection:
    connection = cast("StreamConnection", await open_connection(Address(url, {}, None)))
    await connection.send('[{"type": "hello"}]')
    await connection.recv()  # the welcome
    return connection


@pytest.fixture
async def narrow(server: Any) -> StreamConnection:
    connection = await greeted(server.url)
    narrow_down(connection)
    return connection


def frame(number: int, sender: str = "here", size: int = 50_000) -> bytes:
    return json.dumps([{"sender": sender, "number": number, "wide": "x" * size}]).encode()


async def test_the_rest_of_a_frame_leaves_before_anything_else(
    narrow: StreamConnection, server: Any
) -> None:
    peer = await server.peer()
    peer.socket.transport.pause_reading()
    sent = 0
    while narrow.send_here(frame(sent)):
        sent += 1
    shortcut = narrow._shortcut
    assert shortcut is not None
    assert shortcut._rest, "the system took a part of the last one"
    pong = await narrow.ping()
    assert narrow.send_now(frame(sent, "loop"))
    assert not narrow.send_here(frame(-1))
    peer.socket.transport.resume_reading()
    messages = [await peer.next() for _ in range(sent + 1)]
    assert [each["number"] for each in messages] == list(range(sent + 1))
    assert messages[-1]["sender"] == "loop"
    await asyncio.wait_for(pong, 5)
    await narrow.close()


def narrow_down(connection: StreamConnection) -> None:
    """Have the system buffer little of it."""
    own = second_socket(connection.transport)
    assert own is not None
    with own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


@dataclass
class Talk:
    """What a loop and two other threads send over one connection."""

    url: str
    count: int
    has_arrived: threading.Event = field(default_factory=threading.Event)

    async def run(self) -> None:
        connection = await greeted(self.url)
        narrow_down(connection)
        threads = [asyncio.to_thread(self._send, connection, sender) for sender in ("one", "two")]
        sending = asyncio.gather(*threads)
        for number in range(self.count):
            await connection.send(frame(number, "loop", number * 100).decode())
            if number % 10 == 0:
                await asyncio.wait_for(await connection.ping(), 10)
        await sending
        await asyncio.to_thread(self.has_arrived.wait, 20)
        await connection.close()

    def _send(self, connection: StreamConnection, sender: str) -> None:
        dice = random.Random(sender)
        for number in range(self.count):
            text = frame(number, sender, dice.choice([10, 200, 5_000, 60_000]))
            while not connection.send_here(text):
                if self.has_arrived.wait(0.0005):  # nobody waits for it any more
                    return


@pytest.mark.parametrize("factory", [None, loop_factory()])
async def test_frames_of_several_threads_stay_whole_and_in_order(
    server: Any, factory: LoopFactory
) -> None:
    talk = Talk(server.url, 150)

    def run() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(talk.run())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        peer = await server.peer()
        messages = [await peer.next() for _ in range(3 * talk.count)]
    finally:
        talk.has_arrived.set()
        await asyncio.to_thread(thread.join, 20)
    for sender in ("one", "two", "loop"):
        numbers = [each["number"] for each in messages if each["sender"] == sender]
        assert numbers == list(range(talk.count))


async def test_a_large_frame_is_left_to_the_loop(narrow: StreamConnection) -> None:
    assert not narrow.send_here(frame(1, size=70_000))
    await narrow.close()


async def test_nothing_is_sent_behind_a_close_frame(narrow: StreamConnection, server: Any) -> None:
    peer = await server.peer()
    closing = asyncio.create_task(narrow.close())
    await asyncio.sleep(0)
    assert not narrow.send_here(frame(1, size=1))
    await closing
    assert not narrow.send_here(frame(1, size=1))
    assert peer.frames == []


async def test_what_breaks_the_connection_ends_it(narrow: StreamConnection, server: Any) -> None:
    peer = await server.peer()
    await peer.cut()
    # The system knows of the end before the loop has seen it, and says so at one of these.
    assert narrow.send_here(frame(1, size=1))
    await asyncio.wait_for(narrow.wait_closed(), 10)
    assert not narrow.send_here(frame(2, size=1))


def transport_with(about: dict[str, object]) -> asyncio.Transport:
    return asyncio.Transport(about)


@pytest.mark.parametrize("about", [{"sslcontext": ssl.create_default_context()}, {}])
def test_what_is_encrypted_or_has_no_socket_is_left_to_the_loop(about: dict[str, object]) -> None:
    one, two = socket.socketpair()
    with one, two:
        found = {"socket": one} | about if about else {}
        assert second_socket(transport_with(found)) is None
        plain = second_socket(transport_with({"socket": one}))
        assert plain is not None
        plain.close()


async def test_what_waits_in_this_turn_leaves_before_what_is_sent_here(
    narrow: StreamConnection, server: Any
) -> None:
    peer = await server.peer()
    outbox = Outbox(narrow, threading.Lock())
    outbox.put(b'{"number":0}')
    outbox.put_here(b'{"number":1}')
    assert [(await peer.next())["number"] for _ in range(2)] == [0, 1]
    outbox.put_here(b'{"number":2}')
    assert (await peer.next())["number"] == 2
    assert [len(each) for each in peer.frames] == [2, 1]
    await narrow.close()


class Buffered(asyncio.Transport):
    """A transport with so much unwritten, as only the thread of its loop may ask."""

    def __init__(self, plain: socket.socket) -> None:
        super().__init__({"socket": plain})
        self.unwritten = 0
        self.is_gone = False
        self.written: list[bytes] = []
        self._thread = threading.get_ident()

    def get_write_buffer_size(self) -> int:
        assert threading.get_ident() == self._thread, "another thread asks amid a write"
        return self.unwritten

    def is_closing(self) -> bool:
        return self.is_gone

    def write(self, data: Any) -> None:
        assert not self.is_gone
        self.written.append(data)


async def sent_apart(shortcut: Shortcut, text: bytes) -> bool:
    """Whether another thread could send."""

    def send() -> bool:
        with shortcut.lock:
            return shortcut.send(text)

    return await asyncio.to_thread(send)


async def test_while_the_loop_has_something_to_write_nobody_sends_here() -> None:
    one, two = socket.socketpair()
    with one, two:
        transport = Buffered(one)
        shortcut = Shortcut(transport, asyncio.get_running_loop())
        assert await sent_apart(shortcut, b"first")

        transport.unwritten = 9
        with shortcut.lock:
            shortcut.note_written()
        assert not await sent_apart(shortcut, b"second")
        transport.unwritten = 0
        async with asyncio.timeout(20):
            while not await sent_apart(shortcut, b"third"):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0)
        assert two.recv(100)[-4:] != b"cond"
        shortcut.close()


async def test_the_rest_of_a_frame_is_forgotten_with_its_connection() -> None:
    one, two = socket.socketpair()
    with one, two:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        transport = Buffered(one)
        shortcut = Shortcut(transport, asyncio.get_running_loop())
        with shortcut.lock:
            while shortcut.send(b"x" * 50_000):
                pass
        assert shortcut._rest
        transport.is_gone = True
        await asyncio.sleep(0)  # here it would have been written
        assert (transport.written, shortcut._rest) == ([], b"")
        shortcut.close()


class Interrupted(Exception):
    """What a handler of a signal raises, as of Ctrl-C."""


async def test_an_interrupt_leaves_no_lock_behind() -> None:
    calls, answer = Calls(Loops()), Answer(None)
    calls.begin()
    inside: list[bool] = []
    interrupts = 0

    def interrupt(*_: object) -> None:
        if inside:
            inside.clear()
            raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        while interrupts < 200:
            try:
                inside.append(True)
                calls._was_made(lambda _: True, answer)
                inside.clear()
            except Interrupted:
                interrupts += 1
                assert not calls.lock.locked()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


async def test_who_would_wait_for_the_lock_leaves_it_to_the_streams_thread() -> None:
    calls, answer = Calls(Loops()), Answer(None)
    calls.begin()
    assert calls._was_made(lambda _: True, answer)
    with calls.lock:
        assert not await asyncio.to_thread(calls._was_made, lambda _: True, answer)
