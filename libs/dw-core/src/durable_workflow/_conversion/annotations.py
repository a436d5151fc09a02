"""From an annotation to the function that converts its values."""

import collections.abc
import types
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast

from durable_workflow._conversion.aliases import flat, is_alias
from durable_workflow._conversion.mismatch import unexpected
from durable_workflow._conversion.records import Converter
from durable_workflow._conversion.recursive import alias_converter, class_converter
from durable_workflow._conversion.scalars import key_converter, literal
from durable_workflow._conversion.shapes import likeliest
from durable_workflow.errors import ArgumentMismatch

_PLAIN: Final = frozenset({str, int, float, bool, type(None), object, list, dict})
_LISTS: Final[frozenset[Any]] = frozenset(
    {
        list,
        collections.abc.Sequence,
        collections.abc.MutableSequence,
        collections.abc.Iterable,
        collections.abc.Collection,
    }
)
_MAPPINGS: Final[frozenset[Any]] = frozenset(
    {dict, collections.abc.Mapping, collections.abc.MutableMapping}
)
_SETS: Final[dict[Any, type]] = {
    set: set,
    frozenset: frozenset,
    collections.abc.Set: frozenset,
    collections.abc.MutableSet: set,
}
_WRAPPERS: Final[frozenset[Any]] = frozenset(
    {typing.Annotated, typing.Final, typing.Required, typing.NotRequired, typing.ClassVar}
)

_ANYTHING: Final[Any] = object


def converter_for(annotation: Any) -> Converter | None:
    """What converts the values of an annotation; None where they stay as they are."""
    if annotation is None or annotation in _PLAIN if _is_hashable(annotation) else False:
        return None
    if isinstance(annotation, typing.NewType):
        return converter_for(annotation.__supertype__)
    if is_alias(annotation):
        return alias_converter(annotation, converter_for) if _is_hashable(annotation) else None
    origin: Any = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin in _WRAPPERS or getattr(origin, "__name__", "") == "ReadOnly":
        return converter_for(arguments[0])
    if origin is typing.Union or origin is types.UnionType:
        return _union(flat(arguments))
    if origin is typing.Literal:
        return literal(arguments)
    if origin is not None:
        return _generic(annotation, origin, arguments)
    return _class(annotation) if isinstance(annotation, type) else None


def _is_hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:  # as `Annotated[int, []]`
        return False
    return True


def _class(kind: type) -> Converter | None:
    if kind in _SETS:
        return _set(kind, None)
    if kind is tuple:
        return _tuple(())
    return class_converter(kind, kind, converter_for)


def _generic(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Converter | None:
    if origin in _SETS:
        return _set(_SETS[origin], converter_for(arguments[0]))
    if origin is tuple:
        return _tuple(arguments)
    if origin in _LISTS:
        item = converter_for(arguments[0])
        return None if item is None else _list(item)
    if origin in _MAPPINGS:
        key, value = key_converter(arguments[0], converter_for), converter_for(arguments[1])
        return None if key is None and value is None else _mapping(key, value)
    if not isinstance(origin, type):
        return None
    # `Page[Item]`. A pydantic model brings a class of its own for it.
    if not _is_hashable(annotation):
        return _class(origin)
    return class_converter(annotation, origin, converter_for)


def _list(item: Converter) -> Converter:
    def convert(value: Any) -> Any:
        return _items(value, lambda _: item)

    return convert


def _set(kind: Callable[[Any], Any], item: Converter | None) -> Converter:
    def convert(value: Any) -> Any:
        if isinstance(value, set | frozenset):
            value = list(cast("set[Any]", value))
        items = _items(value, lambda _: item)
        try:
            return kind(items)
        except TypeError as error:
            raise ArgumentMismatch(
                f"the items of a set cannot be lists or objects: {error}"
            ) from error

    return convert


def _tuple(arguments: tuple[Any, ...]) -> Converter:
    if not arguments or arguments[-1] is Ellipsis:
        item = converter_for(arguments[0]) if arguments else None
        return lambda value: tuple(_items(value, lambda _: item))
    converters = [converter_for(argument) for argument in arguments]

    def convert(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(cast("list[Any]", value)) != len(converters):
            count = len(cast("list[Any]", value))
            raise ArgumentMismatch(f"expected {len(converters)} items, got {count}")
        return tuple(_items(value, converters.__getitem__))

    return convert


def _items(value: Any, converter_at: Callable[[int], Converter | None]) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise unexpected("a list", value)
    items: list[Any] = []
    for index, item in enumerate(cast("list[Any]", value)):
        converter = converter_at(index)
        try:
            items.append(item if converter is None else converter(item))
        except ArgumentMismatch as error:
            raise error.within(f"[{index}]") from error.__cause__
    return items


def _mapping(key: Converter | None, item: Converter | None) -> Converter:
    def convert(value: Any) -> Any:
        if value == []:
            return {}  # as PHP writes an empty object
        if not isinstance(value, collections.abc.Mapping):
            raise unexpected("an object", value)
        found: dict[Any, Any] = {}
        for name, member in cast("dict[Any, Any]", value).items():
            try:
                at = name if key is None else key(name)
                found[at] = member if item is None else item(member)
            except ArgumentMismatch as error:
                raise error.within(str(name)) from error.__cause__
        return found

    return convert


def _union(members: tuple[Any, ...]) -> Converter | None:
    converters = {member: converter_for(member) for member in members}
    rich = {member: each for member, each in converters.items() if each is not None}
    if not rich:
        return None
    plain = {kind for each in members if each not in rich for kind in _plain_kinds(each)}
    if float in plain:
        plain.add(int)  # 5 is a number as well as 5.0
    # A datetime reads the text of a date too.
    ordered = sorted(rich, key=lambda member: member is datetime)

    def convert(value: Any) -> Any:
        # A plain member takes what it can hold: `str | datetime` leaves text alone.
        if type(value) in plain or object in plain:
            return value
        problems: list[ArgumentMismatch] = []
        for member in likeliest(ordered, value):
            try:
                return rich[member](value)
            except ArgumentMismatch as error:
                problems.append(error)
        if len(problems) == 1:
            raise problems[0]
        names = ", ".join(getattr(each, "__name__", str(each)) for each in members)
        raise ArgumentMismatch(f"fits none of {names}: {'; '.join(map(str, problems))}")

    return convert


def _plain_kinds(annotation: Any) -> set[Any]:
    """The classes of values that a member of a union holds as they are; `object` holds all."""
    origin: Any = typing.get_origin(annotation) or annotation
    if origin is typing.Literal:
        return {cast("object", type(each)) for each in typing.get_args(annotation)}
    if annotation is None or origin is type(None):
        return {type(None)}
    if origin in _LISTS:
        origin = list
    if origin in _MAPPINGS or typing.is_typeddict(origin):
        origin = dict
    return {origin if origin in _PLAIN else _ANYTHING}
