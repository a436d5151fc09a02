"""Schedules: workflows that are started at given times (control-plane 8)."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.server.fields import (
    Arguments,
    Beside,
    Choice,
    CronExpression,
    Flag,
    Identifier,
    Inside,
    IsoDuration,
    Kind,
    Listed,
    Object,
    Payload,
    Reading,
    Schemas,
    SlicedKind,
    Text,
    TimeZone,
    Whole,
    WorkflowType,
    schema_inside,
    seconds,
    table_of,
)
from durable_workflow.server.requests.workflows import SearchAttributes
from durable_workflow.server.slices import Slices

OVERLAP_POLICIES: Final = (
    "skip",
    "buffer_one",
    "buffer_all",
    "cancel_other",
    "terminate_other",
    "allow_all",
)
DEFAULT_QUEUE: Final = "default"
_LONGEST_NOTE: Final = 1000
_LONGEST_JITTER: Final = 3600
# Each is looked at when the next fire is computed.
_MOST_RULES: Final = 100
_DEFAULT_LIMIT: Final = 100
_LARGEST_LIMIT: Final = 500

# Names that timeouts of an action had once, and what they are called.
_ALIASES: Final = {
    "workflow_execution_timeout": "execution_timeout_seconds",
    "workflow_run_timeout": "run_timeout_seconds",
}


class Interval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A period, counted from 1970 on, and by how much its fires are moved."""

    every: Annotated[str, IsoDuration(least=1)]
    offset: Annotated[str | None, IsoDuration()] = None


class SpecFields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a spec."""

    cron_expressions: Annotated[list[str], Listed(each=CronExpression(), most=_MOST_RULES)] = []
    intervals: Annotated[list[Interval], Listed(each=Inside(into=Interval), most=_MOST_RULES)] = []
    timezone: Annotated[str | None, TimeZone()] = None


class ActionFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an action and may be left out."""

    task_queue: Annotated[str | None, Identifier()] = None
    input: Annotated[Payload | None, Arguments()] = None
    execution_timeout_seconds: Annotated[int | None, seconds()] = None
    run_timeout_seconds: Annotated[int | None, seconds()] = None
    workflow_execution_timeout: Annotated[int | None, seconds()] = None
    workflow_run_timeout: Annotated[int | None, seconds()] = None


class ActionChanges(ActionFields, frozen=True, kw_only=True):
    """What is known of changes of an action; what is None stays as it is."""

    workflow_type: Annotated[str | None, WorkflowType()] = None


class NewAction(ActionFields, frozen=True, kw_only=True):
    """What is known of a whole action."""

    workflow_type: Annotated[str, WorkflowType()]


class Spec(Kind, frozen=True, kw_only=True):
    """When a schedule fires, as it is stored: members that nobody knows stay in it."""

    gives = (dict,)

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        found: SpecFields | None = Inside(into=SpecFields).read(value, at, reading)
        if found is None:
            return None
        if not found.cron_expressions and not found.intervals:
            reading.fail(at, "must have at least one cron expression or interval.")
            return None
        read = msgspec.to_builtins(found)
        # What is known is stored as it was read, also where that is nothing: blank text is none.
        known = {name: read.get(name, getattr(found, name)) for name in found.__struct_fields__}
        return _present({name: known.get(name, member) for name, member in _members(value).items()})

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        fields = schemas.of_table("ScheduleSpec", table_of(SpecFields))
        some = [
            {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}
            for name in ("cron_expressions", "intervals")
        ]
        return {"allOf": [fields, {"anyOf": some}]}


class Action(SlicedKind, frozen=True, kw_only=True):
    """What a schedule starts, as it is stored: the input stays as it came.

    Attributes:
        whole: Whether it must name all that is needed.
    """

    whole: bool = True
    gives = (dict,)

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[JsonObject | None]:
        into = NewAction if self.whole else ActionChanges
        found: ActionFields | None = yield from Inside(into=into).read_in_slices(value, at, reading)
        if found is None:
            if not value:
                reading.fail(at, "is required.")
            return None
        members = _members(value)
        known = msgspec.structs.asdict(found) | {"input": members.get("input")}
        for alias, name in _ALIASES.items():
            known[name] = known[name] or known[alias]
            known[alias] = None
        if self.whole:
            known["task_queue"] = known["task_queue"] or DEFAULT_QUEUE
        return _present({**members, **known})

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        into, name = (
            (NewAction, "ScheduleAction") if self.whole else (ActionChanges, "ActionChanges")
        )
        return schema_inside(name, table_of(into), schemas)


class Emptied(Object, frozen=True, kw_only=True):
    """An object in which null stands for the empty one."""

    null_counts = True


class EmptiedAttributes(SearchAttributes, frozen=True, kw_only=True):
    """Search attributes, of which null are none."""

    null_counts = True


class Limit(Kind, frozen=True, kw_only=True):
    """How many events are wanted. What is no such number is the default (control-plane 8.11)."""

    gives = (int,)

    def read(self, value: Any, at: str, reading: Reading) -> int | None:
        text = str(value).strip()
        # More digits are a number beyond the largest all the same.
        number = int(text[:18]) if text.isascii() and text.isdigit() else 0
        return min(number, _LARGEST_LIMIT) if number > 0 else None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": "string"}


class CreateSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A new schedule (8.2).

    Attributes:
        schedule_id: None has one made.
        max_runs: None is without limit.
    """

    schedule_id: Annotated[str | None, Identifier(longest=128)] = None
    spec: Annotated[dict[str, Any], Spec()]
    action: Annotated[dict[str, Any], Action()]
    overlap_policy: Annotated[str, Choice(words=OVERLAP_POLICIES)] = "skip"
    jitter_seconds: Annotated[int, Whole(most=_LONGEST_JITTER)] = 0
    max_runs: Annotated[int | None, Whole(least=1)] = None
    memo: Annotated[dict[str, Any], Object()] = {}
    search_attributes: Annotated[dict[str, Any], SearchAttributes()] = {}
    paused: Annotated[bool, Flag()] = False
    note: Annotated[str | None, Text(longest=_LONGEST_NOTE)] = None


class UpdateSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of a schedule (8.5). What is UNSET stays as it is."""

    schedule_id: Annotated[str, Beside()]
    spec: Annotated[dict[str, Any] | None, Spec()] = None
    action: Annotated[dict[str, Any] | None, Action(whole=False)] = None
    overlap_policy: Annotated[str | None, Choice(words=OVERLAP_POLICIES)] = None
    jitter_seconds: Annotated[int | None, Whole(most=_LONGEST_JITTER)] = None
    max_runs: Annotated[int | None, Whole(least=1)] = None
    memo: Annotated[dict[str, Any] | msgspec.UnsetType | None, Emptied()] = msgspec.UNSET
    search_attributes: Annotated[dict[str, Any] | msgspec.UnsetType | None, EmptiedAttributes()] = (
        msgspec.UNSET
    )
    note: Annotated[str | None, Text(longest=_LONGEST_NOTE)] = None


class NamedSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of that id."""

    schedule_id: Annotated[str, Beside()]


class NoteSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Pause or resume a schedule (8.7, 8.8). Without a note the one that there is stays."""

    schedule_id: Annotated[str, Beside()]
    note: Annotated[str | None, Text(longest=_LONGEST_NOTE)] = None


class TriggerSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Fire now, by the schedule's own policy or by one for this fire (8.9)."""

    schedule_id: Annotated[str, Beside()]
    overlap_policy: Annotated[str | None, Choice(words=OVERLAP_POLICIES)] = None


class BackfillSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Fire for the times in a span (8.10): ISO 8601, in UTC where they name no zone."""

    schedule_id: Annotated[str, Beside()]
    start_time: Annotated[str, Text()]
    end_time: Annotated[str, Text()]
    overlap_policy: Annotated[str | None, Choice(words=OVERLAP_POLICIES)] = None


class ReadScheduleHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a schedule's history (8.11).

    Attributes:
        after: The last sequence that the caller has, as it came: the view reads it.
    """

    schedule_id: Annotated[str, Beside()]
    limit: Annotated[int, Limit()] = _DEFAULT_LIMIT
    after: Annotated[str | None, Text(name="after_sequence", longest=None, nulls=True)] = None


def _members(value: Any) -> JsonObject:
    return dict_or_none(value) or {}


def _present(members: JsonObject) -> JsonObject:
    return {name: member for name, member in members.items() if member is not None}
