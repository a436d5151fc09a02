"""A bound on what costly peers take from the others."""

from __future__ import annotations

import asyncio
import time

import pytest

from durable_workflow.server.slices import Slices
from durable_workflow.server.throttle import RestingReader, Throttle


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_the_rest_of_one_begins_when_that_of_another_ends() -> None:
    throttle = Throttle()
    first, second = throttle.rest_after(0.1), throttle.rest_after(0.2)
    assert abs(first - 0.4) < 0.1
    assert abs(second - first - 0.8) < 0.1
    assert throttle.rest_after(1000) <= 10


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
    throttle = Throttle()

    def work() -> Slices[None]:
        busy(0.02)
        yield
        raise ValueError("no")

    for _ in range(2):
        began = asyncio.get_running_loop().time()
        with pytest.raises(ValueError, match="no"):
            await throttle.run(work())
    assert asyncio.get_running_loop().time() - began >= 0.08


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
    # Somebody else has it read on meanwhile: what arrives comes in its turn.
    transport.resume_reading()
    reader.data_received(b"z" * 5)
    assert (len(pieces), transport.reads) == (1, False)

    await until_it_reads(transport)
    assert b"".join(pieces) == data + b"z" * 5


async def test_cheap_bytes_are_read_without_a_rest() -> None:
    transport, pieces = Transport(), list[bytes]()
    reader = RestingReader(pieces.append, transport, lambda: False)
    reader.data_received(b"x" * 100_000)
    reader.data_received(b"y")
    assert transport.reads
    assert b"".join(pieces) == b"x" * 100_000 + b"y"


async def test_a_peer_that_is_cut_off_in_the_middle_is_read_no_more() -> None:
    transport, pieces = Transport(), list[bytes]()

    def read(data: bytes) -> None:
        pieces.append(data)
        transport.closing = True

    RestingReader(read, transport, lambda: False).data_received(b"x" * 100_000)
    assert len(pieces) == 1
