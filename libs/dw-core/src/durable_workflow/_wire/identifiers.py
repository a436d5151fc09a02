"""Ids and queue names: servers strip the space around them and refuse blank ones."""

from durable_workflow.errors import UnsendableArgument


def sendable(name: str, value: str) -> str:
    """The text, if UTF-8 can carry it.

    Args:
        name: What the caller knows it as, for the error.
        value: What was given.

    Raises:
        UnsendableArgument: It has half of a surrogate pair.
    """
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            problem = "has half of a surrogate pair, which UTF-8 cannot carry"
            raise UnsendableArgument(name, problem) from None
    return value


def identifier(name: str, value: object) -> str:
    """The id without the space around it.

    Every server strips ids in a body, but not every server strips ids in a path. So an id that was
    stored stripped would not be found when it is sent with its space.

    Args:
        name: What the caller knows it as, for the error.
        value: What was given.

    Raises:
        TypeError: It is not a string.
        UnsendableArgument: It is blank, or UTF-8 cannot carry it.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not of type {type(value).__name__}")
    trimmed = value.strip()
    if not trimmed:
        raise UnsendableArgument(name, "must not be blank")
    return sendable(name, trimmed)
