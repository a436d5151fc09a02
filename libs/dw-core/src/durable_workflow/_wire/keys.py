"""Keys of mappings as JSON writes them: all of them become text, and some become the same text.

Python's encoder writes `{1: "a", "1": "b"}` as an object with two members of one name, of which
readers keep the last. That is refused here, wherever values become JSON.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeGuard

log = logging.getLogger("durable_workflow.serializer")

_MOST_WARNINGS: Final = 1000
# Places of which the log has a warning: one for each is enough.
_warned: set[str] = set()
_INDEX: Final = re.compile(r"\[\d+\]")

_SCALARS: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})


def refuse_colliding_keys(value: Any, at: str = "") -> None:
    """Check that no mapping in a value has two keys that are one in JSON.

    Args:
        value: What was encoded as JSON: it holds nothing else, and does not contain itself.
        at: Where the value stands, for the error.
    Raises:
        ValueError: Two keys of a mapping collide; it names them and where they are.
    """
    collides, has_integers = _odd_keys(value)
    if has_integers:
        for path, key in _integers(value, at):
            _warn_of_integer(path, key)
    if collides:
        path, first, second = next(_collisions(value, at))
        raise ValueError(
            f"keys {first!r} ({type(first).__name__}) and {second!r} ({type(second).__name__}) of "
            f"the mapping at {path or 'the top level'} are the same key in JSON"
        )


def _odd_keys(value: Any) -> tuple[bool, bool]:
    """Whether two keys of a mapping collide, and whether one is an integer.

    The fast check, which runs at every encoding: it compares exact types first.
    """
    has_integers = False
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if _is_mapping(container):
            plain = True
            for key, member in container.items():
                if key.__class__ is not str:
                    plain = False
                if member.__class__ not in _SCALARS:
                    waiting.append(member)
            # A collision needs a string key: two other keys with the same text are equal, so one
            # entry.
            if not plain:
                has_integers = has_integers or any(key.__class__ is int for key in container)
                if _colliding(container) is not None:
                    return True, has_integers
        elif _is_sequence(container) and not _SCALARS.issuperset(map(type, container)):
            waiting += [member for member in container if member.__class__ not in _SCALARS]
    return False, has_integers


def _warn_of_integer(path: str, key: int) -> None:
    """Log that integer keys become text, once for a place."""
    place = _INDEX.sub("[]", path)
    if place not in _warned and len(_warned) < _MOST_WARNINGS:
        _warned.add(place)
        log.warning(
            "the mapping at %s has the integer key %d; JSON has only text for keys, so it is read "
            "as %r",
            path or "the top level",
            key,
            str(key),
        )


def _integers(value: Any, path: str) -> Iterator[tuple[str, int]]:
    """Mappings with an integer key: where they are, and the first such key."""
    if _is_mapping(value):
        numbers = (key for key in value if isinstance(key, int) and not isinstance(key, bool))
        if (number := next(numbers, None)) is not None:
            yield path, number
    for step, member in _members(value, path):
        yield from _integers(member, step)


def _collisions(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if _is_mapping(value):
        found = _colliding(value)
        if found is not None:
            yield path, *found
    for step, member in _members(value, path):
        yield from _collisions(member, step)


def _members(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The members of a container, each with its path."""
    if _is_mapping(value):
        for key, member in value.items():
            name = text_of(key)
            yield f"{path}.{name}" if path else name, member
    elif _is_sequence(value):
        for index, member in enumerate(value):
            yield f"{path}[{index}]", member


def _is_mapping(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _colliding(entries: dict[Any, Any]) -> tuple[Any, Any] | None:
    seen: dict[str, Any] = {}
    for key in entries:
        text = text_of(key)
        if text in seen:
            return seen[text], key
        seen[text] = key
    return None


def text_of(key: Any) -> str:
    """A key as the JSON encoder writes it."""
    if isinstance(key, str):
        return key
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    return float.__repr__(key) if isinstance(key, float) else int.__repr__(key)
