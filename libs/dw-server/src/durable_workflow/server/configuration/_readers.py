"""How the text of a setting is read. Each reader raises `ValueError`, which says what would fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from durable_workflow.server.requests.namespaces import LONGEST_NAMESPACE, NAMESPACE

# What every reader of JSON and every integer of the machine holds.
_MOST: Final = 2**53 - 1


def text(text: str) -> str:
    """Any text."""
    return text


def one_of(*words: str) -> Callable[[str], str]:
    """One of these words, in whatever case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return read


def switch(text: str) -> bool:
    """True or false."""
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be true or false")
    return words[text.lower()]


def _whole(text: str, least: int, most: int) -> int | None:
    """The number, where it is one between these. Digits that are too many are not counted."""
    if not (text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len(str(most))):
        return None
    number = int(text.lstrip("0") or "0")
    return number if least <= number <= most else None


def count(text: str) -> int:
    """A whole number, 0 or more."""
    return _at_least(0, text)


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    if (found := _whole(text, least, _MOST)) is None:
        is_larger = text.isascii() and text.isdigit() and text.strip("0") != ""
        most = f", {_MOST} at most" if is_larger else ""
        raise ValueError(f"must be a whole number, {least} or more{most}")
    return found


def within(least: int, most: int) -> Callable[[str], int]:
    """A whole number between these."""

    def read(text: str) -> int:
        if (found := _whole(text, least, most)) is None:
            raise ValueError(f"must be a whole number, {least} to {most}")
        return found

    return read


def port(text: str) -> int:
    """A port number; 0 is one."""
    return within(0, 65_535)(text)


def seconds(text: str) -> float:
    """A number of seconds, 0 or more."""
    message = "must be a number of seconds, 0 or more"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(message) from None
    if not 0 <= value < 1e9:
        raise ValueError(message)
    return value


def some_seconds(text: str) -> float:
    """A number of seconds, more than 0: what is leased for no time can never be done."""
    message = "must be a number of seconds, more than 0"
    try:
        value = seconds(text)
    except ValueError:
        raise ValueError(message) from None
    if value == 0:
        raise ValueError(message)
    return value


def days(text: str) -> int:
    """Days, 1 to 365."""
    if (found := _whole(text, 1, 365)) is None:
        raise ValueError("must be a whole number of days, 1 to 365")
    return found


def folder(text: str) -> Path:
    """A path."""
    return Path(text)


def namespace(text: str) -> str:
    """The name of a namespace, in small letters."""
    if len(text) > LONGEST_NAMESPACE or not NAMESPACE.fullmatch(text):
        raise ValueError("must be a name of letters, digits, dots, dashes and underscores")
    return text.lower()
