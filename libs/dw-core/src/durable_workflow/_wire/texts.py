"""Texts of exceptions and values, also where their own methods raise."""


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
    """The message of a failure. It is never empty, because servers refuse an empty one.

    `raise ValueError`, an `assert` without a message and every `TimeoutError` of asyncio have no
    text. Then the name of the class is the message.
    """
    text = error_text(error)
    return text if text.strip() else type(error).__name__
