"""Transports: they send a method, URL, headers and bytes, and return status, headers and bytes.

`Session` sends through an object with httpx's `request` method. By default that is an
`httpx.AsyncClient` itself, whose `request` existing test suites replace; over a `Transport` of
the application's own it is a `TransportClient`, which has the same method and knows no httpx.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from urllib.request import getproxies

import httpx

from durable_workflow._wire import json_text
from durable_workflow.client._connections import Connections

# Waits for results and polls hold a connection each. With this many in flight, a request waits for
# one of them to end.
MAX_CONNECTIONS = 400
_KEPT_ALIVE = 100
# Seconds beyond a time-out in which the transport's own error may come, which says more.
_OVERTIME = 0.1


@dataclass(frozen=True, slots=True)
class TransportResponse:
    """What a transport received.

    Attributes:
        status_code: HTTP status.
        headers: Response headers, by lower-case name.
        content: The body, decompressed.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8 text; what is not UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return json_text.decode(self.content)


@runtime_checkable
class Transport(Protocol):
    """Sends HTTP requests for a client.

    Failures of the network are raised as the `httpx.TransportError` that fits best, such as
    `httpx.ConnectError` or `httpx.ReadTimeout`: the client decides by it whether to retry.
    """

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        timeout: float | None,
    ) -> TransportResponse:
        """Send one request and receive the whole response.

        Args:
            method: HTTP method.
            url: Absolute URL, encoded.
            headers: Request headers, among them a content type.
            body: The body, or None for none.
            timeout: Seconds to wait for a connection, or for the next bytes of the response; None
                waits without limit.
        """
        ...

    def clone(self) -> "Transport":
        """A transport with the same settings for another event loop; this one, if that is safe."""
        ...

    async def aclose(self) -> None:
        """Close its connections. May be called again."""
        ...


class HttpResponse(Protocol):
    """The part of `httpx.Response` that this client reads."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...


class HttpClient(Protocol):
    """The part of `httpx.AsyncClient` that this client uses."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any | None,
        timeout: float | None,
    ) -> Awaitable[HttpResponse]:
        """Send one request; `url` is relative to the base URL."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class TransportClient:
    """An `HttpClient` over a `Transport`: makes URLs absolute and bodies bytes."""

    def __init__(self, transport: Transport, base_url: str) -> None:
        self.transport = transport
        self._base_url = base_url

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any | None,
        timeout: float | None,
    ) -> Awaitable[TransportResponse]:
        """Send one request; `url` is relative to the base URL."""
        body = None if json is None else _encode(json)
        return self.transport.send(method, self._base_url + url, headers, body, timeout=timeout)

    async def aclose(self) -> None:
        """Close the transport."""
        await self.transport.aclose()


class HttpxTransport:
    """A `Transport` over an httpx client that the application configures.

    Args:
        connect: Makes the httpx client; called again for each clone.
    """

    def __init__(self, connect: Callable[[], httpx.AsyncClient] = httpx.AsyncClient) -> None:
        self._connect = connect
        self._http = connect()

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        timeout: float | None,
    ) -> TransportResponse:
        """Send one request and receive the whole response."""
        response = await self._http.request(
            method, url, headers=headers, content=body, timeout=timeout
        )
        return TransportResponse(response.status_code, response.headers, response.content)

    def clone(self) -> "HttpxTransport":
        """A transport with connections of its own, made in the same way."""
        return HttpxTransport(self._connect)

    async def aclose(self) -> None:
        """Close the httpx client."""
        await self._http.aclose()


async def request_within(
    seconds: float | None,
    sender: HttpClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Any | None,
) -> HttpResponse:
    """Send one request, and receive the whole of the response in time.

    The time-out of a transport is over when no byte has come for so long. A peer that sends one
    now and then would hold a caller for ever.

    Args:
        seconds: From connecting to the last byte; None is no limit.

    Raises:
        httpx.TransportError: It failed. `httpx.ReadTimeout` where only the whole took too long.
    """
    if seconds is None:
        return await sender.request(method, url, headers=headers, json=json, timeout=None)
    limit = asyncio.timeout(seconds + _OVERTIME)
    try:
        async with limit:
            return await sender.request(method, url, headers=headers, json=json, timeout=seconds)
    except TimeoutError as failure:
        if not limit.expired():
            raise
        raise httpx.ReadTimeout(f"the response was not complete within {seconds:g} s") from failure


def connect(base_url: str, timeout: float | None) -> httpx.AsyncClient:
    """The httpx client of a `Client` that has no other transport."""
    context = _plain_context() if base_url.startswith("http://") else httpx.create_ssl_context()
    if getproxies():
        # Only httpx's own transport uses the proxies that the environment names.
        limits = httpx.Limits(
            max_connections=MAX_CONNECTIONS, max_keepalive_connections=_KEPT_ALIVE
        )
        return httpx.AsyncClient(base_url=base_url, timeout=timeout, limits=limits, verify=context)
    connections = Connections(verify=context, most=MAX_CONNECTIONS, kept=_KEPT_ALIVE)
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, transport=connections)


def _plain_context() -> ssl.SSLContext:
    """A context without certificate authorities, for servers that are reached without TLS.

    Reading the authorities takes some 30 ms, and such a client never uses them.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _encode(body: Any) -> bytes:
    # NaN and infinities are not JSON. httpx refuses them too.
    return json_text.encode_bytes(body)
