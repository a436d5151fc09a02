"""Reading JSON that a server sent: tolerant of what is missing or of the wrong kind.

Servers of several generations answer this client, and PHP ones write `[]` where an object happens
to be empty. Everything that leaves these functions has the type that it says.
"""

from typing import Any, cast

JsonObject = dict[str, Any]


def object_or_none(value: object) -> JsonObject | None:
    """The object itself; `[]` is an empty one, and anything else is none at all."""
    if isinstance(value, dict):
        return cast("JsonObject", value)
    return {} if value == [] else None


def dict_or_none(value: object) -> JsonObject | None:
    """The object itself, and nothing in place of anything else."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def object_or_empty(value: object) -> JsonObject:
    """The object itself, and an empty one in place of anything else."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def objects(value: object) -> list[JsonObject]:
    """The objects in a list, without what else stands in it."""
    if not isinstance(value, list):
        return []
    members = cast("list[object]", value)
    return [cast("JsonObject", member) for member in members if isinstance(member, dict)]


def objects_or_none(value: object) -> list[JsonObject] | None:
    """The objects in a list, or None where there is no list."""
    return objects(cast("object", value)) if isinstance(value, list) else None


def strings(value: object) -> list[str]:
    """The strings in a list, without what else stands in it."""
    if not isinstance(value, list):
        return []
    return [member for member in cast("list[object]", value) if isinstance(member, str)]


def strings_or_none(value: object) -> list[str] | None:
    """The strings in a list, or None where there is no list."""
    return strings(cast("object", value)) if isinstance(value, list) else None


def count(value: object) -> int:
    """A counter, 0 where it is missing or no number; JSON can write infinity as `1e999`."""
    try:
        return int(cast("Any", value) or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def text(value: object, *fallbacks: str | None) -> str:
    """The first that says something: the value as text, else a fallback, else an empty string."""
    for candidate in (value, *fallbacks):
        if candidate is not None and candidate != "":
            return str(candidate)
    return ""


def present(**members: Any) -> JsonObject:
    """The members that are not None, in the order given."""
    return {name: value for name, value in members.items() if value is not None}
