"""Type aliases: `type Json = dict[str, Json] | list[Json] | str | None`."""

import types
import typing
from collections.abc import Iterator
from typing import Any

from durable_workflow._conversion.hints import filled


def is_alias(annotation: Any) -> bool:
    """Whether an annotation is an alias, or a generic one with its arguments."""
    # Also that of typing_extensions, which older Pythons have.
    kind: Any = typing.get_origin(annotation) or annotation
    return type(kind).__name__ == "TypeAliasType"


def meaning(alias: Any) -> Any:
    """What an alias stands for; in that of a generic one, arguments are in their places."""
    origin: Any = typing.get_origin(alias)
    if origin is None:
        return alias.__value__
    variables, arguments = origin.__type_params__, typing.get_args(alias)
    if len(variables) != len(arguments):
        return origin.__value__
    return filled(origin.__value__, dict(zip(variables, arguments, strict=True)))


def flat(members: tuple[Any, ...]) -> tuple[Any, ...]:
    """The members of a union, with those of unions that stand in it under other names."""
    return tuple(dict.fromkeys(_flat(members, ())))


def _flat(members: tuple[Any, ...], within: tuple[Any, ...]) -> Iterator[Any]:
    for member in members:
        found = member
        while True:
            if isinstance(found, typing.NewType):
                found = found.__supertype__
            elif is_alias(found) and found not in within:
                within = (*within, found)
                found = meaning(found)
            else:
                break
        if typing.get_origin(found) in (typing.Union, types.UnionType):
            yield from _flat(typing.get_args(found), within)
        elif not is_alias(found):
            yield found
