"""Opening the WebSocket of a worker, and telling a refusal from a server that is away."""

from collections.abc import Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final, Protocol, cast

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from durable_workflow._meet import StreamEnded
from durable_workflow._wire import json_text

PATH: Final = "/api/worker/stream"
# The server, or a proxy before it, has no time or is being restarted: it may pass.
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_OPEN_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 1.0
_PING_SECONDS: Final = 10.0
_PONG_SECONDS: Final = 20.0


class Away(Exception):
    """There is no connection now; there may be one later.

    Attributes:
        answered: Whether something answered.
        refused: Whether it refused the upgrade, in a way that does not pass by itself.
    """

    def __init__(self, why: str, *, answered: bool = False, refused: bool = False) -> None:
        super().__init__(why)
        self.answered = answered or refused
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stream is, and as whom it is opened.

    Attributes:
        url: Origin of the server, `http` or `https`.
        headers: As every request of a worker has them.
        tls: The context of `https`; None for `http`.
    """

    url: str
    headers: Mapping[str, str]
    tls: SSLContext | None


class Connection(Protocol):
    """A WebSocket; once it has ended, calls raise the `ConnectionClosed` of `websockets`."""

    async def send(self, message: str, /) -> None:
        """Send a frame."""
        ...

    async def recv(self) -> str | bytes:
        """Wait for a frame."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


async def open_connection(address: Address) -> Connection:
    """Connect and upgrade.

    Raises:
        Away: No answer came, or a refusal.
    """
    try:
        return await connect(
            "ws" + address.url.removeprefix("http") + PATH,
            additional_headers=address.headers,
            ssl=address.tls,
            compression=None,
            user_agent_header=None,
            max_size=None,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PONG_SECONDS,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in _PASSING:
            raise Away(f"HTTP {status}", answered=True) from error
        why = f"the upgrade was answered with HTTP {status}"
        raise Away(why, refused=True) from error
    except (OSError, EOFError, ConnectionClosed) as error:
        # ConnectionClosed: it ended before the request was written, as it may on uvloop.
        raise Away(str(error) or type(error).__name__) from error
    except InvalidMessage as error:  # also a connection that ended within the handshake
        raise Away(str(error), answered=True) from error
    except InvalidHandshake as error:
        raise Away(f"the upgrade was refused: {error}", refused=True) from error


def messages_of(frame: str | bytes) -> list[dict[str, Any]]:
    """The messages of a frame, in order.

    Raises:
        StreamEnded: It is not an array of objects: this is no server of ours.
    """
    try:
        found: object = json_text.decode(frame)
    except ValueError as error:
        raise StreamEnded("a frame is not JSON") from error
    if not isinstance(found, list):
        raise StreamEnded("a frame is not a list of messages")
    messages = cast("list[object]", found)
    if not all(isinstance(each, dict) for each in messages):
        raise StreamEnded("a message is not an object")
    return cast("list[dict[str, Any]]", messages)
