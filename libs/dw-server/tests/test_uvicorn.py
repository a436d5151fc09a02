"""What is used of uvicorn beside its public interface is there."""

from __future__ import annotations

import inspect
from importlib.metadata import requires, version

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from durable_workflow.server.connections import Connection
from durable_workflow.server.serving import HttpServer
from durable_workflow.server.stream_connections import StreamConnection

# Each class of ours, the one that it changes, the methods that it takes over, and what it uses.
CHANGED = [
    (
        HttpServer,
        uvicorn.Server,
        {"capture_signals", "main_loop", "startup"},
        {"serve", "shutdown"},
    ),
    (
        Connection,
        HttpToolsProtocol,
        {
            *("_start_asgi_task", "connection_lost", "connection_made", "data_received"),
            *("on_body", "on_header", "on_message_begin"),
            *("on_headers_complete", "on_message_complete", "on_response_complete", "shutdown"),
            "_unsupported_upgrade_warning",
        },
        {"_should_upgrade", "send_400_response"},
    ),
    (
        StreamConnection,
        WebSocketsSansIOProtocol,
        {
            *("connection_lost", "data_received", "handle_bytes", "handle_connect"),
            *("handle_cont", "handle_ping", "handle_text", "schedule_ping"),
            *("send", "send_keepalive_ping", "send_receive_event_to_app", "stop_keepalive"),
        },
        {"keepalive_timeout"},
    ),
]


def test_one_minor_version_is_allowed_and_it_is_the_one_that_is_tested() -> None:
    [line] = [line for line in requires("dw-server") or [] if line.startswith("uvicorn")]
    major, minor, *_ = version("uvicorn").split(".")

    assert set(line.removeprefix("uvicorn").split(",")) == {
        f">={major}.{minor}",
        f"<{major}.{int(minor) + 1}",
    }


@pytest.mark.parametrize(("ours", "theirs", "changed", "used"), CHANGED)
def test_the_methods_that_are_taken_over_are_there_and_are_called_alike(
    ours: type, theirs: type, changed: set[str], used: set[str]
) -> None:
    def signature(of: type, name: str) -> list[str]:
        return list(inspect.signature(getattr(of, name)).parameters)

    both = ours.__dict__.keys() & vars(theirs).keys()
    assert changed == {name for name in both if not name.startswith("__")}
    for name in changed | (both & {"__init__"}):
        assert signature(ours, name) == signature(theirs, name)
        assert inspect.iscoroutinefunction(getattr(ours, name)) == inspect.iscoroutinefunction(
            getattr(theirs, name)
        )
    assert all(hasattr(theirs, name) for name in used)


async def test_the_attributes_that_are_used_are_there() -> None:
    async def application(scope: object, receive: object, send: object) -> None: ...

    config = uvicorn.Config(application, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    connection = HttpToolsProtocol(config, server.server_state, {})

    assert server.should_exit is False
    assert len(connection.pipeline) == 0
    assert isinstance(connection.parser, httptools.HttpRequestParser)
    assert connection.logger.name == "uvicorn.error"
    assert {"pause_reading", "resume_reading"} <= vars(FlowControl).keys()


async def test_the_attributes_of_a_stream_are_there() -> None:
    async def application(scope: object, receive: object, send: object) -> None: ...

    config = uvicorn.Config(
        application, lifespan="off", log_config=None, ws_ping_interval=3, ws_ping_timeout=6
    )
    server = uvicorn.Server(config)
    config.load()
    stream = WebSocketsSansIOProtocol(config, server.server_state, {})

    assert (stream.ping_interval, stream.ping_timeout) == (3, 6)
    assert (stream.ping_timer, stream.pong_timer) == (None, None)
    assert not stream.close_sent
    assert not stream.handshake_initiated
    assert not stream.read_paused
    assert stream.frames == []
    assert (stream.initial_response, stream.handshake_complete) == (None, False)
    assert stream.logger.name == stream.conn.logger.name == "uvicorn.error"
    assert stream.conn.debug is False
