"""Rich values that have a JSON object as their plain form: dataclasses, models, typed dicts."""

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast, is_typeddict

from durable_workflow._conversion.hints import hints_of_class
from durable_workflow._conversion.mismatch import unexpected
from durable_workflow._signatures import signature_of
from durable_workflow._wire import json_text
from durable_workflow.errors import ArgumentMismatch
from durable_workflow.serializer import _plain

Converter: TypeAlias = Callable[[Any], Any]
# Finds the converter of an annotation; None where values stay as they are.
Find: TypeAlias = Callable[[Any], Converter | None]

_MSGSPEC_PATH: Final = re.compile(r"(?P<problem>.*) - at `\$\.?(?P<path>.*)`", re.DOTALL)


def record(annotation: Any, kind: Any, find: Find) -> Converter | None:
    """The converter of a class whose values are objects in JSON, or None for another class.

    Args:
        annotation: The class, or a generic one with its arguments.
        kind: The class.
        find: Finds the converters of its members.
    """
    if is_typeddict(kind):
        return _typed_dict(annotation, kind, find)
    if hasattr(kind, "__struct_fields__") and "msgspec" in sys.modules:
        return _struct(annotation, kind, find)
    if callable(getattr(kind, "model_validate_json", None)) or callable(
        getattr(kind, "parse_obj", None)
    ):
        return _model(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(annotation, kind, find)
    if hasattr(kind, "_fields") and issubclass(kind, tuple):
        return _named_tuple(annotation, kind, find)
    return None


def _dataclass(annotation: Any, kind: Any, find: Find) -> Converter:
    name = kind.__name__
    # Read with the first value: a class may hold itself, and be complete only after this.
    fields: list[tuple[str, Converter | None, bool]] = []

    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        given = _object(value, name)
        if not fields:
            # At once: other threads see all of them or none.
            fields[:] = _dataclass_fields(annotation, kind, find)
        members: dict[str, Any] = {}
        for field, converter, required in fields:
            if field in given:
                members[field] = _member(field, converter, given[field])
            elif required:
                raise ArgumentMismatch(f"is missing, {name} requires it", field)
        try:
            return kind(**members)
        except (TypeError, ValueError) as error:  # from `__post_init__`
            raise ArgumentMismatch(f"is no valid {name}: {error}") from error

    return convert


def _dataclass_fields(
    annotation: Any, kind: Any, find: Find
) -> list[tuple[str, Converter | None, bool]]:
    hints = hints_of_class(annotation)
    return [
        (
            field.name,
            find(hints.get(field.name)),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
        if field.init
    ]


def _typed_dict(annotation: Any, kind: type, find: Find) -> Converter | None:
    """A typed dict is a dict: only its rich members are touched, whichever are there."""
    converters = {
        key: converter
        for key, hint in hints_of_class(annotation).items()
        if (converter := find(hint)) is not None
    }
    if not converters:
        return None

    def convert(value: Any) -> Any:
        given = _object(value, kind.__name__)
        return {key: _member(key, converters.get(key), item) for key, item in given.items()}

    return convert


def _named_tuple(annotation: Any, kind: Any, find: Find) -> Converter:
    names: tuple[str, ...] = kind._fields
    converters: list[Converter | None] = []

    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, list):
            raise unexpected(f"a list ({kind.__name__})", value)
        items = cast("list[object]", value)
        if not converters:
            hints = hints_of_class(annotation)
            # At once: other threads see all of them or none.
            converters[:] = [find(hints.get(name)) for name in names]
        least = len(names) - len(kind._field_defaults)
        if not least <= len(items) <= len(names):
            raise ArgumentMismatch(f"expected {len(names)} items, got {len(items)}")
        return kind(*map(_member, names, converters, items))

    return convert


def _model(kind: Any) -> Converter:
    """A pydantic model, read from JSON text: what `model_dump(mode="json")` wrote."""

    # Fields are written under their names, and those who start runs write aliases.
    validate: Any = getattr(kind, "model_validate_json", None)
    names = {"by_name": True} if validate is not None and _takes(validate, "by_name") else {}

    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            if validate is not None:
                return validate(json_text.encode(_plain.plain(value)), **names)
            return kind.parse_obj(value)
        except ValueError as error:  # `ValidationError` of any version of pydantic
            errors = getattr(error, "errors", None)
            if errors is None:
                raise
            first = errors()[0]
            path = "".join(
                f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]
            )
            raise ArgumentMismatch(str(first["msg"]), path.removeprefix(".")) from error

    return convert


def _takes(function: Any, name: str) -> bool:
    """Whether a function has a parameter: releases of pydantic before 2.11 read aliases alone."""
    return name in signature_of(function).parameters


class _OtherClassError(Exception):
    """A class is neither msgspec's nor one of those that are read here."""


def _struct(annotation: Any, kind: Any, find: Find) -> Converter:
    """A msgspec Struct, read by msgspec itself: renames, tags and constraints are its own.

    A generic one has plain members where msgspec cannot read the classes of its arguments.
    """
    msgspec: Any = sys.modules["msgspec"]

    def hook(of: Any, value: Any) -> Any:
        converter = find(of)
        if converter is None:
            raise _OtherClassError
        return converter(value)

    def read(value: Any) -> Any:
        if annotation is kind:
            return msgspec.convert(value, kind)
        try:
            return msgspec.convert(value, annotation, dec_hook=hook)
        except _OtherClassError:
            return msgspec.convert(value, kind)

    if annotation is not kind and not _is_readable(annotation, msgspec):
        annotation = kind

    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return read(_plain.plain(value))
        except msgspec.ValidationError as error:
            found = _MSGSPEC_PATH.fullmatch(str(error))
            if found is None:
                raise ArgumentMismatch(str(error)) from error
            raise ArgumentMismatch(found["problem"], found["path"]) from error

    return convert


def _is_readable(annotation: Any, msgspec: Any) -> bool:
    """Whether msgspec takes a type: it takes no union of untagged structs, for example."""
    try:
        msgspec.convert(None, annotation)
    except msgspec.ValidationError:
        return True  # null does not fit
    except (TypeError, NameError):
        return False
    return True


def _member(name: str, converter: Converter | None, value: Any) -> Any:
    if converter is None:
        return value
    try:
        return converter(value)
    except ArgumentMismatch as error:
        raise error.within(name) from error.__cause__


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    if value == []:
        return {}  # as PHP writes an empty object
    raise unexpected(f"an object ({name})", value)
