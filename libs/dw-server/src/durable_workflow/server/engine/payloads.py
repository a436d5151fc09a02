"""Payload envelopes inside commands and events. Blobs are never opened here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.external_storage import ExternalPayloadReference
from durable_workflow.server.engine.decision import Decision

# Nothing else encodes to this: in a text of a user's the quotes are escaped.
_MARK: Final = b'"external_storage":{'


# What is larger has large strings, which are not searched.
_LARGE: Final = 16 * 1024
_MOST_STRINGS: Final = 128


def blob_size(value: Any) -> int:
    """Bytes of a bare blob, or of what is in an envelope; 0 for anything else."""
    envelope = dict_or_none(value)
    if envelope is not None and "external_storage" in envelope:
        return len(msgspec.json.encode(envelope["external_storage"]))
    blob = value if envelope is None else envelope.get("blob")
    if not isinstance(blob, str):
        return 0
    return len(blob) if blob.isascii() else len(blob.encode())


def recorded(envelope: JsonObject | None) -> Any:
    """The form of a payload in an event that names its codec beside it: bare where it can be."""
    if envelope is None:
        return None
    return envelope.get("blob", envelope)


def recorded_in(envelope: JsonObject | None, codec: str) -> Any:
    """The form of a payload in an event without `payload_codec`: bare in the run's codec."""
    if envelope is not None and envelope["codec"] != codec:
        return envelope
    return recorded(envelope)


def external_uris(decision: Decision) -> set[str]:
    """Where the payloads are that a decision refers to and that are kept elsewhere."""
    found: set[str] = set()
    for event in decision.events:
        if _may_refer(event.record):
            found |= uris_of_record(event.record)
    for buffered in decision.buffered:
        if _may_refer(buffered.payload):
            found.update(_of_event(msgspec.json.decode(buffered.payload)))
    for held in decision.held_results:
        if _may_refer(held.payload):
            found.update(_of_event(msgspec.json.decode(held.payload)))
    # Each decision comes along here, and nearly none has a reference: so no call for each payload.
    for new in decision.new_activities:
        if new.arguments is not None and "external_storage" in new.arguments:
            found.update(uris_of(new.arguments))
    for updates in (decision.new_updates, decision.updates):
        for update in updates:
            found.update(uris_of(update.arguments), uris_of(update.result))
    if decision.created is not None and decision.created.arguments is not None:
        found.update(uris_of(decision.created.arguments))
    return found


def uris_of_record(record: bytes) -> set[str]:
    """Where the payloads are that a history record refers to and that are kept elsewhere."""
    if not _may_refer(record):
        return set()
    return set(_of_event(msgspec.json.decode(record)["payload"]))


def _may_refer(text: bytes) -> bool:
    """Whether a JSON text has the mark outside of its strings; it may also be said of others."""
    if len(text) < _LARGE:
        return text.find(_MARK) >= 0
    begin = at = 0
    for _ in range(_MOST_STRINGS):
        first = text.find(b'"', at)
        last = text.find(b'"', first + 1)
        if first < 0 or last < 0 or text[last - 1 : last] == b"\\":
            break  # its end would have to be looked for
        at = last + 1
        if at - first > _LARGE:
            if text.find(_MARK, begin, first) >= 0:
                return True
            begin = at
    return text.find(_MARK, begin) >= 0


def uris_of(value: Any) -> Iterator[str]:
    """Where the payload of an envelope is kept: one URI if that is elsewhere, or none."""
    envelope = dict_or_none(value)
    if envelope is None or envelope.keys() != {"codec", "external_storage"}:
        return
    try:
        reference = ExternalPayloadReference.from_dict(envelope["external_storage"])
    except ValueError:
        return  # a plain value of a user's that happens to have these members
    yield reference.uri


def _of_event(payload: JsonObject) -> Iterator[str]:
    # Payloads stand in the first level, and the details of a failure in its exception. Deeper
    # there are values of users, which may look like envelopes.
    for value in payload.values():
        yield from uris_of(value)
    exception = dict_or_none(payload.get("exception"))
    if exception is not None:
        yield from uris_of(exception.get("details"))
