"""How errors speak of JSON values."""

from typing import Any

from durable_workflow.errors import ArgumentMismatch


def unexpected(expected: str, value: Any) -> ArgumentMismatch:
    """The error of a value of another type than expected."""
    return ArgumentMismatch(f"expected {expected}, got {kind_of(value)}")


def kind_of(value: Any) -> str:
    """The type of a JSON value in the words of JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"
