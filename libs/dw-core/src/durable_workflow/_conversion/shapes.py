"""Which class of a union an object is of, by the names of its members and by literals.

Dataclasses leave out what they do not know, so the first of several would take the objects of all.
"""

import dataclasses
import functools
import typing
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

from durable_workflow._conversion.hints import hints_of_class
from durable_workflow.serializer import _plain


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    """What objects of a class have.

    Attributes:
        names: Their members.
        literals: Plain forms of the values that some members may have.
    """

    names: AbstractSet[str]
    literals: Mapping[str, Sequence[Any]]

    def distance(self, value: Mapping[str, Any]) -> tuple[bool, int, int]:
        """How far an object is from this; the least is nearest.

        A member has another literal; the number of members that are not known, and missing.
        """
        differs = any(
            name in value and not _is_one_of(value[name], allowed)
            for name, allowed in self.literals.items()
        )
        return differs, len(value.keys() - self.names), len(self.names - value.keys())


def likeliest(members: Sequence[Any], value: Any) -> Sequence[Any]:
    """The members of a union in the order in which they are tried for a value.

    Of dataclasses and typed dicts the one comes first whose literals and names are those of an
    object; the order in which they are written decides between equals, and among all others.
    """
    if len(members) < 2 or not isinstance(value, Mapping):
        return members
    given = cast("Mapping[str, Any]", value)
    shapes = {member: shape for member in members if (shape := _shape_of(member)) is not None}
    if len(shapes) < 2:
        return members
    nearest = iter(sorted(shapes, key=lambda member: shapes[member].distance(given)))
    return [next(nearest) if member in shapes else member for member in members]


@functools.cache
def _shape_of(member: Any) -> _Shape | None:
    kind: Any = typing.get_origin(member) or member
    if dataclasses.is_dataclass(kind):
        names = frozenset(field.name for field in dataclasses.fields(kind))
    elif typing.is_typeddict(kind):
        names = kind.__required_keys__ | kind.__optional_keys__
    else:
        return None
    literals = {
        name: [_plain.plain(each) for each in typing.get_args(hint)]
        for name, hint in hints_of_class(kind).items()
        if typing.get_origin(hint) is typing.Literal
    }
    return _Shape(names, literals)


def _is_one_of(value: Any, allowed: Sequence[Any]) -> bool:
    return any(type(value) is type(each) and value == each for each in allowed)
