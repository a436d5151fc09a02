"""A bound on what costly peers take from the others."""

from __future__ import annotations

import asyncio
import functools
import time

import pytest

from durable_workflow.server.slices import Slices
from durable_workflow.server.throttle import Costs, RestingReader, Throttle


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_the_rest_of_one_begins_when_that_of_another_ends() -> None:
    throttle, loop, ended = Throttle(), asyncio.get_running_loop(), list[float]()
    over = asyncio.Event()

    def first() -> None:
        ended.append(loop.time())
        throttle.note(0.02)

    def second() -> None:
        ended.append(loop.time())
        over.set()

    began = loop.time()
    throttle.rest(0.02, first)
    throttle.rest(0, second)
    async with asyncio.timeout(10):
        await over.wait()
    assert ended[0] - began >= 0.07
    assert ended[1] - ended[0] >= 0.07


async def test_of_many_that_rest_one_goes_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where their rests together are longer than the longest."""
    monkeypatch.setattr("durable_workflow.server.throttle._LONGEST_SECONDS", 0.01)
    throttle, turns, seen, over = Throttle(), 0, list[tuple[int, int]](), asyncio.Event()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def go_on(number: int) -> None:
        seen.append((number, turns))
        if number == 9:
            over.set()

    beside = asyncio.create_task(others())
    rests = [throttle.rest(1, functools.partial(go_on, number)) for number in range(10)]
    rests[3].cancel()
    async with asyncio.timeout(10):
        await over.wait()
    beside.cancel()
    assert [number for number, _ in seen] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert len({at for _, at in seen}) == 9


async def test_what_turns_out_not_to_be_costly_waits_for_nobody() -> None:
    throttle = Throttle()
    throttle.note(100)

    def work() -> Slices[str]:
        yield
        return "done"

    async with asyncio.timeout(5):
        assert await throttle.run_if_costly(work()) == "done"


async def test_what_turns_out_to_be_costly_waits_for_its_turn() -> None:
    throttle, loop = Throttle(), asyncio.get_running_loop()

    def work() -> Slices[float]:
        for _ in range(3):
            busy(0.005)
            yield
        return loop.time()

    began = loop.time()
    throttle.note(0.02)
    first = await throttle.run_if_costly(work())
    assert first - began >= 0.07
    assert await throttle.run_if_costly(work()) - first >= 0.05


async def test_the_rest_of_what_has_waited_waits_no_more_but_pauses() -> None:
    throttle, turns = Throttle(), 0
    throttle.note(100)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def work() -> Slices[int]:
        for _ in range(5):
            busy(0.005)
            yield
        return turns

    beside = asyncio.create_task(others())
    async with asyncio.timeout(5):
        assert await throttle.run_if_costly(work(), has_waited=True) >= 4
    beside.cancel()


async def test_costly_work_is_done_one_at_a_time_with_rests_between() -> None:
    throttle, done = Throttle(), list[float]()
    loop = asyncio.get_running_loop()

    def work() -> Slices[float]:
        busy(0.02)
        yield
        done.append(loop.time())
        return done[-1]

    assert await asyncio.gather(*(throttle.run(work()) for _ in range(3))) == done
    assert done[1] - done[0] >= 0.08
    assert done[2] - done[1] >= 0.08


async def test_others_have_a_turn_between_the_slices_of_costly_work() -> None:
    throttle, seen, turns = Throttle(), list[int](), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def work() -> Slices[None]:
        for _ in range(5):
            busy(0.003)
            seen.append(turns)
            yield

    beside = asyncio.create_task(others())
    await throttle.run(work())
    beside.cancel()
    assert len(set(seen)) == 5


async def test_costly_work_that_fails_rests_as_well_and_lets_the_next_one_begin() -> None:
    throttle, loop, failed = Throttle(), asyncio.get_running_loop(), list[float]()

    def work() -> Slices[None]:
        busy(0.02)
        yield
        failed.append(loop.time())
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await throttle.run(work())
    assert failed[1] - failed[0] >= 0.08


async def test_what_is_charged_begins_at_once_and_what_is_costly_rests_for_it() -> None:
    throttle, loop, ended = Throttle(), asyncio.get_running_loop(), list[float]()

    async def work(*, fails: bool) -> str:
        busy(0.01)
        await asyncio.sleep(0.01)
        busy(0.01)
        ended.append(loop.time())
        if fails:
            raise ValueError("no")
        return "done"

    def next_one() -> Slices[float]:
        yield
        return loop.time()

    assert await throttle.charge(work(fails=False)) == "done"
    assert await throttle.run(next_one()) - ended[0] >= 0.07
    with pytest.raises(ValueError, match="no"):
        await throttle.charge(work(fails=True))
    assert await throttle.run(next_one()) - ended[1] >= 0.07


async def test_work_that_is_counted_is_cancelled_as_other_work_is() -> None:
    costs, seen = Costs(), list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = asyncio.create_task(costs.run(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]


class Transport(asyncio.Transport):
    """Knows whether more is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True
        self.closing = False

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing


async def until_it_reads(transport: Transport) -> None:
    async with asyncio.timeout(10):
        while True:
            if transport.reads:
                return
            await asyncio.sleep(0.01)


async def test_a_peer_whose_bytes_are_costly_is_left_alone_and_loses_none() -> None:
    transport, pieces = Transport(), list[bytes]()

    def read(data: bytes) -> None:
        pieces.append(data)
        if data[:1] == b"c":
            busy(0.01)

    reader = RestingReader(read, transport, lambda: False)
    data = b"c" * 16_384 + b"x" * 16_384 + b"y" * 10
    reader.data_received(data)
    assert (len(pieces), transport.reads) == (1, False)
    assert reader.is_resting()
    # Somebody else has it read on meanwhile: what arrives comes in its turn.
    transport.resume_reading()
    reader.data_received(b"z" * 5)
    assert (len(pieces), transport.reads) == (1, False)

    await until_it_reads(transport)
    assert b"".join(pieces) == data + b"z" * 5
    assert not reader.is_resting()


async def test_cheap_bytes_are_read_without_a_rest() -> None:
    transport, pieces = Transport(), list[bytes]()
    reader = RestingReader(pieces.append, transport, lambda: False)
    reader.data_received(b"x" * 100_000)
    reader.data_received(b"y")
    assert transport.reads
    assert b"".join(pieces) == b"x" * 100_000 + b"y"


async def test_bytes_that_only_waited_for_the_processor_are_not_costly() -> None:
    transport, pieces = Transport(), list[bytes]()

    def read(data: bytes) -> None:
        pieces.append(data)
        time.sleep(0.005)

    reader = RestingReader(read, transport, lambda: False)
    reader.data_received(b"x" * 50_000)
    assert transport.reads
    assert not reader.is_resting()
    assert b"".join(pieces) == b"x" * 50_000


async def test_a_peer_that_is_cut_off_in_the_middle_is_read_no_more() -> None:
    transport, pieces = Transport(), list[bytes]()

    def read(data: bytes) -> None:
        pieces.append(data)
        transport.closing = True

    RestingReader(read, transport, lambda: False).data_received(b"x" * 100_000)
    assert len(pieces) == 1
