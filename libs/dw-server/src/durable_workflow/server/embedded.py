"""A server inside a program or a test: same process, same event loop."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator

import msgspec

from durable_workflow.metrics import NOOP_METRICS, MetricsRecorder
from durable_workflow.server.clock import Clock, SkippingClock
from durable_workflow.server.ids import IdSource
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.serving import serving
from durable_workflow.server.settings import Settings


@contextlib.asynccontextmanager
async def embedded_server(
    *,
    db: str | os.PathLike[str] = ":memory:",
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    settings: Settings | None = None,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    metrics: MetricsRecorder = NOOP_METRICS,
    time_skipping: bool = False,
) -> AsyncGenerator[str, None]:
    """Serve for the length of the block, in the running event loop.

    It behaves as `dw-server` does, but reads no environment variable and handles no signal.

    Args:
        db: Path of the state file; by default the state is in memory and gone at the end.
        port: 0 takes a free one.
        token: What callers must present; None lets everybody on this machine in.
        settings: Everything else; `db`, `host`, `port` and `token` are put over it.
        clock: Time, for tests that make their own.
        ids: Identifiers, likewise.
        metrics: Counts the server's own troubles; see the document on running the server.
        time_skipping: For tests: where nobody works and a caller waits for a result, time jumps to
            what falls due next. The same as a `SkippingClock` for `clock`, which can also be asked
            to jump.
    Yields:
        The URL, such as ``http://127.0.0.1:40123``.
    Raises:
        ValueError: `time_skipping` with a clock that cannot.
        SettingsError: `host` can be reached from other machines, and no login is set.
        StoreLocked: Another process serves `db`.
        OSError: The address cannot be had.

    Example::

        async with embedded_server() as url, Client(url) as client:
            ...
    """
    chosen = settings or Settings()
    auth = msgspec.structs.replace(chosen.auth, token=token) if token is not None else chosen.auth
    chosen = msgspec.structs.replace(chosen, db=os.fspath(db), host=host, port=port, auth=auth)
    chosen.require_safe()
    if time_skipping:
        if clock is not None and not isinstance(clock, SkippingClock):
            raise ValueError("time_skipping needs a SkippingClock, or no clock")
        clock = clock or SkippingClock()
    server = Server(chosen, clock=clock, ids=ids, metrics=metrics)
    try:
        await server.start()
        async with serving(server) as url:
            yield url
    finally:
        await server.stop()
