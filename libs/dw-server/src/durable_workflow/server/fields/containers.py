"""Kinds of fields that hold other values: objects, lists, and whatever comes."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject, dict_or_none, list_or_none
from durable_workflow.server.fields.kind import Kind, SlicedKind
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.fields.strings import LONGEST_NAME, Text
from durable_workflow.server.slices import SLICE, Slices


class Json(Kind, frozen=True, kw_only=True):
    """Any value, as it came."""

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        return value

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {}


class Object(Kind, frozen=True, kw_only=True):
    """An object.

    Attributes:
        or_list: An empty list is an empty object: so the reference server writes one.
        most_bytes: How large it may be, encoded; None for any size.
    """

    or_list: bool = True
    most_bytes: int | None = None
    gives = (dict,)

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        found = {} if self.or_list and value == [] else dict_or_none(value)
        if found is None:
            reading.fail(at, "must be an object.")
            return None
        most = self._most_bytes(reading)
        if most is not None and found and len(msgspec.json.encode(found)) > most:
            reading.fail(at, f"must not be larger than {most} bytes.")
            return None
        return found

    def _most_bytes(self, reading: Reading) -> int | None:
        return self.most_bytes

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": ["object", "array"], "maxItems": 0} if self.or_list else {"type": "object"}


class Memo(Object, frozen=True, kw_only=True):
    """What a caller notes about a run."""

    def _most_bytes(self, reading: Reading) -> int:
        return reading.limits.max_memo_bytes


class Listed(SlicedKind, frozen=True, kw_only=True):
    """A list whose members are all of one kind.

    Attributes:
        each: The kind of the members.
        most: How many there may be; None for any number.
        required: What is said of an empty list; None where it may be empty.
    """

    each: Kind
    most: int | None = None
    required: bool = False
    gives = (list,)

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[list[Any] | None]:
        members = list_or_none(value)
        if members is None:
            reading.fail(at, "must be a list.")
            return None
        if not members and self.required:
            return None
        if self.most is not None and len(members) > self.most:
            reading.fail(at, f"must not have more than {self.most} members.")
            return None
        found: list[Any] = []
        for index, member in enumerate(members):
            before = reading.failures
            read = None if member is None else self.each.read(member, f"{at}.{index}", reading)
            if read is not None:
                found.append(read)
            elif reading.failures == before:
                reading.fail(f"{at}.{index}", "is required.")
            if reading.is_full():
                break
            if index % SLICE == SLICE - 1:
                yield
        return found

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        found: JsonObject = {"type": "array", "items": self.each.schema(schemas, needed=True)}
        if self.most is not None:
            found["maxItems"] = self.most
        if self.required and needed:
            found["minItems"] = 1
        return found


def texts(*, most: int, longest: int = LONGEST_NAME) -> Listed:
    """A list of texts, none of them blank."""
    return Listed(each=Text(longest=longest), most=most)
