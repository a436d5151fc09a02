"""The worker stream: a WebSocket as the second carrier of what workers ask and report."""

from durable_workflow.server.http.stream.connection import Limits, serve
from durable_workflow.server.http.stream.wire import ASCII, EXTENSION, Listener, Wire

__all__ = ["ASCII", "EXTENSION", "Limits", "Listener", "Wire", "serve"]
