"""aiohttp in place of httpx: a third of the processor time of a request, where it is installed.

httpx stays what applications and their tests see, as `client._http`. Whatever they put into it, or
into httpx itself, finds every request there: a `FastHttp` serves only while all of that is as it
was. Failures are raised as those of httpx.

Loading aiohttp takes as long as some 300 requests save. So it is loaded once a client has sent
many, in a thread, and httpx serves until then.
"""

import asyncio
import logging
import os
import weakref
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import repeat
from operator import is_
from typing import Any, Final

import httpcore
import httpx

from durable_workflow.client._connections import Connections
from durable_workflow.client._posts import LONGEST, READ_BUFFER, Posts, can_post
from durable_workflow.client._transport import MAX_CONNECTIONS, TransportClient, TransportResponse

_log = logging.getLogger("durable_workflow.client")

VARIABLE: Final = "DW_HTTP_CLIENT"
# Requests after which it is worth to load aiohttp.
MANY: Final = 100
_IDLE_SECONDS: Final = 1.0

# What applications and test suites replace, each with what stands there by itself.
_REPLACED: Final[tuple[tuple[Any, str], ...]] = (
    (httpx.AsyncClient, "request"),
    (httpx.AsyncClient, "send"),
    (httpx.AsyncClient, "build_request"),
    (httpx.AsyncClient, "_transport_for_url"),
    (httpx.AsyncClient, "_send_single_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpcore.AsyncConnectionPool, "handle_async_request"),
    (httpcore.AsyncHTTPConnection, "handle_async_request"),
    (httpx, "AsyncHTTPTransport"),
    (httpx, "AsyncClient"),
    (Connections, "handle_async_request"),
)
_OWNED_BY: Final = tuple(owner for owner, _ in _REPLACED)
_NAMES: Final = tuple(name for _, name in _REPLACED)
_ORIGINALS: Final = tuple(getattr(owner, name, None) for owner, name in _REPLACED)
_OWNERS: Final = ("httpx", "httpcore", "durable_workflow")


def fast_http(http: httpx.AsyncClient, base_url: str) -> "FastHttp | None":
    """What may send in place of `http`, or None where that has to serve.

    Args:
        http: As `connect` made it.
        base_url: The origin of the server.
    """
    transport = vars(http).get("_transport")
    if (
        # The proxies that the environment names are httpx's own matter.
        not isinstance(transport, Connections)
        or os.environ.get(VARIABLE, "").strip().lower() == "httpx"
        or "@" in base_url
        or find_spec("aiohttp") is None
        or not all(str(each.__module__).startswith(_OWNERS) for each in _ORIGINALS if each)
    ):
        return None
    return FastHttp(http, transport, base_url)


class FastHttp(TransportClient):
    """Sends for an httpx client while nothing has been put into that.

    Args:
        http: The client.
        transport: Its transport.
        base_url: The origin of the server.
    """

    def __init__(self, http: httpx.AsyncClient, transport: Connections, base_url: str) -> None:
        self._transport = AiohttpTransport(http, transport, base_url)
        super().__init__(self._transport, base_url)
        self._http = http
        self._httpx_transport = transport
        self._settings = dict(vars(http))
        # These can be changed in place, so `_settings` does not show it.
        self._mutable = http.headers, http.event_hooks, http.cookies
        self._headers = http.headers.raw
        self._requests = 0
        self._loading: asyncio.Future[Any] | None = None

    def stands_in_for(self, http: object) -> bool:
        """Whether it may send what `http` is to send now."""
        if http is not self._http:
            return False
        if self._transport.is_loaded:
            return self._is_untouched()
        self._count()
        return False

    def _count(self) -> None:
        """Count a request that httpx sends, and load aiohttp after many."""
        self._requests += 1
        if self._requests >= MANY and self._loading is None:
            load = self._transport.load
            self._loading = asyncio.get_running_loop().run_in_executor(None, load)

    def _is_untouched(self) -> bool:
        http = self._http
        # In one expression, which runs in C: each request asks this.
        if not all(map(is_, map(getattr, _OWNED_BY, _NAMES, repeat(None)), _ORIGINALS)):
            return False
        # What httpx notes there itself: whether it was used.
        self._settings["_state"] = vars(http)["_state"]
        headers, hooks, cookies = self._mutable
        return (
            not http.is_closed
            and vars(http) == self._settings
            and headers.raw == self._headers
            and not any(hooks.values())
            and not cookies
            and "handle_async_request" not in vars(self._httpx_transport)
        )


class AiohttpTransport:
    """A `Transport` over aiohttp, for one event loop at a time, like `Connections`.

    Args:
        http: Whose headers it sends.
        connections: Whose TLS context it uses.
        base_url: The server, perhaps with the beginning of a path.

    Attributes:
        is_loaded: Whether aiohttp has been loaded.
    """

    def __init__(self, http: httpx.AsyncClient, connections: Connections, base_url: str) -> None:
        self._http = http
        self._connections = connections
        self._base_url = base_url
        self._headers = {**http.headers, "accept-encoding": "gzip, deflate"}
        self.is_loaded = False
        self._aiohttp: Any = None
        self._url: Any = None
        self._session: Any = None
        self._can_post = False
        self._posts: Posts | None = None  # over the session
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timeouts: dict[float | None, Any] = {}
        self._used_at = 0.0
        self._forget: weakref.finalize[..., Any] | None = None

    def load(self) -> None:
        """Load aiohttp. Where it cannot be loaded, httpx goes on serving."""
        try:
            aiohttp = import_module("aiohttp")
            self._url = import_module("yarl").URL
        except ImportError:
            _log.warning("aiohttp is installed and cannot be loaded: httpx serves", exc_info=True)
        else:
            self._can_post = can_post(aiohttp)
            self._aiohttp = aiohttp
            self.is_loaded = True

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
        session = await self._ready_session()
        limits, posts = self._timeout(timeout), self._posts
        try:
            if posts is not None and body is not None and posts.takes(method, url):
                return await posts.send(url, headers, body, limits)
            # No block: where the whole was read the connection is free, and else it is closed.
            response = await session.request(
                method,
                self._url(url, encoded=True),
                headers=headers,
                data=body,
                timeout=limits,
                allow_redirects=False,
            )
            content: bytes = await response.read()
        except self._aiohttp.ClientError as failure:
            raise self._of_httpx(failure, httpx.Request(method, url)) from failure
        return TransportResponse(response.status, response.headers, content)

    def clone(self) -> "AiohttpTransport":
        """A transport with connections of its own."""
        return AiohttpTransport(self._http, self._connections, self._base_url)

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is None or self._loop is not asyncio.get_running_loop():
            self._drop()
        else:
            await session.close()

    async def _ready_session(self) -> Any:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and not self._loop.is_closed():
                raise RuntimeError(
                    "this client is in use on another event loop: make a client for each loop"
                )
            self._drop()
            self._loop = loop
        now = loop.time()
        if self._session is None:
            self._open()
        elif now - self._used_at > _IDLE_SECONDS:
            # A loop that stood still has not seen yet that the server closed idle connections.
            # In one turn it does, and in the next the connections are marked.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self._used_at = now
        return self._session

    def _open(self) -> None:
        aiohttp = self._aiohttp
        connector = aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS, ssl=self._connections.verify, keepalive_timeout=60
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BUFFER,
            **LONGEST,
        )
        if self._can_post:
            self._posts = Posts(aiohttp, self._url, connector, self._base_url, self._headers)
        # Without this a client that nobody closes would be complained of in the log.
        self._forget = weakref.finalize(self, _drop, self._session, connector)

    def _drop(self) -> None:
        """Drop connections that cannot be closed, because their loop is."""
        self._session = None
        if self._forget is not None:
            self._forget()

    def _timeout(self, seconds: float | None) -> Any:
        """The limit for a connection: `request_within` bounds how long the whole may take."""
        found = self._timeouts.get(seconds)
        if found is None:
            if len(self._timeouts) >= MANY:
                self._timeouts.clear()
            found = self._timeouts[seconds] = self._aiohttp.ClientTimeout(
                total=None, connect=seconds, sock_connect=seconds
            )
        return found

    def _of_httpx(self, failure: Exception, request: httpx.Request) -> httpx.TransportError:
        """The failure of httpx that says the same as one of aiohttp."""
        aiohttp = self._aiohttp
        if isinstance(failure, aiohttp.ConnectionTimeoutError):
            kind: type[httpx.TransportError] = httpx.ConnectTimeout
        elif isinstance(failure, TimeoutError):
            kind = httpx.ReadTimeout
        elif isinstance(failure, aiohttp.ClientConnectorError):
            kind = httpx.ConnectError
        elif isinstance(failure, aiohttp.ClientOSError):
            kind = httpx.ReadError
        else:
            kind = httpx.RemoteProtocolError
        return kind(str(failure) or type(failure).__name__, request=request)


def _drop(session: Any, connector: Any) -> None:
    session.detach()
    connector._conns.clear()
