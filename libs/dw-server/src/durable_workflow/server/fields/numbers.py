"""Kinds of fields that hold numbers and flags."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.kind import Kind
from durable_workflow.server.fields.limits import WireLimits
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas

# Whole numbers go into 64-bit columns.
LARGEST: Final = 2**63 - 1
# The longest duration: times are 64-bit microseconds and must also be valid dates.
LONGEST_SECONDS: Final = 100 * 366 * 86_400

# Digits only, since Python would also read "1_000" and "+5"; and at most as many as fit 64 bits.
_DIGITS: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_AS_TEXT: Final = r"^\s*-?[0-9]{1,19}\s*$"
_AS_TEXT_OR_BLANK: Final = r"^\s*(?:-?[0-9]{1,19}\s*)?$"
_FLAGS: Final[dict[bool | int | str, bool]] = {
    True: True,
    False: False,
    "1": True,
    "0": False,
    "true": True,
    "false": False,
}


class Whole(Kind, frozen=True, kw_only=True):
    """A whole number within bounds."""

    least: int = 0
    most: int = LARGEST
    gives = (int,)

    def read(self, value: Any, at: str, reading: Reading) -> int | None:
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            value = int(value) if _DIGITS.fullmatch(value) else value
        most = self._most_of(reading.limits, reading.longest_page)
        if isinstance(value, bool) or not isinstance(value, int):
            reading.fail(at, "must be an integer.")
        elif value < self.least:
            reading.fail(at, f"must be at least {self.least}.")
        elif value > most:
            reading.fail(at, f"must not be greater than {most}.")
        else:
            return value
        return None

    def _most_of(self, limits: WireLimits, longest_page: int) -> int:
        return self.most

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {
            "type": ["integer", "string"],
            "minimum": self.least,
            "maximum": self._most_of(schemas.limits, schemas.longest_page),
            "pattern": _AS_TEXT if needed else _AS_TEXT_OR_BLANK,
        }


class PageSize(Whole, frozen=True, kw_only=True):
    """How many events of a task's history a page may have."""

    least: int = 1

    def _most_of(self, limits: WireLimits, longest_page: int) -> int:
        return longest_page


class Number(Kind, frozen=True, kw_only=True):
    """A finite number, at least 0. It is not read from digits."""

    gives = (int, float)

    def read(self, value: Any, at: str, reading: Reading) -> int | float | None:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            reading.fail(at, "must be a number.")
        elif value < 0:
            reading.fail(at, "must be at least 0.")
        else:
            return value
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": "number", "minimum": 0}


class Duration(Kind, frozen=True, kw_only=True):
    """A number of seconds, at least 0. Reference workers send fractions as they were written."""

    gives = (float,)

    def read(self, value: Any, at: str, reading: Reading) -> int | float | None:
        if isinstance(value, float):
            found: float | None = value if math.isfinite(value) else None
        elif isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            found = int(value) if _DIGITS.fullmatch(value) else None
        else:
            found = value if isinstance(value, int) and not isinstance(value, bool) else None
        if found is None:
            reading.fail(at, "must be a number of seconds.")
        elif found < 0:
            reading.fail(at, "must be at least 0.")
        elif found > LONGEST_SECONDS:
            reading.fail(at, f"must not be greater than {LONGEST_SECONDS}.")
        else:
            return found
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {
            "type": ["number", "string"],
            "minimum": 0,
            "maximum": LONGEST_SECONDS,
            "pattern": _AS_TEXT if needed else _AS_TEXT_OR_BLANK,
        }


class Flag(Kind, frozen=True, kw_only=True):
    """True or false, in any of the spellings of the wire."""

    gives = (bool,)

    def read(self, value: Any, at: str, reading: Reading) -> bool | None:
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
        if isinstance(value, (bool, int, str)):
            flag = _FLAGS.get(value)
            if flag is not None:
                return flag
        reading.fail(at, "must be true or false.")
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        words = [True, False, 0, 1, "0", "1", "true", "false"]
        # Where it need not be there, blank text is as none.
        return {"enum": words if needed else [*words, ""]}


def seconds() -> Whole:
    """A length of time in whole seconds, at least 1."""
    return Whole(least=1, most=LONGEST_SECONDS)
