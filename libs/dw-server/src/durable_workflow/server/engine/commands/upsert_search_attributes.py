"""`upsert_search_attributes`: change what the run can be found by."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import Errors
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import JsonObject, as_list, as_object

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_LONGEST = 255


class UpsertSearchAttributes(msgspec.Struct):
    """The command. A value of None deletes."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    attributes: JsonObject

    @property
    def step(self) -> tuple[str, str] | None:
        return None

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


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> UpsertSearchAttributes:
    """Read the command from its wire form."""
    field = f"{at}.attributes"
    attributes = as_object(raw.get("attributes"))
    if not attributes:
        errors[field] = [f"The {field} field must be a non-empty object."]
        return UpsertSearchAttributes({})
    read_values: JsonObject = {}
    for key, value in attributes.items():
        if not _KEY.match(key):
            errors[f"{field}.{key}"] = [f"The {field}.{key} field has an invalid name."]
        read_values[key] = _value(value, f"{field}.{key}", errors)
    return UpsertSearchAttributes(read_values)


def _value(value: Any, field: str, errors: Errors) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        value = value.strip()
        if len(value) > _LONGEST:
            errors[field] = [f"The {field} field must not be longer than {_LONGEST} characters."]
        return value or None
    texts = as_list(value)
    if texts is not None and all(isinstance(item, str) for item in texts):
        if any(len(item) > _LONGEST for item in texts):
            errors[field] = [f"The {field} field must not be longer than {_LONGEST} characters."]
        return texts
    errors[field] = [f"The {field} field must be a scalar or a list of strings."]
    return None
