"""The engine's decision: the run as it will be, and everything else to write.

A `Decision` works on a copy of the run, so that deciding changes nothing. Rules add to it; the
service writes it down in one unit of work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import (
    Activity,
    BufferedEvent,
    ChildLink,
    PastAttempt,
    PastTask,
    Resolution,
    Run,
    RunDetails,
    Timer,
    Update,
)
from durable_workflow.server.engine.times import precise

NewId: TypeAlias = Callable[[], str]

_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct):
    """One history record; `record` is its JSON, encoded once for every reader there will be."""

    run_id: str
    sequence: int
    event_type: str
    record: bytes


class NewActivity(msgspec.Struct):
    """An activity to create, with what never changes, which is kept apart from the changing row.

    Attributes:
        label: What its starter calls the class of the activity.
    """

    activity: Activity
    arguments: JsonObject | None
    label: str | None = None


class ParentOutcome(msgspec.Struct):
    """How a child run ended, for the parent to be told.

    Attributes:
        status: Status of the child run.
        payload: What the parent's event says beside the link: output or failure fields.
        retryable: False where the child said that trying again makes no sense.
    """

    status: str
    closed_reason: str
    payload: JsonObject
    retryable: bool = True


class Decision(msgspec.Struct):
    """A decision in the making about one run.

    Attributes:
        run: The run as it will be. A copy: the run that was decided on is unchanged.
        created: The run's cold half, where the run is new.
        closes: The run ends here: whatever it has open is to be closed with it.
        outcome: For the parent, where the run is a child that resolves it.
        started: Decisions about runs that begin here: children, the next run of a chain.
    """

    run: Run
    now: int
    new_id: NewId
    _at: str = ""
    events: list[Event] = []
    created: RunDetails | None = None
    attributes: JsonObject | None = None
    output: Any = None
    failure: JsonObject | None = None
    closes: bool = False
    outcome: ParentOutcome | None = None
    started: list[Decision] = []
    new_activities: list[NewActivity] = []
    activities: list[Activity] = []
    attempts: list[PastAttempt] = []
    new_timers: list[Timer] = []
    timers: list[Timer] = []
    new_child_links: list[ChildLink] = []
    child_links: list[ChildLink] = []
    new_updates: list[Update] = []
    updates: list[Update] = []
    moved_updates_to: str | None = None
    held_results: list[Resolution] = []
    released: bool = False
    buffered: list[BufferedEvent] = []
    drained: bool = False
    past_tasks: list[PastTask] = []
    created_task_ids: list[str] = []

    def __post_init__(self) -> None:
        self.run = replace(self.run)
        self._at = precise(self.now)

    def append(
        self,
        event_type: str,
        payload: JsonObject,
        *,
        task_id: str | None = None,
        command_id: str | None = None,
    ) -> None:
        """Append an event to the run's history."""
        self.append_encoded(event_type, _encode(payload), task_id=task_id, command_id=command_id)

    def append_encoded(
        self,
        event_type: str,
        payload: bytes,
        *,
        task_id: str | None = None,
        command_id: str | None = None,
    ) -> None:
        """Append an event whose payload was encoded before."""
        run, at = self.run, self._at
        run.last_sequence += 1
        task = "null" if task_id is None else f'"{task_id}"'
        command = "null" if command_id is None else f'"{command_id}"'
        # Both planes read this one text: workers know the time as `recorded_at`, clients as
        # `timestamp`. Ids and types are ours and need no escaping.
        head = (
            f'{{"sequence":{run.last_sequence},"event_type":"{event_type}","timestamp":"{at}",'
            f'"payload":'
        )
        tail = (
            f',"id":"{self.new_id()}","workflow_task_id":{task},"workflow_command_id":{command},'
            f'"recorded_at":"{at}"}}'
        )
        record = b"".join((head.encode(), payload, tail.encode()))
        run.history_bytes += len(record)
        run.last_progress_at = self.now
        self.events.append(Event(run.run_id, run.last_sequence, event_type, record))


def encode_payload(payload: JsonObject) -> bytes:
    """Encode an event's payload, for an event that is appended later."""
    return _encode(payload)
