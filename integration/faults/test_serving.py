"""What stands between a client and a server here leaves no connection behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from urllib.parse import urlsplit

import pytest

from integration.harness.serving import serving


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1_000):
        writer.write(chunk)


@pytest.mark.parametrize("turns", range(8))
async def test_connections_that_come_as_the_block_ends_are_closed(turns: int) -> None:
    """Whichever step of its making a connection is at; what is left open fails a test by itself."""
    async with serving(echo) as url:
        parts = urlsplit(url)
        clients = [
            socket.create_connection((parts.hostname, parts.port), timeout=30) for _ in range(3)
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
    for client in clients:
        with client:
            try:
                assert client.recv(1) == b""
            except ConnectionResetError:
                continue  # the listener had not taken it yet
    gc.collect()


async def test_what_was_written_arrives_before_the_connection_is_closed() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1) * 5_000_000)

    async with serving(answer) as url:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"x")
        assert len(await reader.read()) == 5_000_000
        writer.close()
        await writer.wait_closed()


async def test_the_end_of_the_block_waits_for_no_peer_that_does_not_read() -> None:
    written = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 50_000_000)
        written.set()
        await reader.read()

    async with serving(answer) as url:
        parts = urlsplit(url)
        client = socket.create_connection((parts.hostname, parts.port), timeout=30)
        await written.wait()
    client.close()


async def test_a_fault_of_the_server_fails_the_test() -> None:
    async def fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError(await reader.readexactly(1))

    async def ask() -> None:
        async with serving(fail) as url:
            parts = urlsplit(url)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(b"x")
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    with pytest.raises(AssertionError, match="b'x'"):
        await ask()
