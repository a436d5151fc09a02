"""How a worker speaks to its server: as the client registered it, or by the client's methods."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

from durable_workflow._meet import (
    ATTEMPT_FIELDS,
    TASK_ID_FIELDS,
    Lease,
    Method,
    Report,
    ServerUnreachable,
    SessionClient,
    Unencodable,
    WorkerClient,
    WorkerTransport,
    is_unanswered,
    takes_transport,
    worker_transport_for,
)
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.worker._payloads import encoding_error


def transport_of(client: WorkerClient) -> WorkerTransport:
    """What a worker speaks through when it is given `client`."""
    return worker_transport_for(client) or ClientMethods(client)


def requests_of(client: WorkerClient) -> Callable[[Report | None], WorkerTransport]:
    """What takes the requests of a worker that is given `client`, asked for each of them.

    Test suites replace methods of a client also after a worker was made with it. A report that is
    sent again goes the way that it was made for: on the other its result would not be found.
    """
    transport, methods = worker_transport_for(client), ClientMethods(client)
    if transport is None:
        return lambda _: methods

    def requests(report: Report | None) -> WorkerTransport:
        way = transport if takes_transport(client) else methods
        if report is None or way.encodes is bool(report.unencoded):
            return way
        if report.unencoded:
            return methods
        return transport if _is_encoded(report) else way

    return requests


def _is_encoded(report: Report) -> bool:
    """Whether a report has a payload, which the client's methods would encode once more."""
    is_result = report.lease.kind != "workflow" and "result" in report.body
    return is_result or "details" in report.body.get("failure", ())


class ClientMethods:
    """A transport over an object that has the public methods of the client, and perhaps no more.

    It encodes results itself, so that what it is given is what the activity or the query returned.
    """

    encodes = True

    def __init__(self, client: WorkerClient) -> None:
        self._client = client

    @property
    def names_session(self) -> bool:
        return isinstance(self._client, SessionClient)

    async def cluster_info(self) -> Any:
        with _translated():
            return await self._client.get_cluster_info()

    async def describe(self, workflow_id: str) -> Any:
        with _translated():
            return await self._client.describe_workflow(workflow_id)

    async def register(self, body: JsonObject) -> Any:
        with _translated():
            return await self._client.register_worker(**{"build_id": None, **body})

    async def alive(self, body: JsonObject) -> Any:
        with _translated():
            return await self._client.heartbeat_worker(**body)

    async def goodbye(self, body: JsonObject) -> Any:
        with _translated():
            return await cast("SessionClient", self._client).release_worker(**body)

    async def poll(self, kind: str, body: JsonObject, *, timeout: float) -> Any:
        with _translated():
            return await self._method("poll", kind)(**body, timeout=timeout)

    async def report(self, report: Report) -> Any:
        lease, body = report.lease, dict(report.body)
        failure: JsonObject | None = body.pop("failure", None)
        arguments = body if failure is None else _failure_arguments(lease.kind, failure)
        method = self._method(report.verb, lease.kind)
        with _translated(), _told_apart(report):
            return await method(**_named(lease), **arguments, **report.unencoded)

    async def heartbeat(self, lease: Lease, details: JsonObject | None) -> Any:
        with _translated():
            return await self._client.heartbeat_activity_task(
                task_id=lease.task_id,
                activity_attempt_id=str(lease.attempt),
                lease_owner=lease.owner,
                details=details,
            )

    async def history(self, lease: Lease, token: str) -> Any:
        with _translated():
            return await self._client.workflow_task_history(
                **_named(lease), next_history_page_token=token
            )

    def _method(self, verb: str, kind: str) -> Method:
        method: Method = getattr(self._client, f"{verb}_{kind}_task")
        return method


def _named(lease: Lease) -> JsonObject:
    """A lease as arguments of the client's methods."""
    return {
        TASK_ID_FIELDS[lease.kind]: lease.task_id,
        "lease_owner": lease.owner,
        ATTEMPT_FIELDS[lease.kind]: lease.attempt,
    }


def _failure_arguments(kind: str, failure: JsonObject) -> JsonObject:
    """A failure as arguments of the client's methods."""
    arguments = {
        "message": failure["message"],
        "failure_type": failure.get("type"),
        "stack_trace": failure.get("stack_trace"),
    }
    if kind == "activity":
        arguments["non_retryable"] = failure.get("non_retryable", False)
    if kind == "query":
        arguments["reason"] = failure["reason"]
    return arguments


@contextmanager
def _translated() -> Generator[None]:
    """Raise `ServerUnreachable` for what means that no answer came."""
    try:
        yield
    except Exception as error:
        if is_unanswered(error) and not isinstance(error, ConnectionError | TimeoutError):
            raise ServerUnreachable(str(error) or type(error).__name__) from error
        raise


@contextmanager
def _told_apart(report: Report) -> Generator[None]:
    """Raise `Unencodable` where a report failed because its result cannot be encoded."""
    try:
        yield
    except Exception as error:
        if "result" in report.unencoded:
            labels = {key: each for key, each in report.unencoded.items() if isinstance(each, str)}
            unencodable = encoding_error(
                report.unencoded["result"],
                report.unencoded["codec"],
                labels | {"kind": f"{report.lease.kind}_result"},
            )
            if unencodable is not None:
                raise Unencodable(unencodable) from error
        raise
