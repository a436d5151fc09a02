"""Conditions on runs, as a tree. Values are as a store compares them: times are microseconds."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

# Fields that every run has. `BuildId` and `CloseTime` may be absent.
SystemName: TypeAlias = Literal[
    "WorkflowType",
    "WorkflowId",
    "RunId",
    "Status",
    "StartTime",
    "CloseTime",
    "TaskQueue",
    "BuildId",
]


class Moment(int):
    """A date or time that search attributes are compared with: microseconds since 1970 UTC."""


# A truth value is never equal to a number or a text, and a moment to nothing but moments.
Value: TypeAlias = str | int | float | bool | Moment


class System(msgspec.Struct, frozen=True):
    """A field that every run has."""

    name: SystemName


class Attribute(msgspec.Struct, frozen=True):
    """A search attribute.

    Attributes:
        single: Whether it is known that a run has at most one value of it.
    """

    name: str
    single: bool = False


class Among(msgspec.Struct, frozen=True):
    """The field has one of the values. A list has what any of its members is."""

    field: System | Attribute
    values: tuple[Value, ...]


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """The field's value lies between two of one kind; None is no bound. Never both None."""

    field: System | Attribute
    low: Value | None = None
    high: Value | None = None
    with_low: bool = True
    with_high: bool = True


class Absent(msgspec.Struct, frozen=True):
    """The field has no value."""

    field: System | Attribute


class Mentions(msgspec.Struct, frozen=True):
    """The workflow id or the business key contains the text, in letters of either case."""

    text: str


class Not(msgspec.Struct, frozen=True):
    """The condition does not hold. A run without a value is not equal to any."""

    part: Condition


class All(msgspec.Struct, frozen=True):
    """All of the conditions hold."""

    parts: tuple[Condition, ...]


class Either(msgspec.Struct, frozen=True):
    """At least one of the conditions holds."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = Among | Range | Absent | Mentions | Not | All | Either


def all_of(*parts: Condition | None) -> Condition | None:
    """All of the conditions that are given; None where none is."""
    given = tuple(part for part in parts if part is not None)
    if len(given) < 2:
        return given[0] if given else None
    return All(given)


def conjuncts(condition: Condition | None) -> list[Condition]:
    """The conditions that all must hold, with those on one field's range made one."""
    found: list[Condition] = []
    waiting = [] if condition is None else [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, All):
            waiting.extend(reversed(part.parts))
        else:
            found.append(part)
    return _merged(found)


def _merged(parts: list[Condition]) -> list[Condition]:
    merged: list[Condition] = []
    places: dict[System | Attribute, int] = {}
    for part in parts:
        if isinstance(part, Range) and is_single(part.field):
            at = places.setdefault(part.field, len(merged))
            if at < len(merged):
                known = merged[at]
                assert isinstance(known, Range)
                both = _both(known, part)
                if both is not None:
                    merged[at] = both
                    continue
        merged.append(part)
    return merged


def is_single(field: System | Attribute) -> bool:
    """Whether a run has at most one value of the field."""
    return isinstance(field, System) or field.single


def _both(one: Range, other: Range) -> Range | None:
    """One range for two, where each has the bound that the other lacks."""
    if one.low is not None and one.high is None and other.low is None:
        return msgspec.structs.replace(one, high=other.high, with_high=other.with_high)
    if one.high is not None and one.low is None and other.high is None:
        return msgspec.structs.replace(one, low=other.low, with_low=other.with_low)
    return None
