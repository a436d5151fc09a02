"""A state file as a server has made it: making one takes longer than most tests of it do."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from pathlib import Path

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

_MEMORY = Path("/dev/shm")


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder in memory, where the system has such."""
    return tempfile.TemporaryDirectory(
        prefix="dw-state-", dir=_MEMORY if _MEMORY.is_dir() else None
    )


@functools.cache
def new_state(now: float) -> bytes:
    """A state file with which nothing was done yet, the same each time.

    Args:
        now: When it was made, in seconds since 1970.
    """
    with new_folder() as folder:
        file = Path(folder) / "state.db"
        asyncio.run(_make(file, now))
        return file.read_bytes()


async def _make(file: Path, now: float) -> None:
    server = Server(
        Settings(server_id="new", db=str(file)),
        clock=ManualClock(round(now * 1e6)),
        ids=UlidSource(seed=0),
    )
    await server.start()
    await server.stop()
