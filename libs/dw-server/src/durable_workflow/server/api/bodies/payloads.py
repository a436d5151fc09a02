"""Payload envelopes in the bodies of requests (control-plane 1.8, payloads 1).

A blob is opened where its content is promised to be a list of arguments: a workflow that was
started with something else could never run. Elsewhere it is stored as it came.
"""

from __future__ import annotations

from typing import Any, Final

from durable_workflow import serializer
from durable_workflow.external_storage import ExternalPayloadReference
from durable_workflow.server.api.bodies.fields import Fields
from durable_workflow.server.engine.state import as_list, as_object
from durable_workflow.server.requests import Payload

_INLINE: Final = {"codec", "blob"}
_EXTERNAL: Final = {"codec", "external_storage"}
_LONGEST_URI: Final = 2048
_CODECS: Final = tuple(serializer.SUPPORTED_CODECS)


def read_arguments(fields: Fields, name: str = "input") -> Payload | None:
    """The positional arguments of a call; None for none.

    A plain list is encoded in the default codec; of a plain object its values count, in order.
    """
    value = fields.source.get(name)
    if value is None or value == []:
        return None
    plain = as_list(value)
    document = as_object(value)
    if document is not None:
        if is_envelope(document):
            return _read_envelope(fields, name, document, arguments=True)
        plain = list(document.values())
    if plain is None:
        fields.fail(name, "must be a list or a payload envelope.")
    if not plain:
        return None
    return Payload(serializer.AVRO_CODEC, serializer.encode(plain, size_warning=None))


def check_result(fields: Fields, name: str = "result") -> Any:
    """A result as it came: an envelope that is whole, or any other JSON value."""
    value = fields.source.get(name)
    document = as_object(value)
    if document is not None and is_envelope(document):
        _read_envelope(fields, name, document, arguments=False)
    return value


def is_envelope(value: dict[str, Any]) -> bool:
    """Whether an object is an envelope, by its keys alone."""
    return value.keys() in (_INLINE, _EXTERNAL)


def _read_envelope(
    fields: Fields, name: str, value: dict[str, Any], *, arguments: bool
) -> Payload | None:
    inside = fields.inside(name, value)
    codec = value["codec"]
    if not isinstance(codec, str) or codec not in _CODECS:
        inside.fail("codec", f"must be one of {', '.join(_CODECS)}.")
        return None
    if "external_storage" in value:
        return _read_reference(inside, codec, value["external_storage"])
    blob = value["blob"]
    if not isinstance(blob, str):
        inside.fail("blob", "must be a string.")
        return None
    if arguments:
        _check_arguments(inside, codec, blob)
    return Payload(codec, blob)


def _check_arguments(inside: Fields, codec: str, blob: str) -> None:
    try:
        decoded = serializer.decode(blob, codec)
    except (ValueError, TypeError, RecursionError) as error:
        # The first line only: decoders quote what they were given.
        inside.fail("blob", f"cannot be decoded: {str(error).splitlines()[0][:200]}")
        return
    if not blob or not isinstance(decoded, list):
        inside.fail("blob", "must decode to the list of arguments.")


def _read_reference(inside: Fields, codec: str, value: Any) -> Payload | None:
    # Read as workers will read it: what they refuse would be stored where nobody can use it.
    try:
        reference = ExternalPayloadReference.from_dict(value)
    except ValueError as error:
        # Callers look for what is wrong with a reference under one name.
        inside.fail("external_storage", f"is no reference: {error}.")
        return None
    if len(reference.uri) > _LONGEST_URI:
        inside.fail("external_storage", f"has a uri longer than {_LONGEST_URI} characters.")
    if reference.codec != codec:
        inside.inside("external_storage", value).fail("codec", "must be the codec of the envelope.")
    return Payload(codec, None, value)
