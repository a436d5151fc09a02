"""Texts for messages: of names, and of exceptions and values, whose own methods may raise."""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_NAMES = 5


def known_names(wanted: str, known: Iterable[str], what: str) -> str:
    """The end of a sentence about a name that is not known, in parentheses: those that are.

    One that is spelled almost like it, because such a name is often misspelled; or else all.

    Args:
        wanted: The name.
        known: The names that are known.
        what: How a list of them begins, as "known are:".
    """
    names = sorted(known)
    if not names:
        return ""
    if near := get_close_matches(wanted, names, n=1):
        return f" (did you mean {near[0]}?)"
    more = ", …" if len(names) > _MOST_NAMES else ""
    return f" ({what} {', '.join(names[:_MOST_NAMES])}{more})"


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
