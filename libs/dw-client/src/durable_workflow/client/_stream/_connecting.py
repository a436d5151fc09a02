"""Opening the WebSocket of a worker, and telling a refusal from a server that is away."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, cast

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from durable_workflow.client._stream._connection import (
    CLOSE_SECONDS,
    Connection,
    StreamConnection,
)

# What the library says of a connection: to debug it, that is the headers, with the token, and what
# is in the frames.
_log_of_the_wire: Final = logging.getLogger("durable_workflow.worker.wire")
_log_of_the_wire.setLevel(logging.INFO)

PATH: Final = "/api/worker/stream"
# The server, or a proxy before it, has no time or is being restarted: it may pass.
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_OPEN_SECONDS: Final = 10.0
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


async def open_connection(address: Address) -> Connection:
    """Connect and upgrade.

    Raises:
        Away: No answer came, or a refusal.
    """
    try:
        connected = await connect(
            "ws" + address.url.removeprefix("http") + PATH,
            additional_headers=address.headers,
            ssl=address.tls,
            compression=None,
            user_agent_header=None,
            max_size=None,
            open_timeout=_OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=_PING_SECONDS,
            ping_timeout=_PONG_SECONDS,
            create_connection=StreamConnection,
            logger=_log_of_the_wire,
        )
        return cast("StreamConnection", connected)
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
