"""`upsert_search_attributes`: change what the run can be found by."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject, dict_or_none, list_or_none
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.fields import Kind, Reading

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_LONGEST = 255


class Changes(Kind, frozen=True, kw_only=True):
    """A value for each attribute that changes."""

    gives = (dict,)

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        attributes = dict_or_none(value)
        if not attributes:
            reading.fail(at, "must be a non-empty object.")
            return None
        for key in attributes:
            if not _KEY.match(key):
                reading.fail(f"{at}.{key}", "has an invalid name.")
        return {key: _value(found, f"{at}.{key}", reading) for key, found in attributes.items()}


class UpsertSearchAttributes(Command):
    """The command. A value of None deletes."""

    word: ClassVar[str] = names.UPSERT_SEARCH_ATTRIBUTES
    reads_details: ClassVar[bool] = True

    attributes: Annotated[JsonObject, Changes()]

    def apply(self, turn: Turn) -> None:
        assert turn.details is not None
        merged = dict(turn.details.search_attributes)
        for key, value in self.attributes.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value
        size = len(msgspec.json.encode(merged))
        within("search_attribute_size", size, turn.limits.search_attribute_bytes)
        turn.details.search_attributes = merged
        turn.decision.attributes = merged
        turn.append(
            names.SEARCH_ATTRIBUTES_UPSERTED,
            {"sequence": turn.next_sequence(), "attributes": self.attributes, "merged": merged},
        )


def _value(value: Any, at: str, reading: Reading) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        value = value.strip()
        if len(value) > _LONGEST:
            reading.fail(at, f"must not be longer than {_LONGEST} characters.")
        return value or None
    texts = list_or_none(value)
    if texts is not None and all(isinstance(item, str) for item in texts):
        if any(len(item) > _LONGEST for item in texts):
            reading.fail(at, f"must not be longer than {_LONGEST} characters.")
        return texts
    reading.fail(at, "must be a scalar or a list of strings.")
    return None
