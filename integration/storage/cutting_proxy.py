"""A proxy that tears the first answer after some bytes; in threads, for clients that block."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class _Cutting(socketserver.ThreadingTCPServer):
    daemon_threads = True
    target: tuple[str, int]
    bytes_until_cut = 0
    cuts = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """A torn connection is what it is for."""


class _Pipe(socketserver.BaseRequestHandler):
    server: _Cutting  # pyright: ignore[reportIncompatibleVariableOverride]  (socketserver sets it)

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as upstream:
            client: socket.socket = self.request
            there = threading.Thread(target=_copy, args=(client, upstream), daemon=True)
            there.start()
            self._answer(upstream, client)

    def _answer(self, upstream: socket.socket, client: socket.socket) -> None:
        passed = 0
        while data := upstream.recv(16_384):
            if not self.server.cuts and passed + len(data) > self.server.bytes_until_cut:
                self.server.cuts += 1
                break
            passed += len(data)
            client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(16_384):
            target.sendall(data)


@contextmanager
def cutting_once(url: str, after_bytes: int) -> Generator[_Cutting]:
    """Serve a proxy to `url`; the first answer that is longer is torn after so many bytes."""
    parts = urlsplit(url)
    with _Cutting(("127.0.0.1", 0), _Pipe) as server:
        server.target = (parts.hostname or "", parts.port or 0)
        server.bytes_until_cut = after_bytes
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def url_of(server: _Cutting) -> str:
    """Where the proxy listens."""
    return f"http://127.0.0.1:{server.server_address[1]}"
