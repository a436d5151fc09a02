"""The base of all resource classes: it sends their calls, and is the only place that does I/O.

Headers, tokens, retries, metrics and errors are handled here, once for all methods.
"""

import time
from collections.abc import Awaitable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import httpx

import durable_workflow
from durable_workflow._wire import headers as wire
from durable_workflow._wire.identifiers import identifier
from durable_workflow._wire.json_faults import located
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.client._call import Call, Repeat, Response, document
from durable_workflow.client._closing import OpenCalls
from durable_workflow.client._fast_http import FastHttp, fast_http
from durable_workflow.client._payloads import Payloads
from durable_workflow.client._responses import (
    body_of,
    error_body,
    headers_of,
    is_final,
    is_of_gateway,
    knows_keys,
    name_the_url,
    refusal,
)
from durable_workflow.client._routes import Route, route_of
from durable_workflow.client._run_wait import Holds
from durable_workflow.client._settings import origin, require_header_value
from durable_workflow.client._transport import (
    MAX_CONNECTIONS,
    HttpClient,
    HttpResponse,
    Transport,
    TransportClient,
    connect,
    request_within,
)
from durable_workflow.metrics import (
    CLIENT_REQUEST_DURATION_SECONDS,
    CLIENT_REQUESTS,
    NOOP_METRICS,
    MetricsRecorder,
)
from durable_workflow.metrics._counting import count
from durable_workflow.retry_policy import TransportRetryPolicy
from durable_workflow.serializer import PayloadSizeWarningContext

T = TypeVar("T")

# Seconds that a held response may take to arrive once the server has sent it.
_GRACE_SECONDS = 5.0
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _NotRetried(Exception):
    """Carries a failure through the retry policy, which does not retry what it does not know."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(failure)
        self.failure = failure


class _Observation:
    """What metrics will record of one call."""

    __slots__ = ("outcome", "started", "status")

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.status = "none"
        # Recorded as it is where a BaseException ends the call, as the cancellation of a task does.
        self.outcome = "pending"


@dataclass(slots=True)
class _Asked:
    """A call on its way through a replaced `_request`, and the response if ours got it."""

    call: Call[Any]
    response: Response | None = None


_ASKED: ContextVar[_Asked | None] = ContextVar("_ASKED", default=None)


class Session:
    """The connection to one server as one caller, in one namespace.

    Attributes:
        base_url: Origin of the server, without `/api` and without a slash at the end.
        token: Token for both planes, where they have none of their own.
        control_token: Token for the control plane.
        worker_token: Token for the worker plane.
        namespace: Sent with every request.
        timeout: Seconds for a request that has no time-out of its own; None is no limit.
        retry_policy: Decides on further attempts at the HTTP level.
        metrics: Receives two observations for each call.
        transport: What requests go through in place of httpx; None is httpx.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None,
        control_token: str | None,
        worker_token: str | None,
        namespace: str,
        timeout: float | None,
        retry_policy: TransportRetryPolicy,
        metrics: MetricsRecorder,
        transport: Transport | None,
        payloads: Payloads,
    ) -> None:
        self.base_url = origin(base_url)
        self.token = token
        self.control_token = control_token
        self.worker_token = worker_token
        self.namespace = identifier("namespace", namespace)
        for setting in ("token", "control_token", "worker_token", "namespace"):
            require_header_value(setting, getattr(self, setting))
        self.timeout = timeout
        self.retry_policy = retry_policy
        self.metrics = metrics
        self.transport = transport
        self._http: HttpClient
        self._fast: FastHttp | None = None
        if transport is None:
            self._http = http = connect(self.base_url, timeout)
            self._fast = fast_http(http, self.base_url)
        else:
            self._http = TransportClient(transport, self.base_url)
        self._payloads = payloads
        # Half of the connections: the rest is for calls that do not wait.
        self._holds = Holds(MAX_CONNECTIONS // 2)
        self._open_calls = OpenCalls()
        self._plane_headers: dict[bool, tuple[tuple[str | None, ...], dict[str, str]]] = {}

    @property
    def _as_client(self) -> "durable_workflow.Client":
        """This object with its type: only `Client` inherits from the resource classes."""
        return cast("durable_workflow.Client", self)

    @property
    def _sender(self) -> HttpClient:
        """What sends the next request."""
        fast = self._fast
        return fast if fast is not None and fast.stands_in_for(self._http) else self._http

    def _payload_context(self, kind: str, **ids: str | None) -> PayloadSizeWarningContext:
        """What a warning about a large payload says.

        Args:
            kind: What the payload is.
            ids: What it belongs to.
        """
        return PayloadSizeWarningContext(kind=kind, namespace=self.namespace, **ids)

    async def _send(self, call: Call[T]) -> T:
        """Send a call, and read its response."""
        return call.read(await self._answer(call))

    def _answer(self, call: Call[Any]) -> Coroutine[Any, Any, Response]:
        """Send a call; awaited, its response."""
        return self._requested(call) if self._request_is_replaced else self._exchange(call)

    @property
    def _request_is_replaced(self) -> bool:
        """Whether a subclass or a test has put something in the place of `_request`."""
        return "_request" in vars(self) or type(self)._request is not Session._OWN_REQUEST

    async def _requested(self, call: Call[Any]) -> Response:
        """The response by the `_request` that a subclass or a test has put in place of ours."""
        if call.repeat is not Repeat.LONG_POLL:
            return await self._requested_once(call)
        try:
            return await self._requested_once(call)
        except httpx.TimeoutException:
            pass  # as in `_accepted`: the next one is under the same poll id
        try:
            return await self._requested_once(call)
        except httpx.TimeoutException:
            return Response(204, None)

    async def _requested_once(self, call: Call[Any]) -> Response:
        asked, sent = _Asked(call), call.document
        before = _ASKED.set(asked)
        try:
            body: Any = await self._request(
                call.method,
                call.url,
                worker=call.worker,
                json=None if sent is None else dict(sent),
                timeout=call.timeout,
                context=call.about,
            )
        finally:
            _ASKED.reset(before)
        if asked.response is not None:
            return replace(asked.response, body=body)
        return Response(204 if body is None else 200, body)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        worker: bool = False,
        json: JsonObject | None = None,
        timeout: float | None = None,
        context: str = "",
    ) -> Any:
        """Send a request for which there is no method. `path` is below `/api`, and encoded.

        Where it is replaced, the methods of the client go through what is there instead.
        """
        asked = _ASKED.get()
        if asked is not None and (asked.call.method, asked.call.url) == (method, path):
            call = asked.call  # by way of what stands in our place: its headers and repetitions
        else:
            asked, call = None, Call(method, route_of(path), document)
        response = await self._exchange(
            replace(call, raw_url=path, body=json, worker=worker, timeout=timeout, context=context)
        )
        if asked is not None:
            asked.response = response
        return response.body

    _OWN_REQUEST = _request

    def _headers(self, worker: bool = False) -> dict[str, str]:
        """Headers of every request of a plane, made again when a setting has changed."""
        if worker:
            version = wire.requested_protocol_version()
            token = self.worker_token or self.token or self.control_token
        else:
            version = wire.requested_control_plane_version()
            token = self.control_token or self.token or self.worker_token
        settings = (version, token, self.namespace)
        made_for, headers = self._plane_headers.get(worker, ((), {}))
        if made_for != settings:
            require_header_value("token", token)
            require_header_value("namespace", self.namespace)
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if token:
                headers[wire.AUTHORIZATION] = f"Bearer {token}"
            headers[wire.NAMESPACE] = self.namespace
            plane = wire.PROTOCOL_VERSION_HEADER if worker else wire.CONTROL_PLANE_VERSION_HEADER
            headers[plane] = version
            self._plane_headers[worker] = (settings, headers)
        return dict(headers)

    def _outlasting(self, seconds: float | None) -> float | None:
        """A time-out longer than the server holds a response; None is the client's own."""
        if seconds is None or self.timeout is None:
            return None
        return max(self.timeout, seconds + _GRACE_SECONDS)

    async def _exchange(self, call: Call[Any]) -> Response:
        """Send a call and count it.

        Raises:
            ClientClosed: The client is closed, or was while the call waited.
            Exception: The error that a refusal stands for, or that of the last attempt.
        """
        seen = _Observation()
        try:
            with self._open_calls.one():
                return await self._accepted(call, seen)
        except Exception as failure:
            if seen.outcome == "pending":
                seen.outcome = type(failure).__name__
            raise
        finally:
            if self.metrics is not NOOP_METRICS:
                self._observe(call, seen)

    async def _counted(self, call: Call[Any], answer: Awaitable[T]) -> T:
        """Await what comes over a stream, and count it as the request that it stands for."""
        seen = _Observation()
        try:
            result = await answer
        except Exception as failure:
            status: object = getattr(failure, "status", None)
            seen.status = str(status) if isinstance(status, int) else "none"
            seen.outcome = "http_error" if seen.status != "none" else type(failure).__name__
            raise
        else:
            seen.status, seen.outcome = "200", "ok"
            return result
        finally:
            if self.metrics is not NOOP_METRICS:
                self._observe(call, seen)

    def _observe(self, call: Call[Any], seen: _Observation) -> None:
        tags = {
            "method": call.method,
            "route": str(call.route),  # a plain string, whatever the recorder does with labels
            "plane": "worker" if call.worker else "control",
            "status_code": seen.status,
            "outcome": seen.outcome,
        }
        count(self.metrics, CLIENT_REQUESTS, CLIENT_REQUEST_DURATION_SECONDS, seen.started, tags)

    async def _accepted(self, call: Call[Any], seen: _Observation) -> Response:
        """The response, once it is known not to be a refusal."""
        try:
            response = await self._try(call)
        except httpx.TimeoutException:
            if call.repeat is not Repeat.LONG_POLL:
                raise
            try:
                # The poll may have leased a task. Under the same poll id the server returns that.
                response = await self._try(call)
            except httpx.TimeoutException as failure:
                # No response within the time of the poll is the same as one without a task.
                seen.outcome = type(failure).__name__
                return Response(204, None)
        status = response.status_code
        seen.status = str(status)
        if status >= 300 and status not in call.accepted_statuses:
            seen.outcome = "http_error"
            raise refusal(call, status, error_body(response))
        # A success must be JSON. For an accepted refusal that is up to the call's reader.
        body = body_of(response) if status < 300 else error_body(response)
        seen.outcome = "ok" if status < 300 else "bridge_rejected"
        return Response(status, body, headers_of(response))

    async def _try(self, call: Call[Any]) -> HttpResponse:
        """Send a call under the retry policy. A final refusal is returned, not raised."""
        url, body = "/api" + call.url, call.document
        headers = self._headers(worker=call.worker)
        if call.headers:
            headers.update(call.headers)
        timeout = self.timeout if call.timeout is None else call.timeout
        # The failure of an attempt that the server may have carried out.
        uncertain: Exception | None = None

        async def attempt() -> HttpResponse:
            nonlocal uncertain
            if uncertain is not None and not await self._knows_repetitions():
                raise _NotRetried(uncertain) from uncertain
            try:
                response = await request_within(
                    timeout, self._sender, call.method, url, headers=headers, json=body
                )
            except httpx.TransportError as failure:
                name_the_url(failure, call.method, self.base_url, url)
                if call.repeat is Repeat.IF_KEYED and not isinstance(failure, _BEFORE_SENDING):
                    uncertain = failure
                if _may_repeat(call, failure):
                    raise
                raise _NotRetried(failure) from failure
            except (TypeError, ValueError) as failure:  # of httpx, which does not say where
                raise located(failure, body) from None
            if response.status_code < 400 or is_final(call, response):
                return response
            # Retry policies, also those of applications, read the status from this error.
            refused = httpx.HTTPStatusError(
                f"server returned {response.status_code}",
                request=httpx.Request(call.method, self.base_url + url),
                response=cast("httpx.Response", response),
            )
            if call.repeat is Repeat.IF_KEYED and is_of_gateway(response):
                uncertain = refused
            raise refused

        try:
            return await self.retry_policy.execute(attempt)
        except httpx.HTTPStatusError as refused:
            return refused.response
        except _NotRetried as final:
            if isinstance(final.failure, httpx.HTTPStatusError):
                return final.failure.response
            raise final.failure from None

    async def _knows_repetitions(self) -> bool:
        """Whether the server says that it repeats its answer to an idempotency key."""
        response = await request_within(
            self.timeout,
            self._sender,
            "GET",
            f"/api{Route.CLUSTER_INFO}",
            headers=self._headers(),
            json=None,
        )
        return knows_keys(error_body(response))


def _may_repeat(call: Call[Any], failure: httpx.TransportError) -> bool:
    match call.repeat:
        case Repeat.ALWAYS | Repeat.IF_KEYED:
            return True
        case Repeat.IF_UNSENT:
            return isinstance(failure, _BEFORE_SENDING)
        case Repeat.LONG_POLL:
            return not isinstance(failure, httpx.TimeoutException)
