"""Frames: JSON arrays of messages, read one message at a time within the limits of bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.server.http.checks import is_shallow, parse, parse_in_slices
from durable_workflow.server.http.incoming import SMALL_BYTES
from durable_workflow.server.refusals import Refused
from durable_workflow.server.slices import Slices

# What is not a message closes the connection: nobody could say what was lost with it.
INVALID_DATA: Final = 1007
# Of these the server tells what became of each, so each has an id.
ANSWERED: Final = frozenset({"complete", "fail", "heartbeat", "history", "alive"})
# Where the type of a message stands, if it comes first.
_HEAD_BYTES: Final = 32
# Smaller frames are taken apart as quickly as they are looked over.
_LARGE_FRAME: Final = 16 * 1024
# What may be nested deeper than this is read as other messages are, with their checks.
_DEEPEST_SHORT: Final = 64


class BadFrame(Exception):
    """Something that is not an array of messages."""


class Message(msgspec.Struct, frozen=True):
    """One message of a worker.

    Attributes:
        id: Its number within the connection; None where it has none and needs none.
        document: All its members; empty where it is too large to be read.
        is_dense: Whether it is of many small values, so that all that is done with it costs.
    """

    type: str
    id: int | None
    document: dict[str, Any]
    too_large: bool = False
    is_dense: bool = False


class _Head(msgspec.Struct):
    type: Any = None
    id: Any = None


_decode_frame = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_documents = msgspec.json.Decoder(list[dict[str, Any]]).decode
_decode_head = msgspec.json.Decoder(_Head).decode


def messages_of(frame: str | bytes, largest: int) -> Iterator[Message]:
    """The messages of a frame, in order.

    Args:
        frame: As text, or as the bytes of one that is ASCII.
        largest: Bytes that one message may have.
    Raises:
        BadFrame: It is not an array of messages.
    """
    if (found := _all_at_once(frame, largest)) is not None:
        yield from found
        return
    for text in texts_of(frame):
        yield _message(text, largest)


def texts_of(frame: str | bytes) -> Iterator[bytes]:
    """The texts of a frame's messages, in order.

    Raises:
        BadFrame: It is not an array.
    """
    try:
        members = _decode_frame(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(f"a frame is a JSON array of messages: {error}") from None
    return map(bytes, members)


def message_in_slices(text: bytes, largest: int) -> Slices[Message]:
    """The message of a text from a frame of many small values.

    Args:
        largest: Bytes that it may have.
    Raises:
        BadFrame: It is no message.
    """
    if len(text) <= SMALL_BYTES or len(text) > largest:
        return _message(text, largest)
    try:
        document = yield from parse_in_slices(text)
    except Refused as refused:
        raise BadFrame(refused.message) from None
    return msgspec.structs.replace(_message_of(document), is_dense=True)


def _all_at_once(frame: str | bytes, largest: int) -> list[Message] | None:
    """The messages of a frame where nothing is wrong with any; else None, and each is looked at."""
    if len(frame) < _LARGE_FRAME or not frame.isascii() or len(frame) > largest:
        return None
    if not is_shallow(frame if isinstance(frame, bytes) else frame.encode()):
        return None
    try:
        return [_message_of(document) for document in _decode_documents(frame)]
    except (msgspec.DecodeError, RecursionError, BadFrame):
        return None


def looks_like_sign(frame: bytes) -> bool:
    """Whether a frame begins with a sign of life and has no other message."""
    return frame.find(b'"alive"', 0, _HEAD_BYTES) >= 0 and frame.count(b'"type"') == 1


def short_messages(frame: bytes, largest: int) -> list[Message] | None:
    """The messages of a short frame with few brackets; None where anything is wrong with it.

    Args:
        largest: Bytes that a message may have.
    """
    if len(frame) > largest or frame.count(b"[") + frame.count(b"{") > _DEEPEST_SHORT:
        return None
    try:
        return [_message_of(document) for document in _decode_documents(frame)]
    except (msgspec.DecodeError, UnicodeDecodeError, BadFrame):
        return None


def _message(text: bytes, largest: int) -> Message:
    if len(text) > largest:
        try:
            head = _decode_head(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadFrame(f"a message is a JSON object: {error}") from None
        return Message(_type(head.type), _id(head.type, head.id), {}, too_large=True)
    try:
        return _message_of(parse(text))
    except Refused as refused:
        raise BadFrame(refused.message) from None


def _message_of(found: Any) -> Message:
    document = dict_or_none(found)
    if document is None:
        raise BadFrame("a message is a JSON object")
    kind = _type(document.get("type"))
    return Message(kind, _id(kind, document.get("id")), document)


def _type(value: Any) -> str:
    if not isinstance(value, str):
        raise BadFrame("the type of a message is a string")
    return value


def _id(kind: str, value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind in ANSWERED:
        raise BadFrame(f"a message of type {kind[:20]} has an id, a whole number")
    return None
