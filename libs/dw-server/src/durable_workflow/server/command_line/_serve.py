"""``dw-server`` without a command serves; ``dw-server bootstrap`` makes the state file and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Generator

from durable_workflow._event_loops import loop_factory
from durable_workflow._garbage import collect_rarely
from durable_workflow._memory import keep_freed_memory
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.serving import serving
from durable_workflow.server.settings import (
    Settings,
    is_loopback,
    missing_login,
    shared_secrets,
)

_log = logging.getLogger("durable_workflow.server")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StoreError: The state file cannot be served.
        OSError: The address cannot be had.
    """
    keep_freed_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings))


def bootstrap(settings: Settings) -> None:
    """Make the state file with its schema and the default namespace, and end.

    Raises:
        StoreError: The state file cannot be served.
    """
    asyncio.run(_bootstrap(settings))
    what = "with its state in memory" if settings.db == ":memory:" else os.path.abspath(settings.db)
    _say(settings, f"dw-server can serve {what}")


async def _bootstrap(settings: Settings) -> None:
    server = Server(settings)
    try:
        await server.start()
    finally:
        await server.stop()


async def _serve(settings: Settings) -> None:
    server = Server(settings)
    # Before anything else: who starts this program may stop it as soon as it says where it listens.
    with _stop_asked() as asked:
        try:
            await server.start()
            async with serving(server) as url:
                collect_rarely()
                _say_where(settings, url)
                await asked.wait()
                _log.info("stopping")
        finally:
            await server.stop()


@contextlib.contextmanager
def _stop_asked() -> Generator[asyncio.Event, None, None]:
    """Yield the event that SIGTERM or SIGINT sets. A second one ends the process the hard way."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(asked.set)
        for each, handler in before.items():
            # A shell has what it starts in the background ignore SIGINT.
            signal.signal(each, signal.SIG_DFL if handler is signal.SIG_IGN else handler)

    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_where(settings: Settings, url: str) -> None:
    lines: list[str] = []
    if missing := missing_login(settings.auth):
        _log.warning("%s", missing)
    for shared in shared_secrets(settings.auth):
        _log.warning("%s", shared)
    if settings.auth.resolved_driver == "none":
        who = "only this machine can reach it" if is_loopback(settings.host) else "set so"
        lines.append(f"dw-server serves without a login (auth driver none: {who})")
    kept = "in memory" if settings.db == ":memory:" else f"in {os.path.abspath(settings.db)}"
    lines.append(f"dw-server keeps its state {kept}")
    lines.append(f"dw-server listening on {url}")
    for line in lines:
        _say(settings, line)


def _say(settings: Settings, line: str) -> None:
    if settings.log.format == "json":
        # Whoever collects both outputs of a process gets nothing that is not JSON.
        _log.info("%s", line)
    else:
        print(line, flush=True)
