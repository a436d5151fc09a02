"""Reading the fields of commands: integers may be digit strings, strings must say something."""

from __future__ import annotations

import math
import re
from typing import Any, Final, TypeAlias

from durable_workflow.server.engine.times import LONGEST_SECONDS

Errors: TypeAlias = dict[str, list[str]]

# Digits alone, as in the other bodies: Python would also read "1_000" and "+5". No number that fits
# anywhere is longer.
_DIGITS = re.compile(r"-?[0-9]{1,19}", re.ASCII)
# In characters: ids of ours (worker-protocol, conventions), and whatever has a name, as types and
# queues have on the control plane.
LONGEST_ID: Final = 191
LONGEST_NAME: Final = 255


def text(
    raw: dict[str, Any],
    name: str,
    at: str,
    errors: Errors,
    *,
    required: bool = False,
    longest: int | None = LONGEST_NAME,
) -> str:
    """A string field, trimmed; empty where it is absent or wrong.

    Args:
        longest: In characters. None for prose, which `parse_commands` holds to the limit of
            payloads. A name has no null character: not every database can store one.
    """
    value = raw.get(name)
    if isinstance(value, str) and value.strip():
        found = value.strip()
        if longest is None or (len(found) <= longest and "\0" not in found):
            return found
        problem = (
            f"be longer than {longest} characters"
            if len(found) > longest
            else "hold a null character"
        )
        errors[f"{at}.{name}"] = [f"The {at}.{name} field must not {problem}."]
    elif value is None or value == "" or (isinstance(value, str) and not required):
        if required:
            errors[f"{at}.{name}"] = [f"The {at}.{name} field is required."]
    else:
        errors[f"{at}.{name}"] = [f"The {at}.{name} field must be a non-empty string."]
    return ""


def integer(
    raw: dict[str, Any],
    name: str,
    at: str,
    errors: Errors,
    *,
    minimum: int | None = None,
    maximum: int = LONGEST_SECONDS,
    required: bool = False,
) -> int | None:
    """An integer field, or None."""
    value = raw.get(name)
    if value is None:
        if required:
            errors[f"{at}.{name}"] = [f"The {at}.{name} field is required."]
        return None
    read = as_integer(value)
    if read is None:
        errors[f"{at}.{name}"] = [f"The {at}.{name} field must be an integer."]
    elif minimum is not None and read < minimum:
        errors[f"{at}.{name}"] = [f"The {at}.{name} field must be at least {minimum}."]
    elif abs(read) > maximum:
        errors[f"{at}.{name}"] = [f"The {at}.{name} field must not be greater than {maximum}."]
    return read


def duration(raw: dict[str, Any], name: str, at: str, errors: Errors) -> float | None:
    """A number of seconds, at least 0. Reference workers send fractions as they were written.

    Returns:
        None where it is absent or wrong: what is out of bounds may not even be a time.
    """
    value = raw.get(name)
    if value is None:
        return None
    read: float | None = as_integer(value)
    if read is None and isinstance(value, float) and math.isfinite(value):
        read = value
    if read is None:
        problem = "be a number of seconds"
    elif read < 0:
        problem = "be at least 0"
    elif read > LONGEST_SECONDS:
        problem = f"not be greater than {LONGEST_SECONDS}"
    else:
        return read
    errors[f"{at}.{name}"] = [f"The {at}.{name} field must {problem}."]
    return None


def as_integer(value: Any) -> int | None:
    """An integer, or a string of digits as one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    return None


def flag(raw: dict[str, Any], name: str, at: str, errors: Errors) -> bool:
    """A boolean field, False where it is absent."""
    value = raw.get(name)
    if value is None:
        return False
    if value in (True, False, "1", "0") and not isinstance(value, float):
        return value in (True, "1")
    errors[f"{at}.{name}"] = [f"The {at}.{name} field must be true or false."]
    return False
