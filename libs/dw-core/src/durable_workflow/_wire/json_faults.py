"""Where a value holds what JSON cannot carry: the writers of JSON do not say."""

import math
from typing import Any, cast


class NotJson(ValueError):
    """A value holds what JSON cannot carry, whatever form it is given.

    Attributes:
        problem: What is wrong.
        path: Where, as in `.items[3].due`; empty for the value itself.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem + at(path))
        self.problem = problem
        self.path = path


def at(path: str) -> str:
    """A path as the end of a sentence."""
    return f" at {path.removeprefix('.')}" if path else ""


def fault_in(value: Any) -> tuple[str, str] | None:
    """The first thing that JSON cannot carry: what is wrong, and its path.

    Args:
        value: What a writer of JSON refused.
    Returns:
        None where nothing is found, or the value is nested too deeply to look.
    """
    try:
        return _fault(value, "", frozenset())
    except RecursionError:
        return None


def not_json(error: ValueError, value: Any) -> ValueError:
    """A writer's error as a `NotJson`; the same error where the place is not found."""
    found = fault_in(value)
    return error if found is None else NotJson(*found)


def located(error: TypeError | ValueError, value: Any) -> TypeError | ValueError:
    """A writer's error with the place; the same error where the place is not found.

    It is a `TypeError` or `ValueError` itself: it may become the type of a failure, which the
    retry policies of applications name.
    """
    found = fault_in(value)
    if found is None:
        return error
    problem, path = found
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(problem + at(path))


def _fault(value: object, path: str, above: frozenset[int]) -> tuple[str, str] | None:
    if isinstance(value, str):
        return _text_fault(value, path)
    if isinstance(value, float):
        if math.isfinite(value):
            return None
        return f"{float.__repr__(value)} is not JSON compliant: it has no NaN and no infinity", path
    if value is None or isinstance(value, int):
        return None
    if not isinstance(value, dict | list | tuple):
        return f"a value of type {type(value).__name__} is not plain JSON", path
    if id(cast("object", value)) in above:
        return "Circular reference detected: the value contains itself", path
    within = above | {id(cast("object", value))}
    if isinstance(value, dict):
        for key, member in cast("dict[object, object]", value).items():
            found = _key_fault(key, path) or _fault(member, f"{path}.{key}", within)
            if found is not None:
                return found
        return None
    for index, member in enumerate(cast("list[object]", value)):
        found = _fault(member, f"{path}[{index}]", within)
        if found is not None:
            return found
    return None


def _key_fault(key: object, path: str) -> tuple[str, str] | None:
    if key is None or isinstance(key, str | int | float):
        return _fault(key, path, frozenset())
    return f"a value of type {type(key).__name__} cannot be the key of an object", path


def _text_fault(text: str, path: str) -> tuple[str, str] | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"text cannot be encoded: {error}", path
    return None
