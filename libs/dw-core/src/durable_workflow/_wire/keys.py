"""Keys of mappings as JSON writes them: all of them become text, and some become the same text.

Python's encoder writes `{1: "a", "1": "b"}` as an object with two members of one name, of which
readers keep the last. That is refused here, wherever values become JSON.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeGuard

_SCALARS: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})


def refuse_colliding_keys(value: Any, at: str = "") -> None:
    """Check that no mapping in a value has two keys that are one in JSON.

    Args:
        value: What was encoded as JSON: it holds nothing else, and does not contain itself.
        at: Where the value stands, for the error.
    Raises:
        ValueError: Two keys of a mapping collide; it names them and where they are.
    """
    if _any_collision(value):
        path, first, second = next(_collisions(value, at))
        raise ValueError(
            f"keys {first!r} ({type(first).__name__}) and {second!r} ({type(second).__name__}) of "
            f"the mapping at {path or 'the top level'} are the same key in JSON"
        )


def _any_collision(value: Any) -> bool:
    """The fast check, which runs at every encoding: it compares exact types first."""
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
            if not plain and _colliding(container) is not None:
                return True
        elif _is_sequence(container) and not _SCALARS.issuperset(map(type, container)):
            waiting += [member for member in container if member.__class__ not in _SCALARS]
    return False


def _collisions(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if _is_mapping(value):
        found = _colliding(value)
        if found is not None:
            yield path, *found
        for key, member in value.items():
            name = _text_of(key)
            yield from _collisions(member, f"{path}.{name}" if path else name)
    elif _is_sequence(value):
        for index, member in enumerate(value):
            yield from _collisions(member, f"{path}[{index}]")


def _is_mapping(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _colliding(entries: dict[Any, Any]) -> tuple[Any, Any] | None:
    seen: dict[str, Any] = {}
    for key in entries:
        text = _text_of(key)
        if text in seen:
            return seen[text], key
        seen[text] = key
    return None


def _text_of(key: Any) -> str:
    """A key as the JSON encoder writes it."""
    if isinstance(key, str):
        return key
    if key is None:
        return "null"
    if isinstance(key, bool):
        return "true" if key else "false"
    return float.__repr__(key) if isinstance(key, float) else int.__repr__(key)
