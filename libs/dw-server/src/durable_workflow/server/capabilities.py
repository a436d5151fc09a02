"""What this server can do beyond the required, by the names of the wire.

An extension that is listed here appears in cluster info and in every answer of the worker plane.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from durable_workflow._wire import extensions

Encoding: TypeAlias = Literal["gzip", "deflate"]

# Name to version. A worker uses an extension only when it stands here.
EXTENSIONS: Final[dict[str, int]] = {
    extensions.DEREGISTER: 1,
    extensions.HELD_TASKS: 1,
    extensions.IDEMPOTENCY_KEY: 1,
    extensions.PASSED_SIGNALS: 1,
    extensions.PREFER_WAIT: 1,
    extensions.STICKY_HISTORY: 1,
    extensions.UPDATE_VALIDATION: 1,
    extensions.WORKER_STREAM: 1,
}

# How answers may be compressed.
ENCODINGS: Final[tuple[Encoding, ...]] = ("gzip", "deflate")
