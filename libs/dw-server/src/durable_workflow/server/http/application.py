"""The ASGI application: a request in, its call to the operation's handler, the answer out."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow.server.api import Api, Call, Operation, explain
from durable_workflow.server.api.manifests import server_capabilities
from durable_workflow.server.http import checks, envelope, metrics_page, openapi, stream
from durable_workflow.server.http.incoming import Incoming
from durable_workflow.server.http.refusals import retry_after, status_of
from durable_workflow.server.http.request import Receive, Request, raw_path
from durable_workflow.server.http.responses import (
    Send,
    is_worth_compressing,
    respond,
    respond_in_parts,
)
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Found, Plane, Route, Routes
from durable_workflow.server.http.stream.outbox import Unread
from durable_workflow.server.http.stream.upgrade import Upgrade
from durable_workflow.server.logs import LoggedRequest, access_log, current_request
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Parts, Reply
from durable_workflow.server.settings import Settings

# The headers of most answers, up to the length of the body.
_USUAL_HEADS: Final[dict[Plane, bytes]] = {
    plane: b"content-type: application/json\r\n%b: %b\r\ncontent-length: " % header
    for plane, header in checks.VERSION_HEADERS.items()
}
# By which method of a route another one is answered.
_METHODS: Final = {"HEAD": "GET"}
# A larger answer is sent in parts, and not copied behind its head.
_WHOLE_BYTES: Final = 64 * 1024
STREAM: Final = "open_stream"
_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


class Application:
    """Serves every route over ASGI.

    No framework is used, because its router could do neither of two things: split paths before they
    are decoded, and give every refusal the form of its plane, also before a WebSocket is accepted.

    Args:
        api: What can be asked.
        settings: The largest body, whether to compress and to trust proxies, what is announced.
    """

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api = api
        api.description.make = functools.partial(openapi.document, ROUTES, api.operations, settings)
        self._largest_body = settings.wire.max_payload_bytes
        self._compression = settings.compression
        self._trusts_proxies = settings.trust_forwarded_attribution
        self._routes = Routes(ROUTES)
        self._incoming = Incoming(self._largest_body)
        self._limits = stream.Limits(
            self._largest_body, api.is_overloaded, Unread(), self._incoming
        )
        self._logs_access = settings.log.access
        self._envelope = envelope.WorkerEnvelope(server_capabilities(settings))

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request. Nothing is raised: every error is answered."""
        upgrade = Upgrade(scope, receive, send) if scope["type"] == "websocket" else None
        if upgrade is not None:
            scope, receive, send = await upgrade.as_request()
        elif scope["type"] != "http":
            raise ValueError(f"nothing here speaks {scope['type']}")
        method: str = scope["method"]
        found = self._routes.find(raw_path(scope))
        request = Request(
            scope,
            found.names if found else {},
            receive,
            incoming=self._incoming,
            trusts_proxies=self._trusts_proxies,
        )
        route = None if found is None else found.methods.get(_METHODS.get(method, method))
        where = _where(route)
        given = request.header(b"x-request-id") if b"x-request-id" in request.headers else ""
        logged = LoggedRequest(f"{method} {where}", request.names, given)
        began, token = time.perf_counter(), current_request.set(logged)
        try:
            status = await self._serve(found, route, request, receive, send, upgrade)
            seconds = time.perf_counter() - began
            # Callers may name any method: those that no route has are counted together.
            self._api.requests.note(method if route else "other", where, status, seconds)
            if self._logs_access:
                _log_access(logged, request, status, seconds)
        finally:
            current_request.reset(token)
            request.share.release()
            if request.is_watched:
                await request.watch_no_more()

    async def _serve(
        self,
        found: Found | None,
        route: Route | None,
        request: Request,
        receive: Receive,
        send: Send,
        upgrade: Upgrade | None,
    ) -> int | None:
        """Answer a request; the status, or None where the caller left or a stream was served."""
        plane: Plane = "control"
        if route.plane == "worker" if route else request.path.startswith("/api/worker/"):
            plane = "worker"
        try:
            if upgrade is not None and route is not None and route.operation == STREAM:
                reply = await self._stream(route, request, receive, upgrade)
            else:
                reply = await self._reply(found, route, request, receive)
        except checks.CallerLeft:
            return None
        if reply is None:
            return None
        if self._logs_access:
            _note_ids(reply)
        if reply.reason is not None:
            _log_refusal(reply.reason, request)
        if reply.parts is not None:
            status = status_of(reply, None)
            await self._send_parts(reply.parts, status, request, send)
            return status
        if reply.families is not None:
            status = status_of(reply, None)
            body = metrics_page.page(reply.families)
            await self._send_page(body, status, request, send)
            return status
        if request.is_abandoned:
            return None
        reply, body = self._encode(reply, route, plane, request)
        status = status_of(reply, route.operation if route else None)
        await self._send(status, body, plane, request, send, receive)
        return status

    async def _reply(
        self, found: Found | None, route: Route | None, request: Request, receive: Receive
    ) -> Reply:
        try:
            if found is None:
                raise _unknown(request)
            if route is None:
                raise _wrong_method(request, found)
            operation = self._api.operations[route.operation]
            call = await self._call(operation, route, request, receive)
            asking = self._api.ask(operation, call)
            reply = await (self._incoming.dense.charge(asking) if request.is_dense else asking)
        except checks.CallerLeft:
            raise
        except Exception as error:  # noqa: BLE001  explained, and nothing depends on its kind
            return explain(error, f"{request.method} {_where(route)}")
        applied = [] if reply.waited is None else [f"wait={reply.waited}"]
        if reply.minimal:
            applied.append("return=minimal")
        if applied:
            request.answer_headers.append((b"preference-applied", ", ".join(applied).encode()))
        return reply

    async def _stream(
        self, route: Route, request: Request, receive: Receive, upgrade: Upgrade
    ) -> Reply | None:
        """Serve a worker's stream; what is checked before it is refused as over HTTP."""
        try:
            call = await self._call(self._api.operations[STREAM], route, request, receive)
        except Exception as error:  # noqa: BLE001  explained, and nothing depends on its kind
            return explain(error, "opening a stream")
        await stream.serve(
            self._api.streams, call, upgrade.wire, upgrade.receive, upgrade.send, self._limits
        )
        return None

    async def _call(
        self, operation: Operation[Any], route: Route, request: Request, receive: Receive
    ) -> Call:
        """Make the call of a request, with checks in the order that callers can observe.

        Body, identity, permission, version, namespace (control-plane 1.5, worker-protocol 1.3). The
        first check that fails gives the answer.
        """
        await checks.read_body(request, receive, self._largest_body)
        principal = self._api.admit(operation, request.credentials())
        if route.versioned:
            checks.check_version(request, route)
        namespace = await self._api.find_namespace(operation, request.wanted_namespace())
        if operation.unread is None:
            checks.check_document(request)
        return Call(
            document=request.query if route.method == "GET" else request.document,
            names=request.names,
            principal=principal,
            namespace=namespace,
            peer=request,
            preferred_wait=request.preferred_wait(),
            prefers_minimal=request.prefers_minimal(),
            pace=request.pace(),
        )

    async def _send(
        self,
        status: int,
        body: bytes,
        plane: Plane,
        request: Request,
        send: Send,
        receive: Receive,
    ) -> None:
        names_request = status >= 400 or b"x-request-id" in request.headers
        # The common members of the plane do not count towards the size: they would make every
        # small answer a large one, and compressing costs more than sending a kilobyte.
        incompressible = self._envelope.size if plane == "worker" else 0
        is_large = is_worth_compressing(len(body) - incompressible)
        accept_encoding = self._accepted(request) if is_large else None
        if accept_encoding is None and not names_request and len(body) <= _WHOLE_BYTES:
            head = b"%b%d\r\n" % (_USUAL_HEADS[plane], len(body))
            for header in request.answer_headers:
                head += b"%b: %b\r\n" % header
            if request.answer(status, head, body):
                return
        headers = [checks.VERSION_HEADERS[plane], *request.answer_headers]
        logged = current_request.get()
        if logged is not None and names_request:
            headers.append((b"x-request-id", logged.request_id.encode()))
        wait = retry_after(status)
        if wait is not None:
            headers.append((b"retry-after", str(wait).encode()))
        before_end = None
        if status == 413 or (status in (408, 503) and request.has_unread):
            headers.append((b"connection", b"close"))
            if request.has_unread:
                before_end = functools.partial(checks.discard_body, receive)
        await respond(
            send,
            status,
            body,
            headers,
            accept_encoding=accept_encoding,
            incompressible=incompressible,
            head=request.method == "HEAD",
            before_end=before_end,
        )

    async def _send_page(self, body: bytes, status: int, request: Request, send: Send) -> None:
        await respond(
            send,
            status,
            body,
            request.answer_headers,
            accept_encoding=self._accepted(request),
            head=request.method == "HEAD",
            content_type=metrics_page.CONTENT_TYPE,
        )

    async def _send_parts(self, body: Parts, status: int, request: Request, send: Send) -> None:
        try:
            await respond_in_parts(
                send,
                status,
                iter(()) if request.method == "HEAD" else body.parts(),
                [checks.VERSION_HEADERS["control"], *request.answer_headers],
                accept_encoding=self._accepted(request),
                left=request.has_left,
            )
        finally:
            body.close()

    def _encode(
        self, reply: Reply, route: Route | None, plane: Plane, request: Request
    ) -> tuple[Reply, bytes]:
        try:
            return reply, self._dress(reply, route, plane, request)
        except Exception as error:  # noqa: BLE001  explained, and nothing depends on its kind
            failed = explain(error, f"encoding a reply of {_where(route)}")
            return failed, self._dress(failed, route, plane, request)

    def _dress(self, reply: Reply, route: Route | None, plane: Plane, request: Request) -> bytes:
        if plane == "worker":
            body = reply.body if reply.reason is None else envelope.with_prose(reply.body)
            return self._envelope.wrap(_encoder.encode(body))
        if route is not None and route.shown_operation is not None and not reply.minimal:
            return _encoder.encode(
                envelope.with_control_plane(reply.body, route.shown_operation, request.names)
            )
        return _encoder.encode(reply.body)

    def _accepted(self, request: Request) -> str | None:
        # A megabyte takes tens of milliseconds to compress and to unpack; a caller on this machine
        # gains nothing by it.
        if not self._compression or request.from_this_machine:
            return None
        return request.header(b"accept-encoding")


def _where(route: Route | None) -> str:
    # The template and not the path: ids of users do not belong in logs.
    return route.template if route is not None else "an unknown route"


def _log_refusal(reason: str, request: Request) -> None:
    if reason in ("unauthorized", "forbidden"):
        _log.warning("a login was refused (%s) to %s", reason, request.client_host)


def _note_ids(reply: Reply) -> None:
    logged = current_request.get()
    if logged is not None:
        logged.note_ids(reply.body)


def _log_access(
    logged: LoggedRequest, request: Request, status: int | None, seconds: float
) -> None:
    milliseconds = round(seconds * 1000, 1)
    shown = "left" if status is None else str(status)
    fields = {"status": status, "milliseconds": milliseconds, "client": request.client_host}
    access_log.info("%s %s %s ms", logged.route, shown, milliseconds, extra={"fields": fields})


def _unknown(request: Request) -> Refused:
    return Refused("not_found", f"The route {request.path.lstrip('/')[:255]} could not be found.")


def _wrong_method(request: Request, found: Found) -> Refused:
    supported = ", ".join(sorted({*found.methods, *(["HEAD"] if "GET" in found.methods else [])}))
    request.answer_headers.append((b"allow", supported.encode()))
    return Refused(
        "method_not_allowed",
        f"The {request.method} method is not supported here. Supported methods: {supported}.",
    )
