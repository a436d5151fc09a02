"""What is checked of a request because it came over HTTP: its body and its version header."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any, Final

import msgspec

from durable_workflow._protocol import CONTROL_PLANE_VERSION, PROTOCOL_VERSION
from durable_workflow._wire.headers import CONTROL_PLANE_VERSION_HEADER, PROTOCOL_VERSION_HEADER
from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.server.http.incoming import DENSE_BYTES, parsed_size
from durable_workflow.server.http.request import Receive, Request
from durable_workflow.server.http.routing import Plane, Route
from durable_workflow.server.http.slicing import Sliced
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.slices import Slices
from durable_workflow.server.structure import structure_of

# The version header of each plane, as answers have it and as most requests do.
VERSION_HEADERS: Final[dict[Plane, tuple[bytes, bytes]]] = {
    "control": (CONTROL_PLANE_VERSION_HEADER.lower().encode(), CONTROL_PLANE_VERSION.encode()),
    "worker": (PROTOCOL_VERSION_HEADER.lower().encode(), PROTOCOL_VERSION.encode()),
}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_VERSION = re.compile(r"^(\d{1,4})\.(\d{1,4})$")
# Deeper than any real document, and far below the depth at which encoding it again could fail.
_QUOTE = ord('"')
_DEEPEST = 128


_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
# What decoding raises.
_BAD: Final = (RecursionError, msgspec.DecodeError, UnicodeDecodeError)
# Each look takes away what holds nothing, and so a level.
_LOOKS = 8
# Drain at most this much so that the peer can read the refusal, then close.
_MOST_DISCARDED = 64 * 1024 * 1024
_DISCARD_SECONDS = 10.0
# So long a body may take to arrive.
_BODY_SECONDS = 60.0
# A peer that announced a body and sends none of it is waiting for the answer.
_SILENCE_SECONDS = 1.0


class CallerLeft(Exception):
    """The connection was closed before the request was complete: nobody is there to answer."""


async def read_body(request: Request, receive: Receive, limit: int) -> None:
    """Read the body and what it says. That it is an object is checked later: `check_document`.

    Raises:
        Refused: Too large, too slow, of another media type, or not JSON; or too much is held.
    """
    length = request.headers.get(b"content-length", b"").strip()
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    whole = request.whole_body()
    if whole is None:
        await _read_parts(request, receive, limit)
    else:
        request.has_unread = False
        _check_size(request, len(whole), len(whole), limit)
        request.body = whole
    if request.body and request.method in _WITH_BODY:
        _check_media_type(request)
        grows = parsed_size(request.body)
        request.share.add(grows)
        request.is_dense = grows > DENSE_BYTES
        if request.is_dense:
            document = await request.incoming.dense.run(parse_in_slices(request.body))
        else:
            document = parse(request.body)
        found = dict_or_none(document)
        request.document_is_object = found is not None
        request.document = found or {}


async def _read_parts(request: Request, receive: Receive, limit: int) -> None:
    parts = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while request.has_unread:
                parts += await _read_part(request, receive, len(parts), limit)
    except TimeoutError:
        text = f"The request body did not arrive within {_BODY_SECONDS:g} s."
        raise Refused("request_timeout", text) from None
    except asyncio.CancelledError:
        # A server that stops does that, once it has waited as long as it may. Nothing was done.
        request.has_unread = False
        raise Refused("server_busy", "The server stops, and the body was not there yet.") from None
    request.body = bytes(parts)


async def _read_part(request: Request, receive: Receive, before: int, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerLeft
    part: bytes = message.get("body", b"")
    request.has_unread = message.get("more_body", False)
    _check_size(request, len(part), before + len(part), limit)
    return part


def _check_size(request: Request, more: int, so_far: int, limit: int) -> None:
    if so_far > limit:
        raise _too_large(limit)
    request.share.add(more)


async def discard_body(receive: Receive) -> None:
    """Read the rest of a body that is not wanted, within bounds.

    If the connection is closed while the peer still sends, it is reset and the peer never sees the
    answer, because most peers write the whole request before they read.
    """
    left = _MOST_DISCARDED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            while left > 0:
                message = await asyncio.wait_for(receive(), _SILENCE_SECONDS)
                if not message.get("more_body", False):
                    return
                left -= len(message["body"])


def check_document(request: Request) -> None:
    """Check that the body is an object.

    Raises:
        Invalid: It is another JSON value.
    """
    if not request.document_is_object:
        raise Invalid({"body": ["The request body must be a JSON object."]})


def check_version(request: Request, route: Route) -> None:
    """Check that the caller speaks a version that this server speaks."""
    usual_header, usual_version = VERSION_HEADERS[route.plane]
    if request.headers.get(usual_header) == usual_version:
        return
    if route.plane == "worker":
        header, supported, name = PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION, "protocol_version"
        what = "worker protocol"
    else:
        header, supported = CONTROL_PLANE_VERSION_HEADER, CONTROL_PLANE_VERSION
        name, what = "control_plane_version", "control-plane"
    requested = request.header(header.lower().encode()) or None
    extra = {"supported_version": supported, "requested_version": requested}
    if requested is None:
        raise Refused(
            f"missing_{name}",
            f"Missing {what} version header.",
            extra={**extra, "remediation": f"Send the {header}: {supported} header."},
        )
    if not _speaks(requested, supported, minors=route.plane == "worker"):
        remediation = (
            f"This server speaks {what} {supported}. Use a client of that version, or a server "
            f"that speaks {requested}."
        )
        raise Refused(
            f"unsupported_{name}",
            f"Unsupported {what} version.",
            extra={**extra, "remediation": remediation},
        )


def parse(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        Refused: It is not JSON.
    """
    try:
        document = msgspec.json.decode(body)
        if not is_shallow(body) and _too_deep(document):
            raise RecursionError
    except _BAD as error:
        raise _refused(error) from None
    return document


def parse_in_slices(body: bytes) -> Slices[Any]:
    """The JSON value of a body that takes long, as one of a megabyte of empty lists does.

    Raises:
        Refused: It is not JSON.
    """
    try:
        return (yield from Sliced(body, _DEEPEST).decode())
    except _BAD as error:
        raise _refused(error) from None


def _refused(error: Exception) -> Refused:
    deep = isinstance(error, RecursionError)
    return _malformed("The document is nested too deeply." if deep else str(error))


def _check_media_type(request: Request) -> None:
    if request.headers.get(b"content-type") == b"application/json":
        return  # as mostly
    media_type = request.header(b"content-type").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Refused(
            "unsupported_media_type",
            "Request bodies must be JSON.",
            extra={"accepted_content_types": ["application/json", "application/*+json"]},
        )


def is_shallow(text: bytes) -> bool:
    """Whether a look at the brackets of a text shows that nothing is too deep; most show it."""
    structure = structure_of(text)
    brackets = structure.translate(None, _NO_BRACKETS)
    # What stands in strings could hide a level.
    for _ in range(_LOOKS if _QUOTE not in structure else 1):
        if len(brackets) <= _DEEPEST:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return False


def _too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _speaks(requested: str, supported: str, *, minors: bool) -> bool:
    if not minors:
        return requested == supported
    asked, have = _VERSION.match(requested), _VERSION.match(supported)
    if asked is None or have is None:
        return requested == supported
    return int(asked[1]) == int(have[1]) and int(asked[2]) <= int(have[2])


def _too_large(limit: int) -> Refused:
    return Refused(
        "payload_too_large",
        f"The request body is larger than {limit} bytes.",
        extra={"limit": limit},
    )


def _malformed(error: str) -> Refused:
    return Refused(
        "malformed_json", "Request bodies must contain valid JSON.", extra={"json_error": error}
    )
