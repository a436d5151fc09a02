"""Events of other systems, which ask for a command on a workflow (control-plane 13)."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final, TypeAlias

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields import (
    Arguments,
    Beside,
    Choice,
    Identifier,
    Object,
    OperationName,
    Payload,
    Reading,
    Schemas,
    Text,
    WireLimits,
    WorkflowType,
    as_whole,
    seconds,
    table_of,
)
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.requests.commands import WAITS
from durable_workflow.server.requests.workflows import WORKFLOW_ID

REJECT_DUPLICATE: Final = "reject_duplicate"
USE_EXISTING: Final = "use_existing"
_LONGEST_NAME: Final = 255
_ADAPTER: Final = re.compile(r"[a-zA-Z0-9._:-]{1,255}")


class Adapter(Beside, frozen=True, kw_only=True):
    """The name of an adapter, in the path."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        name = str(value).strip()
        if _ADAPTER.fullmatch(name):
            return name
        reading.fail(at, "format is invalid.")
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": "string", "pattern": as_whole(_ADAPTER.pattern, blank=False)}


class TargetName(OperationName, frozen=True, kw_only=True):
    """The name of a signal or update, inside the document: a character shorter than beside it."""

    beside: ClassVar[bool] = False

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        if not isinstance(value, str):
            reading.fail(at, "must be a string.")
        elif len(value) > _LONGEST_NAME:
            reading.fail(at, f"must not be longer than {_LONGEST_NAME} characters.")
        else:
            return super().read(value, at, reading)
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        schema = super().schema(schemas, needed=needed)
        return {**schema, "maxLength": min(schema["maxLength"], _LONGEST_NAME)}


class BridgeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that came through an adapter.

    Attributes:
        action: What it asks for; `target_of` knows those that there are.
        idempotency_key: The same key again is a duplicate.
        target: What it is about, by the rules of the action.
        correlation: Returned and recorded unchanged.
    """

    adapter: Annotated[str, Adapter()]
    action: Annotated[str, Text()]
    idempotency_key: Annotated[str, Text()]
    target: Annotated[dict[str, Any], Object()]
    arguments: Annotated[Payload | None, Arguments(name="input")] = None
    correlation: Annotated[dict[str, Any] | None, Object()] = None


class StartTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The workflow that an event starts.

    Attributes:
        workflow_id: None makes one of the adapter and the idempotency key.
    """

    workflow_type: Annotated[str, WorkflowType()]
    workflow_id: Annotated[str | None, Identifier(longest=128, pattern=WORKFLOW_ID)] = None
    task_queue: Annotated[str, Identifier()] = "default"
    business_key: Annotated[str | None, Text()] = None
    duplicate_policy: Annotated[str, Choice(words=(REJECT_DUPLICATE, USE_EXISTING))] = USE_EXISTING


class SignalTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The signal that an event is."""

    workflow_id: Annotated[str, Text()]
    signal_name: Annotated[str, TargetName()]


class UpdateTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The update that an event asks for."""

    workflow_id: Annotated[str, Text()]
    update_name: Annotated[str, TargetName()]
    wait_for: Annotated[str, Choice(words=WAITS)] = "accepted"
    wait_timeout_seconds: Annotated[int | None, seconds()] = None


Target: TypeAlias = StartTarget | SignalTarget | UpdateTarget

_TARGETS: Final[dict[str, type[Target]]] = {
    "start_workflow": StartTarget,
    "signal_workflow": SignalTarget,
    "update_workflow": UpdateTarget,
}


def target_of(event: BridgeEvent, limits: WireLimits) -> Target | None:
    """What an event is about; None where its action is none of the bridge's.

    Raises:
        Invalid: The target does not fit the action.
    """
    into = _TARGETS.get(event.action)
    if into is None:
        return None
    reading = Reading(limits)
    target: Target | None = table_of(into).read(event.target, reading, at="target.")
    if target is None:
        raise Invalid(reading.errors)
    return target
