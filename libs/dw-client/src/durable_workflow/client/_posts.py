"""POST requests on the connections of an aiohttp session, without the session.

A session prepares each request for redirects, cookies, credentials, traces and bodies of any kind,
and writes a body in a task of its own. That is half of the processor time of a request, and none
of it is of use to the requests of a worker: JSON by POST, always to one server. So these are
written here. All else stays aiohttp's: its connector opens the connections, counts and keeps them,
for the session too, and its protocol and parser read the responses.

The names that this needs are less public than `ClientSession`. Where one is missing or takes other
arguments, `can_post` says so, and the session sends everything.
"""

import asyncio
import re
from collections.abc import Mapping
from inspect import signature
from typing import Any, Final

from durable_workflow.client._transport import TransportResponse

# Bytes of a response that are kept before the server has to wait; the session's too.
READ_BUFFER: Final = 2**20

# What stands in a request line as it is: visible ASCII, no fragment.
_TARGET: Final = re.compile(r"/[!-\"$-~]*")
_ENDS_HEADER: Final = re.compile(r"[\r\n\0]")
_SWITCHING_PROTOCOLS: Final = 101
# The longest line and the longest header of a response: httpx takes a head of 100 KiB, and proxies
# send long ones. The session's too.
LONGEST: Final = {"max_line_size": 2**16, "max_field_size": 2**16}
# How a session reads responses.
_READING: Final = {"read_until_eof": True, "read_bufsize": READ_BUFFER, **LONGEST}


def can_post(aiohttp: Any) -> bool:
    """Whether this version of aiohttp has what `Posts` needs."""
    try:
        handler, connection = aiohttp.client_proto.ResponseHandler, aiohttp.connector.Connection
        signature(aiohttp.ClientRequest).bind("POST", None, headers={}, loop=None)
        signature(aiohttp.BaseConnector.connect).bind(None, None, [], None)
        signature(handler.set_response_params).bind(None, **_READING)
        signature(handler.read).bind(None)
        _ = connection.protocol, connection.release, connection.close
        _ = aiohttp.ClientRequest.connection_key, aiohttp.http.HttpProcessingError
    except (AttributeError, TypeError):
        return False
    return True


class Posts:
    """Sends the POST requests of one session to one server.

    Args:
        aiohttp: The module. `can_post` has to be true of it.
        url: yarl's URL class.
        connector: That of the session.
        base_url: The server, perhaps with the beginning of a path.
        headers: What each request carries, unless it has a header of that name itself.
    """

    def __init__(
        self, aiohttp: Any, url: Any, connector: Any, base_url: str, headers: Mapping[str, str]
    ) -> None:
        scheme, _, rest = base_url.partition("://")
        self._origin = f"{scheme}://{rest.partition('/')[0]}"
        self._aiohttp = aiohttp
        self._connector = connector
        # Names the server to the connector, and has the headers as a session would send them.
        self._model = aiohttp.ClientRequest(
            "POST", url(self._origin), headers=headers, loop=asyncio.get_running_loop()
        )
        # Lines of those headers, by the names of a request's own.
        self._lines: dict[tuple[str, ...], str] = {}

    def takes(self, method: str, url: str) -> bool:
        """Whether a request, if it has a body, is one of those that are sent here."""
        return (
            method == "POST"
            and url.startswith(self._origin)
            and _TARGET.fullmatch(url, len(self._origin)) is not None
        )

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, limits: Any
    ) -> TransportResponse:
        """Send a request and receive the whole response.

        Args:
            url: Absolute.
            headers: The request's own.
            body: Is sent as it is.
            limits: The `ClientTimeout` of the connection.

        Raises:
            aiohttp.ClientError: It failed, as with a session.
            ValueError: A header cannot be sent.
        """
        head = self._head(url[len(self._origin) :], headers, len(body))
        aiohttp = self._aiohttp
        try:
            connection = await self._connector.connect(self._model, [], limits)
        except TimeoutError as failure:
            raise aiohttp.ConnectionTimeoutError(f"no connection to {self._origin}") from failure
        try:
            protocol = connection.protocol
            protocol.set_response_params(**_READING)
            transport = protocol.transport
            transport.write(head + body)
            message, payload = await protocol.read()
            while message.code < 200 and message.code != _SWITCHING_PROTOCOLS:
                message, payload = await protocol.read()
            # Mostly it came in one piece, with its head.
            whole = payload.is_eof()
            content: bytes = payload.read_nowait() if whole else await payload.read()
        except aiohttp.http.HttpProcessingError as failure:
            connection.close()
            raise aiohttp.ClientError(failure.message) from failure
        except BaseException:
            connection.close()
            raise
        if transport.get_write_buffer_size():
            connection.close()  # the server did not wait for the whole body
        else:
            connection.release()
        return TransportResponse(message.code, message.headers, content)

    def _head(self, target: str, headers: Mapping[str, str], size: int) -> bytes:
        names = tuple(headers)
        lines = self._lines.get(names)
        if lines is None:
            lines = self._lines[names] = self._lines_beside(names)
        if _ENDS_HEADER.search("".join(headers.values())) is not None:
            raise ValueError("a header has a character that would end it")
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        return f"POST {target} HTTP/1.1\r\n{lines}{own}Content-Length: {size}\r\n\r\n".encode()

    def _lines_beside(self, names: tuple[str, ...]) -> str:
        left_out = {"content-length", *(name.lower() for name in names)}
        return "".join(
            f"{name}: {value}\r\n"
            for name, value in self._model.headers.items()
            if name.lower() not in left_out
        )
