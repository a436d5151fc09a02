"""Sending one call: headers, tokens, retries, metrics, and the error that an answer stands for.

`Session` is what every resource class stands on. It knows no resource; it is the only place that
touches the network.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import httpx

import durable_workflow
from durable_workflow._wire import headers as wire
from durable_workflow.client._call import Answer, Call, Repeat, document
from durable_workflow.client._json import JsonObject
from durable_workflow.client._routes import route_of
from durable_workflow.client._run_wait import Holds
from durable_workflow.client._transport import HttpClient, HttpResponse
from durable_workflow.errors import ServerError, error_for
from durable_workflow.metrics import (
    CLIENT_REQUEST_DURATION_SECONDS,
    CLIENT_REQUESTS,
    NOOP_METRICS,
    MetricsRecorder,
)
from durable_workflow.retry_policy import TransportRetryPolicy

T = TypeVar("T")

# The query ran, or was not claimed in time: to ask again would run it, and wait, once more.
_UNANSWERED_QUERY = frozenset(
    {"query_worker_timeout", "query_worker_execution_timeout", "query_task_not_claimed"}
)
# A gateway that gave up does not know whether the server behind it went on.
_GATEWAY_FAILURES = frozenset({502, 504})
# Seconds that an answer may be under way once the server stopped holding it.
_GRACE_SECONDS = 5.0
# Visible ASCII, and spaces between: what every server and proxy hands on unchanged.
_HEADER_VALUE = re.compile(r"([!-~]([ -~]*[!-~])?)?")
_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _NotAgain(Exception):
    """Carries a failure past the retry policy, which retries only what it knows."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(failure)
        self.failure = failure


class _Observation:
    """What the metrics of one call will say; refined while the call goes on."""

    __slots__ = ("outcome", "started", "status")

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.status = "none"
        # Stands if a BaseException, as the cancellation of the task, passes through.
        self.outcome = "pending"


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
    """

    base_url: str
    token: str | None
    control_token: str | None
    worker_token: str | None
    namespace: str
    timeout: float | None
    retry_policy: TransportRetryPolicy
    metrics: MetricsRecorder
    _http: HttpClient
    _holds: Holds
    _plane_headers: dict[bool, tuple[tuple[str | None, ...], dict[str, str]]]

    @property
    def _as_client(self) -> "durable_workflow.Client":
        """This object as what it is: the resource classes are only ever used as their sum."""
        return cast("durable_workflow.Client", self)

    async def _send(self, call: Call[T]) -> T:
        """Send a call, and read its answer."""
        return call.read(await self._exchange(call))

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
        """Send a request that no method is about: `path` is below `/api` and already encoded."""
        return await self._send(
            Call(
                method,
                route_of(path),
                document,
                raw_url=path,
                body=json,
                worker=worker,
                timeout=timeout,
                context=context,
            )
        )

    def _headers(self, worker: bool = False) -> dict[str, str]:
        """Headers of every request of a plane."""
        if worker:
            version = wire.requested_protocol_version()
            token = self.worker_token or self.token or self.control_token
        else:
            version = wire.requested_control_plane_version()
            token = self.control_token or self.token or self.worker_token
        facts = (version, token, self.namespace)
        made_for, headers = self._plane_headers.get(worker, ((), {}))
        if made_for != facts:
            require_header_value("token", token)
            require_header_value("namespace", self.namespace)
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if token:
                headers[wire.AUTHORIZATION] = f"Bearer {token}"
            headers[wire.NAMESPACE] = self.namespace
            plane = wire.PROTOCOL_VERSION_HEADER if worker else wire.CONTROL_PLANE_VERSION_HEADER
            headers[plane] = version
            self._plane_headers[worker] = (facts, headers)
        return dict(headers)

    def _outlasting(self, seconds: float | None) -> float | None:
        """A time-out longer than the server may hold an answer, or None for the client's own."""
        if seconds is None or self.timeout is None:
            return None
        return max(self.timeout, seconds + _GRACE_SECONDS)

    async def _exchange(self, call: Call[Any]) -> Answer:
        """Send a call, and return its answer or raise the error that it stands for."""
        seen = _Observation()
        try:
            return await self._answer(call, seen)
        except Exception as failure:
            if seen.outcome == "pending":
                seen.outcome = type(failure).__name__
            raise
        finally:
            if self.metrics is not NOOP_METRICS:
                self._observe(call, seen)

    def _observe(self, call: Call[Any], seen: _Observation) -> None:
        tags = {
            "method": call.method,
            "route": str(call.route),  # a plain string, whoever takes the label
            "plane": "worker" if call.worker else "control",
            "status_code": seen.status,
            "outcome": seen.outcome,
        }
        self.metrics.increment(CLIENT_REQUESTS, tags=tags)
        elapsed = time.perf_counter() - seen.started
        self.metrics.record(CLIENT_REQUEST_DURATION_SECONDS, elapsed, tags=tags)

    async def _answer(self, call: Call[Any], seen: _Observation) -> Answer:
        try:
            response = await self._attempts(call)
        except httpx.TimeoutException as failure:
            if call.repeat is not Repeat.LONG_POLL:
                raise
            # Nobody answered within the poll: for the caller that is a poll without a task.
            seen.outcome = type(failure).__name__
            return Answer(204, None)
        status = response.status_code
        seen.status = str(status)
        if status >= 300 and status not in call.outcomes:
            seen.outcome = "http_error"
            raise _refusal(call, status, _error_body(response))
        # Only a 2xx has to be JSON: an outcome that is none is the reader's to refuse.
        body = _body(response) if status < 300 else _error_body(response)
        seen.outcome = "ok" if status < 300 else "bridge_rejected"
        return Answer(status, body, _headers_of(response))

    async def _attempts(self, call: Call[Any]) -> HttpResponse:
        """Send a call as often as the retry policy and the call itself allow."""
        if call.repeat is not Repeat.LONG_POLL:
            return await self._try(call)
        try:
            return await self._try(call)
        except httpx.TimeoutException:
            # The same poll id: the server gives the task that it may have leased meanwhile.
            return await self._try(call)

    async def _try(self, call: Call[Any]) -> HttpResponse:
        """Send a call under the retry policy. A refusal that is final is returned, not raised."""
        url, body = "/api" + call.url, call.document
        headers = self._headers(worker=call.worker)
        if call.headers:
            headers.update(call.headers)
        timeout = self.timeout if call.timeout is None else call.timeout

        async def attempt() -> HttpResponse:
            try:
                response = await self._http.request(
                    call.method, url, headers=headers, json=body, timeout=timeout
                )
            except httpx.TransportError as failure:
                if _may_repeat(call, failure):
                    raise
                raise _NotAgain(failure) from failure
            if response.status_code < 400 or _is_final(call, response):
                return response
            # The shape by which the policy, or an application's own one, knows a status.
            raise httpx.HTTPStatusError(
                f"server returned {response.status_code}",
                request=httpx.Request(call.method, self.base_url + url),
                response=cast("httpx.Response", response),
            )

        try:
            return await self.retry_policy.execute(attempt)
        except httpx.HTTPStatusError as refused:
            return refused.response
        except _NotAgain as final:
            raise final.failure from None


def require_header_value(setting: str, value: str | None) -> None:
    """Refuse what no header can carry, before it is sent.

    httpx would, too, with the whole value in its message, and a token must not get into a log.

    Raises:
        ValueError: The text names the setting, and not the value.
    """
    if value is not None and _HEADER_VALUE.fullmatch(value) is None:
        raise ValueError(
            f"{setting} has a character that an HTTP header cannot carry, as a line break or a "
            "space at its end, or a letter beyond ASCII"
        )


def _may_repeat(call: Call[Any], failure: httpx.TransportError) -> bool:
    match call.repeat:
        case Repeat.ALWAYS:
            return True
        case Repeat.IF_UNSENT:
            return isinstance(failure, _BEFORE_SENDING)
        case Repeat.LONG_POLL:
            return not isinstance(failure, httpx.TimeoutException)


def _is_final(call: Call[Any], response: HttpResponse) -> bool:
    """Whether a refusal must not be tried again whatever the policy thinks of its status."""
    status = response.status_code
    if status in call.outcomes or (call.repeat is Repeat.IF_UNSENT and status in _GATEWAY_FAILURES):
        return True
    return status == 504 and _reason(_error_body(response)) in _UNANSWERED_QUERY


def _refusal(call: Call[Any], status: int, body: object) -> Exception:
    if status < 400:
        # A redirect has no row in the table of errors, and to follow it could repeat a command.
        return ServerError(status, body)
    # A 404 without a reason is taken for a missing workflow if the context reads like one. Only
    # on the routes of workflows: a namespace may be called my-workflows.
    telling = call.route.startswith("/workflows") or _reason(body) is not None
    return error_for(status, body, context=call.about if telling else "")


def _reason(body: object) -> object:
    return cast("JsonObject", body).get("reason") if isinstance(body, dict) else None


def _body(response: HttpResponse) -> Any:
    if response.status_code == 204 or not response.content:
        return None
    return response.json()


def _error_body(response: HttpResponse) -> object:
    try:
        return response.json()
    except ValueError:
        return response.text


def _headers_of(response: HttpResponse) -> Mapping[str, str]:
    # Stand-ins in existing test suites have a status and a body, and not always headers.
    headers: object = getattr(response, "headers", None)
    return cast("Mapping[str, str]", headers) if isinstance(headers, Mapping) else {}
