"""Free ports for what the pages show with a fixed one."""

from __future__ import annotations

import socket


def free_port() -> str:
    """A port of this machine that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])
