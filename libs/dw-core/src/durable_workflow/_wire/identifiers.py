"""Ids and names of queues: servers drop the space around them, and refuse blank ones."""


def identifier(name: str, value: object) -> str:
    """The id without the space around it.

    A server does the same with ids in a body, and not every server with ids in a path: an id that
    was stored without its space is not found with it.

    Args:
        name: What the caller knows it as, for the error.
        value: What was given.

    Raises:
        TypeError: It is not a string.
        ValueError: It is blank.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not of type {type(value).__name__}")
    trimmed = value.strip()
    if not trimmed:
        raise ValueError(f"{name} must not be blank")
    return trimmed
