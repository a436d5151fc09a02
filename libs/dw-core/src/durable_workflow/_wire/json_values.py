"""Values of decoded JSON: the type of an object, guards, and readers.

The readers tolerate members that are missing or of the wrong type. Servers of several generations
answer, and PHP ones write `[]` where an object happens to be empty. What a reader returns always
has the type that it declares.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeGuard, cast

JsonObject: TypeAlias = dict[str, Any]


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value is a list."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is an object."""
    # Most are dictionaries, and to ask an abstract class takes ten times as long.
    return isinstance(value, (dict, Mapping))


def object_or_none(value: object) -> JsonObject | None:
    """The value if it is an object, an empty object for `[]`, else None."""
    if isinstance(value, dict):
        return cast("JsonObject", value)
    return {} if value == [] else None


def dict_or_none(value: object) -> JsonObject | None:
    """The value if it is an object, else None."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def list_or_none(value: object) -> list[Any] | None:
    """The value if it is an array, else None."""
    return value if is_list(value) else None


def object_or_empty(value: object) -> JsonObject:
    """The value if it is an object, else an empty object."""
    found: Any = value  # no cast: it is a call, in what each task asks several times
    return found if isinstance(value, dict) else {}


def objects(value: object) -> list[JsonObject]:
    """The objects in a list; other members are left out."""
    if not isinstance(value, list):
        return []
    members = cast("list[object]", value)
    return [cast("JsonObject", member) for member in members if isinstance(member, dict)]


def objects_or_none(value: object) -> list[JsonObject] | None:
    """The objects in a list; None if the value is not a list."""
    return objects(cast("object", value)) if isinstance(value, list) else None


def strings(value: object) -> list[str]:
    """The strings in a list; other members are left out."""
    if not isinstance(value, list):
        return []
    return [member for member in cast("list[object]", value) if isinstance(member, str)]


def strings_or_none(value: object) -> list[str] | None:
    """The strings in a list; None if the value is not a list."""
    return strings(cast("object", value)) if isinstance(value, list) else None


def count(value: object) -> int:
    """A counter; 0 if it is missing or not a finite number (JSON can write `1e999`)."""
    try:
        return int(cast("Any", value) or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def text(value: object, *fallbacks: str | None) -> str:
    """The value as text, or the first fallback that is not empty, or an empty string."""
    for candidate in (value, *fallbacks):
        if candidate is not None and candidate != "":
            return str(candidate)
    return ""


def present(**members: Any) -> JsonObject:
    """The members that are not None, in the order given."""
    return {name: value for name, value in members.items() if value is not None}


def text_or_none(value: object) -> str | None:
    """The value if it is a non-empty string, else None."""
    return value if isinstance(value, str) and value else None


def integer_or_none(value: object) -> int | None:
    """The value if it is an integer, also one written as a string of digits, else None."""
    if value is None or type(value) is int:  # most are, and a replay reads several for each event
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return None
