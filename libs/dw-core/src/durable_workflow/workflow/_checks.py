"""What may stand in the options of commands; the errors name command, option and what was given."""

import json
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from durable_workflow._wire.json_faults import at, fault_in
from durable_workflow._wire.keys import refuse_colliding_keys
from durable_workflow._wire.texts import representation
from durable_workflow.serializer._plain import plain

_DIGITS: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_LONGEST_SHOWN: Final = 200


def shown(value: object) -> str:
    """A value as an error shows it: what it looks like, and its type."""
    text = shown_in_part(value)
    return text if value is None else f"{text} ({type(value).__name__})"


def shown_in_part(value: object) -> str:
    """A value as code would write it; of a long one the beginning."""
    text = representation(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _is_finite(number: float) -> bool:
    """Whether a number is finite.

    An int may be too large for a float; that counts as not finite.
    """
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def check_name(command: str, option: str, value: object, *, mark: str | None = None) -> None:
    """Check that a name is a string.

    Args:
        command: The command, as an error calls it.
        option: The option.
        value: What was given.
        mark: The attribute in which what was given by mistake, a function or a class, may have
            the name.
    Raises:
        TypeError: It is no text.
    """
    if isinstance(value, str):
        return
    name: object = getattr(value, mark, None) if mark is not None else None
    if mark is not None and name is None:
        name = getattr(value, "__name__", None)
    hint = f"; give its name instead: {name!r}" if isinstance(name, str) else ""
    raise TypeError(f"{command}: {option} must be a string, got {shown(value)}{hint}")


def check_optional_name(
    command: str, option: str, value: object, *, mark: str | None = None
) -> None:
    """Check that a name is a string or None.

    Raises:
        TypeError: It is neither text nor None.
    """
    if value is not None:
        check_name(command, option, value, mark=mark)


def check_choice(command: str, option: str, value: object, choices: tuple[str, ...]) -> None:
    """Check that a word is None or one of some.

    Raises:
        TypeError: It is neither text nor None.
        ValueError: It is another word.
    """
    check_optional_name(command, option, value)
    if value is not None and value not in choices:
        raise ValueError(
            f"{command}: {option} must be one of {', '.join(choices)}, got {shown_in_part(value)}"
        )


def check_timeouts(
    command: str, timeouts: Mapping[str, Any], order: tuple[tuple[str, str], ...]
) -> None:
    """Check that timeouts are whole seconds of at least 1, and do not contradict each other.

    Args:
        command: The command, as an error calls it.
        timeouts: By option; None where there is none.
        order: Pairs of options of which the first may not exceed the second.
    Raises:
        TypeError: One is no whole number.
        ValueError: One is too small, or exceeds another that it is part of.
    """
    given = [option for option, seconds in timeouts.items() if seconds is not None]
    if not given:
        return
    for option in given:
        seconds = timeouts[option]
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise TypeError(
                f"{command}: {option} must be a whole number of seconds, "
                f"got {shown(seconds)}{_in_seconds(seconds)}"
            )
        if seconds < 1 or not _is_finite(seconds):
            what = "at least 1 second" if seconds < 1 else "finite"
            raise ValueError(f"{command}: {option} must be {what}, got {shown_in_part(seconds)}")
    for shorter, longer in order:
        first, second = timeouts[shorter], timeouts[longer]
        if first is not None and second is not None and first > second:
            raise ValueError(
                f"{command}: {shorter} must not exceed {longer}, got {first} and {second}"
            )


def check_delay(command: str, option: str, value: Any) -> None:
    """Check that a delay is a number of seconds. A string of digits is accepted.

    Raises:
        TypeError: It is no number.
        ValueError: It is negative or not finite.
    """
    if _is_digits(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(
            f"{command}: {option} must be a number of seconds, "
            f"got {shown(value)}{_in_seconds(value)}"
        )
    if not _is_finite(value) or value < 0:
        raise ValueError(
            f"{command}: {option} must be finite and at least 0, got {shown_in_part(value)}"
        )


def rounded_up(command: str, option: str, value: Any) -> int:
    """Round a number of seconds up to a whole one; a negative number gives 0.

    Raises:
        TypeError: It is no number.
        ValueError: It is NaN, infinite, or text that is not a number.
        OverflowError: It is infinite, or larger than any float.
    """
    given: Any = value
    kind: type[Exception]
    try:
        seconds: int = max(0, math.ceil(given))
        float(seconds)
        return seconds
    except (TypeError, ValueError, OverflowError) as error:
        kind = type(error)
        if kind not in (ValueError, OverflowError):
            kind = TypeError
        raise kind(
            f"{command}: {option} must be a finite number of seconds, "
            f"got {shown(value)}{_in_seconds(value)}"
        ) from error


def check_versions(command: str, **versions: object) -> None:
    """Check that version numbers are whole numbers. A string of digits is accepted.

    Raises:
        TypeError: One is no whole number.
        ValueError: `min_supported` exceeds `max_supported`, or one is too large for any server.
    """
    for option, version in versions.items():
        whole = isinstance(version, int) and not isinstance(version, bool)
        if not whole and not _is_digits(version):
            raise TypeError(f"{command}: {option} must be a whole number, got {shown(version)}")
        if isinstance(version, int) and not _is_finite(version):
            raise ValueError(f"{command}: {option} must be finite, got {shown_in_part(version)}")
    lowest, highest = versions["min_supported"], versions["max_supported"]
    if int(str(lowest)) > int(str(highest)):
        raise ValueError(
            f"{command}: min_supported must not exceed max_supported, got {lowest} and {highest}"
        )


def checked_attributes(command: str, attributes: Any) -> dict[str, Any]:
    """A copy of search attributes.

    Raises:
        TypeError: They are no mapping.
        ValueError: Neither are these.
    """
    try:
        return dict(attributes)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{command}: attributes must be a mapping of names to values, got {shown(attributes)}"
        ) from error


def plain_attributes(command: str, attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Search attributes in their plain form. There must be some.

    Raises:
        TypeError: A name is not a string, or a value has no plain form that JSON can represent.
        ValueError: There are none, or a value is of the right type and still no JSON, as NaN.
    """
    if not attributes:
        raise ValueError(f"{command}: there must be at least one, got {shown(attributes)}")
    forms: dict[str, Any] = {}
    for name, value in attributes.items():
        if not isinstance(name, str):
            raise TypeError(f"{command}: names must be strings, got {shown(name)}")
        try:
            forms[name] = plain(value)
            json.dumps(forms[name])
            refuse_colliding_keys(forms[name], at=name)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"{command}: {name!r} must be a string, a number, a boolean, None or a list of "
                f"strings, got {shown(value)}"
            ) from error
        found = fault_in(forms[name])
        if found is not None:
            problem, path = found
            raise ValueError(f"{command}: {name!r}: {problem}{at(path)}")
    return forms


def _is_digits(value: object) -> bool:
    return isinstance(value, str) and _DIGITS.fullmatch(value.strip()) is not None


def _in_seconds(value: object) -> str:
    return "; use its total_seconds()" if isinstance(value, timedelta) else ""
