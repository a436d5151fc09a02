"""Durations as ISO 8601 writes them: `PT30M`, `P1D`, `P2WT6H` (control-plane 8.12)."""

from __future__ import annotations

import re
from typing import Any, Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.kind import Kind
from durable_workflow.server.fields.numbers import LONGEST_SECONDS
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.fields.strings import Text, as_whole

_MICROSECONDS: Final = 1_000_000
_DAY: Final = 86_400
# A year and a month have always the same length here: the calendar has no part in it.
_PATTERN: Final = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?",
    re.ASCII,
)
# So many digits are a number beyond the longest duration in every unit, whatever follows them.
_DIGITS: Final = 12
_SECONDS: Final = (365 * _DAY, 30 * _DAY, 7 * _DAY, _DAY, 3_600, 60, 1)


class IsoDuration(Kind, frozen=True, kw_only=True):
    """An ISO 8601 duration of whole seconds, as it came.

    Attributes:
        least: In seconds.
    """

    least: int = 0
    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        text = Text(longest=64).read(value, at, reading)
        if text is None:
            return None
        length = microseconds(text)
        if length is None:
            reading.fail(at, "must be an ISO 8601 duration of whole seconds, as PT30M.")
        elif length < self.least * _MICROSECONDS:
            reading.fail(at, f"must be at least {self.least} s long.")
        else:
            return text
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        # `P` alone, without a number, is none.
        whole = as_whole(rf"(?=.*[0-9]){_PATTERN.pattern}", blank=not needed)
        return {"type": "string", "maxLength": 64, "pattern": whole, "examples": ["PT30M"]}


def microseconds(text: str) -> int | None:
    """The length of a duration; None for what is none, or is longer than a hundred years."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    counts = [int((part or "0")[:_DIGITS]) for part in found.groups()]
    length = sum(count * each for count, each in zip(counts, _SECONDS, strict=True))
    return length * _MICROSECONDS if length <= LONGEST_SECONDS else None
