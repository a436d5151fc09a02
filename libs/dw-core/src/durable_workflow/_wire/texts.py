"""What exceptions say, whatever class they are of."""


def error_text(error: BaseException) -> str:
    """The message of an exception; one whose own `__str__` raises is reported all the same."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (code of the author may raise anything)
        return "<exception str() failed>"


def representation(value: object) -> str:
    """A value as code would write it; one whose own `__repr__` raises is shown all the same."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (code of the author may raise anything)
        return object.__repr__(value)


def failure_message(error: BaseException) -> str:
    """What a failure says of its exception: never nothing, as servers require.

    `raise ValueError`, an `assert` without words and every `TimeoutError` of asyncio say nothing;
    their class does.
    """
    text = error_text(error)
    return text if text.strip() else type(error).__name__
