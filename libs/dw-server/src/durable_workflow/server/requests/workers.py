"""Registration and signs of life (worker-protocol 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields import (
    LONGEST_NAME,
    Choice,
    Identifier,
    Inside,
    Kind,
    Listed,
    Object,
    Reading,
    Say,
    Schemas,
    Text,
    Whole,
    or_null,
    texts,
)

_SLOTS: Final = ("workflow_available", "activity_available", "session_available")
_LONGEST_INTERVAL: Final = 3600
# What one registration may name. Types are looked at in every claim of the worker, and what it says
# of itself is written with every heartbeat.
_MOST_TYPES: Final = 2000
_MOST_CAPABILITIES: Final = 100
_LARGEST_METRICS: Final = 16_384
MOST_HELD: Final = 10_000
_LONGEST_WAIT: Final = 60


class Fingerprints(Object, frozen=True, kw_only=True):
    """A fingerprint for each workflow type."""

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        found = super().read(value, at, reading)
        if found is None:
            return None
        if len(found) > _MOST_TYPES:
            reading.fail(at, f"must not have more than {_MOST_TYPES} members.")
            return None
        if any(len(kind) > LONGEST_NAME for kind in found):
            reading.fail(at, f"must not name a type longer than {LONGEST_NAME} characters.")
            return None
        return {kind: _fingerprint(text, f"{at}.{kind}", reading) for kind, text in found.items()}

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        text = Text().schema(schemas, needed=True)
        of_all = super().schema(schemas, needed=needed)
        return {
            **of_all,
            "maxProperties": _MOST_TYPES,
            "propertyNames": {"maxLength": LONGEST_NAME},
            "additionalProperties": text,
        }


class Slots(Object, frozen=True, kw_only=True):
    """How many tasks of each kind a worker could take."""

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        found = super().read(value, at, reading)
        if found is None:
            return None
        numbers = {
            name: Whole().read(found[name], f"{at}.{name}", reading)
            for name in _SLOTS
            if found.get(name) is not None
        }
        return {name: number for name, number in numbers.items() if number is not None}

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        number = or_null(Whole().schema(schemas, needed=False))
        return {
            **super().schema(schemas, needed=needed),
            "properties": dict.fromkeys(_SLOTS, number),
        }


class Metrics(Object, frozen=True, kw_only=True):
    """What a worker says of its process."""

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        found = super().read(value, at, reading)
        if found is not None and found.get("host") is not None:
            Text().read(found["host"], f"{at}.host", reading)
        return found

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        host = or_null(Text().schema(schemas, needed=False))
        return {**super().schema(schemas, needed=needed), "properties": {"host": host}}


class Attempt(Kind, frozen=True, kw_only=True):
    """The number of a workflow task's attempt, or the id of an activity's."""

    gives = (int, str)

    def read(self, value: Any, at: str, reading: Reading) -> int | str | None:
        kind = Whole() if isinstance(value, int) else Text()
        found: int | str | None = kind.read(value, at, reading)
        return found

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        kinds: tuple[Kind, ...] = (Whole(), Text())
        number, text = (kind.schema(schemas, needed=needed) for kind in kinds)
        return {"anyOf": [{**number, "type": "integer"}, text]}


class RegisterWorker(msgspec.Struct, frozen=True, kw_only=True):
    """Announce a worker of a task queue, or renew what is known of it (worker-protocol 2.1)."""

    task_queue: Annotated[str, Text()]
    runtime: Annotated[str, Text(longest=64)]
    worker_id: Annotated[str | None, Identifier()] = None
    sdk_version: Annotated[str | None, Text(longest=64)] = None
    build_id: Annotated[str | None, Text()] = None
    supported_workflow_types: Annotated[list[str], texts(most=_MOST_TYPES)] = []
    supported_activity_types: Annotated[list[str], texts(most=_MOST_TYPES)] = []
    workflow_definition_fingerprints: Annotated[dict[str, str], Fingerprints()] = {}
    max_concurrent_workflow_tasks: Annotated[int, Whole(least=1)] = 100
    max_concurrent_activity_tasks: Annotated[int, Whole(least=1)] = 100
    capabilities: Annotated[list[str], texts(most=_MOST_CAPABILITIES)] = []
    task_slots: Annotated[dict[str, int] | None, Slots()] = None
    process_metrics: Annotated[dict[str, Any] | None, Metrics(most_bytes=_LARGEST_METRICS)] = None
    heartbeat_interval_seconds: Annotated[int | None, Whole(least=1, most=_LONGEST_INTERVAL)] = None
    session: Annotated[str | None, Text()] = None


class HeldTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that a worker says it holds (extension `held_tasks`).

    Attributes:
        attempt: The number of a workflow task's attempt, or the id of an activity's.
        claim: Of a task that came with one; None where it is not said.
    """

    kind: Annotated[str, Choice(words=("workflow", "activity"))]
    task_id: Annotated[str, Text()]
    attempt: Annotated[int | str, Attempt()]
    claim: Annotated[str | None, Text()] = None

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """An attempt is of the form that tasks of its kind have."""
        kind, attempt = values.get("kind"), values.get("attempt")
        if kind == "workflow" and isinstance(attempt, str):
            say("attempt", "must be an integer.")
        if kind == "activity" and isinstance(attempt, int):
            say("attempt", "must be a string.")


class SignOfLife(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself with a sign of life; None keeps what was known."""

    task_slots: Annotated[dict[str, int] | None, Slots()] = None
    process_metrics: Annotated[dict[str, Any] | None, Metrics(most_bytes=_LARGEST_METRICS)] = None


class WorkerHeartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of life of a registered worker, and what it has to say of itself.

    Attributes:
        held_tasks: The tasks that it works on (extension `held_tasks`); None from workers that do
            not say.
        wait_seconds: How long the answer may be held; None to be answered at once.
    """

    worker_id: Annotated[str, Text()]
    task_slots: Annotated[dict[str, int] | None, Slots()] = None
    process_metrics: Annotated[dict[str, Any] | None, Metrics(most_bytes=_LARGEST_METRICS)] = None
    heartbeat_interval_seconds: Annotated[int | None, Whole(least=1, most=_LONGEST_INTERVAL)] = None
    session: Annotated[str | None, Text()] = None
    held_tasks: Annotated[
        list[HeldTask] | None, Listed(each=Inside(into=HeldTask), most=MOST_HELD)
    ] = None
    wait_seconds: Annotated[int | None, Whole(most=_LONGEST_WAIT)] = None


class DeregisterWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's own goodbye (extension `deregister`)."""

    worker_id: Annotated[str, Text()]
    session: Annotated[str, Text()]


def _fingerprint(value: Any, at: str, reading: Reading) -> str:
    before = reading.failures
    found = None if value is None else Text().read(value, at, reading)
    if found is None and reading.failures == before:
        reading.fail(at, "is required.")
    return found or ""
