"""The ASGI application: a request in, through the checks, to its route, and the answer out."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from durable_workflow._protocol import CONTROL_PLANE_VERSION, PROTOCOL_VERSION
from durable_workflow._wire.headers import CONTROL_PLANE_VERSION_HEADER, PROTOCOL_VERSION_HEADER
from durable_workflow.server.dispatch import TooManyWaiting
from durable_workflow.server.http import checks, envelope
from durable_workflow.server.http.auth import NotConfigured
from durable_workflow.server.http.manifests import server_capabilities
from durable_workflow.server.http.refusals import body_of, refusal_of, retry_after, status_of
from durable_workflow.server.http.request import Receive, Request, raw_path
from durable_workflow.server.http.responses import Send, respond
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Found, Plane, Route, Routes
from durable_workflow.server.services.refusals import Refused
from durable_workflow.server.services.requests import Answer
from durable_workflow.server.store import StoreUnavailable

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

_log = logging.getLogger(__name__)

_VERSION_HEADERS: dict[Plane, tuple[bytes, bytes]] = {
    "control": (CONTROL_PLANE_VERSION_HEADER.lower().encode(), CONTROL_PLANE_VERSION.encode()),
    "worker": (PROTOCOL_VERSION_HEADER.lower().encode(), PROTOCOL_VERSION.encode()),
}
_encoder = msgspec.json.Encoder()


class Api:
    """Serves every route for one `Server`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._routes = Routes(ROUTES)
        self._envelope = envelope.WorkerEnvelope(server_capabilities(server.settings))

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request. Nothing is raised: whatever happens is answered."""
        path = raw_path(scope)
        found = self._routes.find(path)
        request = Request(scope, found.names if found else {}, receive)
        route = _route(found, request.method)
        plane: Plane = "control"
        if route.plane == "worker" if route else path.startswith(b"/api/worker/"):
            plane = "worker"
        try:
            try:
                answer = await self._answer(found, route, request, receive)
            except checks.CallerLeft:
                return
            answer, body = self._encode(answer, route, plane, request)
            await self._send(answer.status, body, plane, request, send, receive)
        finally:
            await request.finish()

    async def _answer(
        self, found: Found | None, route: Route | None, request: Request, receive: Receive
    ) -> Answer:
        try:
            if found is None:
                raise _unknown(request)
            if route is None:
                raise _wrong_method(request, found)
            await self._check(route, request, receive)
            return await route.handler(self._server, request)
        except Refused as refused:
            return Answer(status_of(refused), body_of(refused))
        except (TooManyWaiting, StoreUnavailable) as error:
            _log.warning("%s %s: %s", request.method, _where(route), error)
            unable = refusal_of(error)
            return Answer(status_of(unable), body_of(unable))
        except NotConfigured:
            message = "No login is possible: set DW_AUTH_TOKEN, or a token per role."
            return Answer(500, {"message": message, "reason": "server_error"})
        except checks.CallerLeft:
            raise
        except Exception:  # noqa: BLE001  reported, and nothing depends on its kind
            _log.exception("%s %s failed", request.method, _where(route))
            return _failed()

    async def _check(self, route: Route, request: Request, receive: Receive) -> None:
        await checks.read_body(request, receive, self._server.settings.wire.max_payload_bytes)
        if route.roles:
            checks.authorise(request, route, self._server)
        if route.versioned:
            checks.check_version(request, route)
        if route.namespaced:
            await checks.resolve_namespace(request, self._server)
        checks.check_document(request)

    async def _send(
        self,
        status: int,
        body: bytes,
        plane: Plane,
        request: Request,
        send: Send,
        receive: Receive,
    ) -> None:
        headers = [_VERSION_HEADERS[plane], *request.answer_headers]
        wait = retry_after(status)
        if wait is not None:
            headers.append((b"retry-after", str(wait).encode()))
        before_end = None
        if status == 413:
            headers.append((b"connection", b"close"))
            if request.has_unread:
                before_end = functools.partial(checks.discard_body, receive)
        await respond(
            send,
            status,
            body,
            headers,
            accept_encoding=self._accepted(plane, request),
            # What all answers of the plane have in common is not worth it: it would make every
            # small answer a large one, and compressing costs more than sending a kilobyte.
            incompressible=self._envelope.size if plane == "worker" else 0,
            head=request.method == "HEAD",
            before_end=before_end,
        )

    def _encode(
        self, answer: Answer, route: Route | None, plane: Plane, request: Request
    ) -> tuple[Answer, bytes]:
        try:
            return answer, self._dress(answer, route, plane, request)
        except Exception:  # noqa: BLE001  reported, and nothing depends on its kind
            _log.exception("an answer of %s could not be encoded", _where(route))
            failed = _failed()
            return failed, self._dress(failed, route, plane, request)

    def _dress(self, answer: Answer, route: Route | None, plane: Plane, request: Request) -> bytes:
        if plane == "worker":
            body = answer.body if answer.status < 400 else envelope.with_prose(answer.body)
            return self._envelope.wrap(_encoder.encode(body))
        if route is not None and route.operation is not None:
            return _encoder.encode(
                envelope.with_control_plane(answer.body, route.operation, request.names)
            )
        return _encoder.encode(answer.body)

    def _accepted(self, plane: Plane, request: Request) -> str | None:
        if not self._server.settings.compression:
            return None
        # A page of history takes milliseconds to compress and to unpack, in every poll; a worker on
        # this machine gains nothing by it.
        if plane == "worker" and request.from_this_machine:
            return None
        return request.header(b"accept-encoding")


def _route(found: Found | None, method: str) -> Route | None:
    if found is None:
        return None
    return found.methods.get("GET" if method == "HEAD" else method)


def _where(route: Route | None) -> str:
    # The template, not the path: ids of users do not belong into logs.
    return route.template if route is not None else "an unknown route"


def _failed() -> Answer:
    return Answer(500, {"message": "The server failed.", "reason": "server_error"})


def _unknown(request: Request) -> Refused:
    return Refused("not_found", f"The route {request.path.lstrip('/')[:255]} could not be found.")


def _wrong_method(request: Request, found: Found) -> Refused:
    supported = ", ".join(sorted({*found.methods, *(["HEAD"] if "GET" in found.methods else [])}))
    request.answer_headers.append((b"allow", supported.encode()))
    return Refused(
        "method_not_allowed",
        f"The {request.method} method is not supported here. Supported methods: {supported}.",
    )
