"""Cron expressions and the time zones in which they are read (control-plane 8.1)."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from cronsim import CronSim, CronSimError

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.kind import Kind
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.fields.strings import LONGEST_NAME, Text, as_whole

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ANY_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)


class CronExpression(Kind, frozen=True, kw_only=True):
    """A cron expression of five fields, or a macro as `@daily`, as it came."""

    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        text = Text().read(value, at, reading)
        if text is None:
            return None
        fields = five_fields(text)
        if len(fields.split()) != 5:
            reading.fail(at, "must be a cron expression of five fields.")
            return None
        try:
            CronSim(fields, _ANY_MOMENT)
        except CronSimError as error:
            reading.fail(at, f"must be a cron expression: {str(error).lower()}.")
            return None
        return text

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        macros = "|".join(map(_in_any_case, _MACROS))
        return {
            "type": "string",
            "maxLength": LONGEST_NAME,
            "pattern": as_whole(rf"{macros}|\S+(?:\s+\S+){{4}}", blank=not needed),
            "examples": ["0 2 * * *", "@daily"],
        }


class TimeZone(Kind, frozen=True, kw_only=True):
    """The name of a time zone that this machine knows."""

    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        name = Text(longest=64).read(value, at, reading)
        if name is not None and name not in _names():
            reading.fail(at, "must be an IANA time zone, as Europe/Berlin.")
            return None
        return name

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": "string", "maxLength": 64, "examples": ["Europe/Berlin"]}


def _in_any_case(word: str) -> str:
    """A pattern for a word in small or capital letters: JSON Schema's patterns have no flags."""
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in word)


def five_fields(expression: str) -> str:
    """A cron expression, with the five fields that a macro stands for."""
    return _MACROS.get(expression.strip().lower(), expression.strip())


@functools.cache
def zone(name: str) -> tzinfo:
    """A time zone.

    Raises:
        LookupError: This machine does not know it, or not any more.
    """
    return UTC if name in ("UTC", "Etc/UTC") else zoneinfo.ZoneInfo(name)


@functools.cache
def _names() -> frozenset[str]:
    # What the machine is set to is another zone on the next one.
    return frozenset(zoneinfo.available_timezones() - {"localtime"})
