"""Payload envelopes in documents (control-plane 1.8, payloads 1).

A blob is decoded only where it must hold a list of arguments, because a workflow that was started
with anything else could never run. Elsewhere it is stored as it came.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow import serializer
from durable_workflow._wire.json_values import JsonObject, dict_or_none, list_or_none
from durable_workflow.external_storage import ExternalPayloadReference
from durable_workflow.serializer import _avro
from durable_workflow.server.fields import blobs
from durable_workflow.server.fields.containers import Json, Listed
from durable_workflow.server.fields.kind import Kind, SlicedKind
from durable_workflow.server.fields.reading import FoundReference, Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.slices import SLICE, Slices

_INLINE: Final = {"codec", "blob"}
_EXTERNAL: Final = {"codec", "external_storage"}
_LONGEST_URI: Final = 2048
# The members of commands that hold payloads.
_OF_COMMANDS: Final = frozenset({"arguments", "result"})
_CODECS: Final = tuple(serializer.SUPPORTED_CODECS)


class Payload(msgspec.Struct, frozen=True):
    """A value of the user, never opened by the server unless it must.

    Attributes:
        codec: Name of the codec, e.g. ``avro``.
        blob: The encoded value, or None when it is kept elsewhere (or absent).
        external_storage: The reference to where it is kept, as it came.
    """

    codec: str
    blob: str | None = None
    external_storage: JsonObject | None = None


class Arguments(SlicedKind, frozen=True, kw_only=True):
    """The positional arguments of a call; none are absent.

    A plain list is encoded in the default codec; of a plain object its values count, in order.
    """

    gives = (Payload,)

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[Payload | None]:
        plain = list_or_none(value)
        document = dict_or_none(value)
        if document is not None:
            if is_envelope(document):
                return (yield from _arguments_of(document, at, reading))
            plain = list(document.values())
        if plain is None:
            reading.fail(at, "must be a list or a payload envelope.")
        if not plain:
            return None
        # It came as JSON, so that nothing in it needs the care of `serializer.encode`, which looks
        # at each value: of a megabyte of small ones that takes a fifth of a second.
        text = msgspec.json.encode(plain).decode()
        return Payload(serializer.AVRO_CODEC, _avro.encode_text(text))

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        plain = {"not": schemas.component("AnyEnvelope", _any_envelope())}
        envelope = schemas.component("Envelope", _envelope())
        return {"anyOf": [{"type": "array"}, {"type": "object", **plain}, envelope]}


class Result(Kind, frozen=True, kw_only=True):
    """A result as it came: an envelope that is whole, or any other JSON value."""

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        document = dict_or_none(value)
        if document is not None and is_envelope(document):
            check_envelope(document, at, reading)
        return value

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        plain = {"not": schemas.component("AnyEnvelope", _any_envelope())}
        return {"anyOf": [plain, schemas.component("Envelope", _envelope())]}


class Envelope(Kind, frozen=True, kw_only=True):
    """An envelope, or a bare blob in the codec that the reading knows, as an envelope.

    Attributes:
        bare: Whether a blob may stand alone.
    """

    bare: bool = True
    gives = (dict,)

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        if self.bare and isinstance(value, str):
            return {"codec": reading.codec, "blob": value}
        envelope = dict_or_none(value)
        if envelope is None or not is_envelope(envelope):
            what = "a payload envelope or a string" if self.bare else "a payload envelope"
            reading.fail(at, f"must be {what}: codec, and blob or external_storage.")
            return None
        check_envelope(envelope, at, reading)
        return envelope

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        envelope = schemas.component("Envelope", _envelope())
        return {"anyOf": [envelope, {"type": "string"}]} if self.bare else envelope


class Details(Json, frozen=True, kw_only=True):
    """Details of a failure: any value, as it came."""

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        _note_reference(value, at, reading)
        return value


class Commands(Listed, frozen=True, kw_only=True):
    """The commands of a completion, whose payloads are read with each command."""

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[list[Any] | None]:
        found = yield from super().read_in_slices(value, at, reading)
        for index, command in enumerate(found or ()):
            for name in _OF_COMMANDS & command.keys():
                _note_reference(command[name], f"{at}.{index}.{name}", reading)
            if index % SLICE == SLICE - 1:
                yield
        return found


def _envelope() -> JsonObject:
    return {
        "description": "A value of the user: inline, or a reference to where it is kept.",
        "type": "object",
        "properties": {
            "codec": {"type": "string", "enum": [*_CODECS]},
            "blob": {"type": "string"},
            "external_storage": {"type": "object"},
        },
        "required": ["codec"],
        "oneOf": [{"required": ["blob"]}, {"required": ["external_storage"]}],
        "additionalProperties": False,
    }


def _any_envelope() -> JsonObject:
    return {
        "description": "What is read as an envelope, whole or not: an object of these two keys.",
        "type": "object",
        "required": ["codec"],
        "oneOf": [{"required": ["blob"]}, {"required": ["external_storage"]}],
        "maxProperties": 2,
    }


def is_envelope(value: JsonObject) -> bool:
    """Whether an object is an envelope, by its keys alone."""
    return value.keys() in (_INLINE, _EXTERNAL)


def check_envelope(
    envelope: JsonObject, at: str, reading: Reading, *, is_list: bool = False
) -> bool:
    """Note what is wrong with an envelope, and the reference in it; whether it is whole.

    Args:
        is_list: Whether it must hold a list of arguments.
    """
    codec = envelope["codec"]
    if not isinstance(codec, str) or codec not in _CODECS:
        reading.fail(f"{at}.codec", f"must be one of {', '.join(_CODECS)}.")
    elif "external_storage" in envelope:
        return _check_reference(envelope["external_storage"], codec, at, reading, is_list)
    elif not isinstance(envelope["blob"], str):
        reading.fail(f"{at}.blob", "must be a string.")
    else:
        return True
    return False


def _arguments_of(envelope: JsonObject, at: str, reading: Reading) -> Slices[Payload | None]:
    if not check_envelope(envelope, at, reading, is_list=True):
        return None
    codec = envelope["codec"]
    if "external_storage" in envelope:
        return Payload(codec, None, envelope["external_storage"])
    blob: str = envelope["blob"]
    try:
        is_list = yield from blobs.is_list(blob, codec)
    except (ValueError, TypeError, RecursionError) as error:
        # The first line only: decoders quote what they were given.
        what = str(error).splitlines()[0][:200]
        reading.fail(f"{at}.blob", f"cannot be decoded: {what}")
        return None
    if not is_list:
        reading.fail(f"{at}.blob", "must decode to the list of arguments.")
        return None
    return Payload(codec, blob)


def _check_reference(value: Any, codec: str, at: str, reading: Reading, is_list: bool) -> bool:
    # Decoded as workers will decode it: a payload that they refuse must not be stored.
    # Callers look for what is wrong with a reference under one name.
    try:
        reference = ExternalPayloadReference.from_dict(value)
    except ValueError as error:
        reading.fail(f"{at}.external_storage", f"is no reference: {error}.")
        return False
    before = reading.failures
    if len(reference.uri) > _LONGEST_URI:
        text = f"has a uri longer than {_LONGEST_URI} characters."
        reading.fail(f"{at}.external_storage", text)
    if reference.codec != codec:
        reading.fail(f"{at}.external_storage.codec", "must be the codec of the envelope.")
    if reading.failures != before:
        return False
    reading.references.append(FoundReference(at, reference, is_list))
    return True


def _note_reference(value: Any, at: str, reading: Reading) -> None:
    """Note the reference in a value that is a whole envelope of one; say nothing of any other."""
    envelope = dict_or_none(value)
    if envelope is not None and envelope.keys() == _EXTERNAL:
        trial = Reading(reading.limits)
        if check_envelope(envelope, at, trial):
            reading.references += trial.references
