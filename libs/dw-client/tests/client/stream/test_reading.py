"""The loop that asks for tasks reads the stream itself, as long as nothing holds it up."""

import asyncio
import json
import select
import socket
import threading
from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from durable_workflow._meet import Lease, Report
from durable_workflow.client._stream import _reading
from durable_workflow.client._stream._loop_calls import LoopCalls
from durable_workflow.client._stream._reading import Reading

SECONDS = 10


def text(content: bytes) -> bytes:
    """A frame of text, as a server sends it."""
    assert len(content) < 126
    return bytes([0x81, len(content)]) + content


PING = bytes([0x89, 0])


class Line:
    """A connection in a thread of its own, of which only the reading is real."""

    def __init__(self, taken: Callable[[bytes], bool], asking: LoopCalls) -> None:
        self.far, near = socket.socketpair()
        near.setblocking(False)
        self.given_back: list[bytes] = []
        self.was_heard = False
        self.errors: list[Exception] = []
        self.lent = threading.Event()
        self.back = threading.Event()  # once: whoever waits for it may come late
        self.reading: Reading | None = None
        self.loop = asyncio.new_event_loop()
        self._near = near
        self._taken = taken
        self._asking = asking
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()

    def _begin(self) -> None:
        self.reading = Reading(self, self._near, self._taken, lambda: self._asking)

    def start(self) -> None:
        self.loop.call_soon(self._begin)  # before anything that another thread asks of it
        self._thread.start()

    def end(self) -> None:
        def end() -> None:
            assert self.reading is not None
            self.reading.end()
            self.reading.end()
            self.loop.stop()

        self.loop.call_soon_threadsafe(end)
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def lend(self) -> bool:
        self.lent.set()
        return True

    def take_back(self, data: bytes, /) -> None:
        self.given_back.append(data)
        self.lent.clear()
        self.back.set()

    def fail(self, error: Exception, /) -> None:
        self.errors.append(error)
        self.take_back(b"")

    def abort(self) -> None:
        self.take_back(b"")

    def hear(self) -> None:
        self.was_heard = True


class Taken:
    """What was taken, and where."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.threads: set[int] = set()
        self.refused: set[bytes] = set()
        self.arrived = asyncio.Event()

    def __call__(self, frame: bytes) -> bool:
        if frame in self.refused:
            return False
        if frame == b"broken":
            raise ValueError("broken")
        self.frames.append(frame)
        self.threads.add(threading.get_ident())
        self.arrived.set()
        return True


@pytest.fixture
async def taken() -> Taken:
    return Taken()


class Blind:
    """In place of a poll object: sees nothing of what waits to be read."""

    def register(self, *_: Any) -> None: ...

    def poll(self, *_: Any) -> list[Any]:
        return []


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop that asks is waited for, however long the machine holds it up."""
    monkeypatch.setattr(_reading, "select", SimpleNamespace(poll=Blind, POLLIN=select.POLLIN))


@pytest.fixture
async def line(taken: Taken) -> AsyncGenerator[Line]:
    line = Line(taken, LoopCalls(asyncio.get_running_loop()))
    line.start()
    await happened(line.lent)
    yield line
    await asyncio.to_thread(line.end)
    line.far.close()


async def happened(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, SECONDS)


@pytest.mark.usefixtures("patient")
async def test_frames_are_taken_in_the_loop_that_asks(line: Line, taken: Taken) -> None:
    line.far.sendall(text(b"1") + text(b"2"))
    await asyncio.wait_for(taken.arrived.wait(), SECONDS)
    assert taken.frames == [b"1", b"2"]
    assert taken.threads == {threading.get_ident()}
    assert line.given_back == []
    assert line.was_heard


async def test_a_loop_that_is_held_up_stops_nothing(line: Line, taken: Taken) -> None:
    line.far.sendall(text(b"1"))
    # Nothing but what this holds up would read it.
    assert line.back.wait(SECONDS)
    assert line.given_back == [b""]
    assert taken.frames == []


async def test_a_loop_that_was_held_up_reads_again(line: Line, taken: Taken) -> None:
    line.far.sendall(text(b"1"))
    assert line.back.wait(SECONDS)
    await happened(line.lent)
    await asyncio.wait_for(taken.arrived.wait(), SECONDS)
    assert taken.frames == [b"1"]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("other", [PING, text(b"refused"), bytes([0x81, 100])])
async def test_what_is_no_frame_to_take_is_given_back_with_what_is_behind_it(
    line: Line, taken: Taken, other: bytes
) -> None:
    taken.refused.add(b"refused")
    line.far.sendall(text(b"1") + other + text(b"3"))
    await happened(line.back)
    assert taken.frames == [b"1"]
    assert line.given_back == [other + text(b"3")]
    await happened(line.lent)


async def test_the_end_is_given_back(line: Line) -> None:
    line.far.shutdown(socket.SHUT_WR)
    await happened(line.back)
    assert line.given_back[0] == b""


@pytest.mark.usefixtures("patient")
async def test_an_error_goes_to_the_connection(line: Line) -> None:
    line.far.sendall(text(b"broken"))
    await happened(line.back)
    assert [str(each) for each in line.errors] == ["broken"]


async def test_a_loop_that_is_closed_reads_nothing(taken: Taken) -> None:
    gone = asyncio.new_event_loop()
    gone.close()
    line = Line(taken, LoopCalls(gone))
    line.start()
    line.far.sendall(text(b"1"))
    await asyncio.to_thread(line.end)
    line.far.close()
    assert not line.lent.is_set()


# --- a whole stream -----------------------------------------------------------------------


async def test_a_task_and_what_becomes_of_it_need_no_other_thread(apart: Any, server: Any) -> None:
    peer = await server.peer()
    found = await apart.until_read_here(peer, 1)
    assert found["task_id"] == "t-1"
    lease = Lease("activity", "t-1", "a", "w")
    report = Report(lease, "complete", {"result": {"codec": "json", "blob": "1"}})
    with apart.standing_still():
        reporting = asyncio.create_task(apart.stream.report(report))
        await peer.acknowledge(await peer.next())
        assert await asyncio.wait_for(reporting, SECONDS) == {}


async def test_pings_are_answered_while_the_loop_that_asks_is_held_up(
    apart: Any, asking: Any, server: Any
) -> None:
    peer = await server.peer()
    number = await asking.until_it_reads(peer)
    is_held = threading.Event()

    def hold(_: Any) -> None:
        is_held.set()
        asking.goes_on.wait(2 * SECONDS)

    asking.on_task = hold
    await peer.send(apart.activity(number + 1))
    await happened(is_held)
    pong = await peer.socket.ping()
    await asyncio.wait_for(pong, SECONDS)
    assert not asking.goes_on.is_set()


async def test_a_cut_is_noticed_and_what_comes_behind_it_arrives(apart: Any, server: Any) -> None:
    peer = await server.peer()
    for number in range(10):
        await apart.until_read_here(peer, number)
        await peer.cut()
        peer = await server.peer()
        assert f"t-{number}" in {each["task_id"] for each in peer.hello["held"]}


async def test_a_cancellation_is_told_by_the_thread_of_the_stream(
    apart: Any, server: Any, listener: Any
) -> None:
    peer = await server.peer()
    await apart.until_read_here(peer, 1)
    asked = asyncio.create_task(apart.next_task())
    cancel = {"type": "cancel", "kind": "activity", "task_id": "t-1", "reason": "gone"}
    await peer.socket.send(json.dumps([cancel, apart.activity(2)]))
    assert (await asked)["task_id"] == "t-2"
    assert listener.cancels == [("t-1", "gone")]
