"""The command ``dw-server``, also ``python -m durable_workflow.server``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Generator, Sequence

import msgspec

from durable_workflow._protocol import installed_version
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.serving import serving
from durable_workflow.server.settings import (
    DEFAULT_DATABASE,
    Settings,
    SettingsError,
    from_env,
    is_loopback,
)
from durable_workflow.server.store import StoreError

_log = logging.getLogger("durable_workflow.server")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        settings = _settings(options)
        settings.require_safe()
        _run(settings, access_log=options.access_log)
    except SettingsError as error:
        return _complain(error, 2)
    except (StoreError, OSError) as error:
        return _complain(error, 1)
    return 0


async def _serve(settings: Settings, *, access_log: bool) -> None:
    server = Server(settings)
    # Before anything else: who starts this program may stop it as soon as it says where it listens.
    with _stop_asked() as asked:
        try:
            await server.start()
            async with serving(server, access_log=access_log) as url:
                _say(settings, url)
                await asked.wait()
                _log.info("stopping")
        finally:
            await server.stop()


def _run(settings: Settings, *, access_log: bool) -> None:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, access_log=access_log))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for every platform
        return None
    return uvloop.new_event_loop


@contextlib.contextmanager
def _stop_asked() -> Generator[asyncio.Event, None, None]:
    """Yield the event that SIGTERM or SIGINT sets. A second one ends the process the hard way."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(asked.set)
        signal.signal(number, before[signal.Signals(number)])

    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(settings: Settings, url: str) -> None:
    if settings.auth.resolved_driver == "none":
        who = "only this machine can reach it" if is_loopback(settings.host) else "set so"
        print(f"dw-server serves without a login (auth driver none: {who})")
    kept = "in memory" if settings.db == ":memory:" else os.path.abspath(settings.db)
    print(f"dw-server keeps its state {'' if settings.db == ':memory:' else 'in '}{kept}")
    print(f"dw-server listening on {url}", flush=True)


def _settings(options: argparse.Namespace) -> Settings:
    settings = from_env()
    given = {
        name: value
        for name in ("db", "host", "port")
        if (value := getattr(options, name)) is not None
    }
    if options.token is not None:
        given["auth"] = msgspec.structs.replace(settings.auth, token=options.token)
    return msgspec.structs.replace(settings, **given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dw-server",
        description="Durable Workflow server: one process, its state in one file.",
        epilog="Every setting is also an environment variable DW_…; the command line wins.",
    )
    parser.add_argument(
        "--db",
        metavar="PATH",
        help=f"state file, or :memory: (DW_DB; default {DEFAULT_DATABASE} in this folder)",
    )
    parser.add_argument("--host", help="address to listen on (DW_HOST; default 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="port, 0 for a free one (DW_PORT; default 8080)")
    parser.add_argument(
        "--token",
        help="what callers must present (DW_AUTH_TOKEN, which other users of this machine "
        "cannot read off the process list)",
    )
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="what to log to standard error (default info)",
    )
    parser.add_argument("--access-log", action="store_true", help="log every request")
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {installed_version('dw-server')}"
    )
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError("must be a number between 0 and 65535")
    return int(text)


def _complain(error: Exception, status: int) -> int:
    print(f"dw-server: {error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
