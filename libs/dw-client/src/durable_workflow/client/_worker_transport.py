"""How a worker speaks to a server through a `Client`: its bodies as they are, over HTTP."""

import ssl
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx

from durable_workflow._meet import (
    Lease,
    Opening,
    Report,
    ServerUnreachable,
    StreamListener,
    register_unanswered,
)
from durable_workflow._wire.json_values import JsonObject, present
from durable_workflow.client import _worker_calls as worker_calls
from durable_workflow.client._call import Call
from durable_workflow.client._stream._connecting import Address
from durable_workflow.client._stream._stream import HttpStream
from durable_workflow.errors import ServerError
from durable_workflow.metrics import NOOP_METRICS

if TYPE_CHECKING:
    from durable_workflow.client._client import Client

T = TypeVar("T")

# How a `Session` answers a poll that had no response in time.
_TIMED_OUT: Final = 204


class HttpWorkerTransport:
    """The worker plane of one client, one request for each call."""

    encodes = False
    names_session = True

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._tls: ssl.SSLContext | None = None
        # Ids of polls without an answer, by kind and worker; at most one for each poller.
        self._lost_polls: dict[tuple[str, str, str | None], list[str]] = {}

    async def cluster_info(self) -> Any:
        return await _translated(self._client.get_cluster_info())

    async def describe(self, workflow_id: str) -> Any:
        return await _translated(self._client.describe_workflow(workflow_id))

    async def register(self, body: JsonObject) -> Any:
        return await self._send(worker_calls.register(body))

    async def alive(self, body: JsonObject) -> Any:
        return await self._send(worker_calls.heartbeat(body))

    async def goodbye(self, body: JsonObject) -> Any:
        return await self._send(worker_calls.release(body))

    async def poll(self, kind: str, body: JsonObject, *, timeout: float) -> Any:
        """Wait for a task.

        An answer that is lost may have brought one, which is this worker's until its lease ends.
        Under the same id the next poll gets it.
        """
        lost = self._lost_polls.setdefault((kind, body["worker_id"], body.get("session")), [])
        poll_id = lost.pop() if lost else worker_calls.poll_id(kind)
        call = worker_calls.poll(kind, {**body, "poll_request_id": poll_id}, timeout=timeout)
        try:
            response = await self._client._answer(call)  # pyright: ignore[reportPrivateUsage]
        except Exception as error:
            if _may_be_carried_out(error):
                lost.append(poll_id)
            if isinstance(error, httpx.TransportError):
                raise _unreachable(error) from error
            raise
        if response.status == _TIMED_OUT:
            lost.append(poll_id)
        return call.read(response)

    async def report(self, report: Report) -> Any:
        return await self._send(worker_calls.about_task(report.lease, report.verb, report.body))

    async def heartbeat(self, lease: Lease, details: JsonObject | None) -> Any:
        return await self._send(
            worker_calls.about_task(lease, "heartbeat", present(details=details))
        )

    async def history(self, lease: Lease, token: str) -> Any:
        return await self._send(
            worker_calls.about_task(lease, "history", {"next_history_page_token": token})
        )

    @property
    def can_stream(self) -> bool:
        """Not over a transport of the application's own, nor over an httpx client that is replaced.

        What is put in their place sees every request.
        """
        if self._client._request_is_replaced:  # pyright: ignore[reportPrivateUsage]
            return False
        http: object = self._client._http  # pyright: ignore[reportPrivateUsage]
        return type(http) is httpx.AsyncClient and "request" not in vars(http)

    def stream(self, opening: Opening, listener: StreamListener) -> HttpStream:
        """A stream, not connected yet."""
        return HttpStream(self._address, opening, listener, counted=self._counted)

    def _address(self) -> Address:
        url = self._client.base_url
        if self._tls is None and url.startswith("https"):
            self._tls = httpx.create_ssl_context()
        headers = self._client._headers(worker=True)  # pyright: ignore[reportPrivateUsage]
        for name in ("Content-Type", "Accept"):
            headers.pop(name, None)
        return Address(url, headers, self._tls)

    async def _counted(self, lease: Lease, verb: str, answer: Awaitable[T]) -> T:
        if self._client.metrics is NOOP_METRICS:
            return await answer
        call = worker_calls.about_task(lease, verb, {})
        return await self._client._counted(call, answer)  # pyright: ignore[reportPrivateUsage]

    async def _send(self, call: Call[T]) -> T:
        try:
            return await self._client._send(call)  # pyright: ignore[reportPrivateUsage]
        except httpx.TransportError as error:
            raise _unreachable(error) from error


def _may_be_carried_out(error: Exception) -> bool:
    """Whether a request that failed may have reached the server, and its answer was lost."""
    if isinstance(error, ServerError):
        return error.status < 300 or error.status >= 500  # what a proxy says, perhaps
    return isinstance(error, httpx.TransportError | ServerUnreachable)


async def _translated(call: Awaitable[T]) -> T:
    """Raise an error of dw-core where no response came."""
    try:
        return await call
    except httpx.TransportError as error:
        raise _unreachable(error) from error


def _unreachable(error: httpx.TransportError) -> ServerUnreachable:
    return ServerUnreachable(str(error) or type(error).__name__)


register_unanswered(httpx.TransportError)
