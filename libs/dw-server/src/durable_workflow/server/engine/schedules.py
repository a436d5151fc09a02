"""Schedules: their state, and how fires and commands change it (control-plane 8)."""

from __future__ import annotations

import hashlib
from copy import copy
from typing import Any, Final

import msgspec

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import NewId
from durable_workflow.server.engine.fire_times import FireTimes
from durable_workflow.server.engine.times import SECOND, offset, offset_or_none, precise_offset
from durable_workflow.server.fields.calendars import zone

ACTIVE: Final = "active"
PAUSED: Final = "paused"
DELETED: Final = "deleted"

# How a fire that started a workflow came about, in the words of the wire.
SCHEDULED: Final = "scheduled"
DRAINED: Final = "drained"
BACKFILLED: Final = "backfilled"

_MOST_RECENT: Final = 10
_encode = msgspec.json.Encoder().encode


class BufferedFire(msgspec.Struct, frozen=True, array_like=True):
    """A fire that waits until the workflow of the one before has closed.

    Attributes:
        at: When it was buffered.
        occurrence: The time that it is for; None for one by hand.
    """

    at: int
    occurrence: int | None


class Schedule(msgspec.Struct, kw_only=True):
    """One schedule. Times are microseconds since 1970 UTC.

    Attributes:
        schedule_ulid: Of this schedule: one that is made anew under the id has another.
        remaining_actions: Fires that are left; None is without limit.
        next_occurrence_at: The time that its next fire is for: without the jitter.
        recent_actions: The last fires, oldest first, as they are shown: JSON, because a fire adds
            one and reads none.
        last_sequence: Of its history, which goes on when it is made anew.
        due_at: When it is looked at; None for never.
    """

    namespace: str
    schedule_id: str
    schedule_ulid: str
    created_at: int
    spec: JsonObject
    action: JsonObject
    overlap_policy: str
    jitter_seconds: int
    max_runs: int | None
    memo: JsonObject
    search_attributes: JsonObject
    status: str = ACTIVE
    note: str | None = None
    updated_at: int = 0
    remaining_actions: int | None = None
    fires_count: int = 0
    failures_count: int = 0
    next_fire_at: int | None = None
    next_occurrence_at: int | None = None
    last_fired_at: int | None = None
    latest_workflow_id: str | None = None
    paused_at: int | None = None
    deleted_at: int | None = None
    skipped_trigger_count: int = 0
    last_skip_reason: str | None = None
    last_skipped_at: int | None = None
    recent_actions: list[msgspec.Raw] = []
    buffered: list[BufferedFire] = []
    last_sequence: int = 0
    due_at: int | None = None


class ScheduleEvent(msgspec.Struct, frozen=True):
    """One record of a schedule's history."""

    event_id: str
    sequence: int
    event_type: str
    payload: JsonObject
    workflow_id: str | None = None
    run_id: str | None = None


class ScheduleChange:
    """What becomes of a schedule in one unit: the schedule as it will be, and its new events.

    Attributes:
        schedule: A copy: the one that was loaded is unchanged.
        redefined: What only commands change has changed: spec, action and the like.
        cause: Who asked, for the events; None for the clock.
    """

    def __init__(
        self, schedule: Schedule, now: int, new_id: NewId, cause: JsonObject | None = None
    ) -> None:
        self.schedule = copy(schedule)
        self.now = now
        self.new_id = new_id
        self.cause = cause
        self.redefined = False
        self.events: list[ScheduleEvent] = []

    def append(
        self,
        event_type: str,
        payload: JsonObject,
        workflow_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Append an event. Those that a call caused say who called, and how the schedule is."""
        schedule = self.schedule
        schedule.last_sequence += 1
        if self.cause is not None:
            payload = {**payload, "command_context": self.cause, "schedule": snapshot(schedule)}
        self.events.append(
            ScheduleEvent(
                self.new_id(), schedule.last_sequence, event_type, payload, workflow_id, run_id
            )
        )

    # --- commands ----------------------------------------------------------------------------

    def create(self, *, paused: bool) -> None:
        """Begin."""
        self.redefined = True
        self.plan()
        self.append(names.SCHEDULE_CREATED, self._definition())
        if paused:
            self.pause(self.schedule.note)

    def redefine(self, changed: JsonObject) -> None:
        """Change what is asked; the next fire is computed anew (8.5)."""
        schedule = self.schedule
        for name, value in changed.items():
            setattr(schedule, name, value)
        max_runs = changed.get("max_runs")
        if max_runs is not None and (
            schedule.remaining_actions is None or max_runs > schedule.fires_count
        ):
            schedule.remaining_actions = max(max_runs - schedule.fires_count, 0)
        self.redefined = True
        self.plan()
        payload = {"changed_fields": [*changed], **self._definition()}
        self.append(names.SCHEDULE_UPDATED, payload)

    def pause(self, note: str | None) -> None:
        """Stop firing."""
        schedule = self.schedule
        schedule.status, schedule.paused_at = PAUSED, self.now
        schedule.note = note or schedule.note
        reason = {} if note is None else {"reason": note}
        self.append(names.SCHEDULE_PAUSED, {**reason, "paused_at": offset(self.now)})

    def resume(self, note: str | None) -> None:
        """Go on from now: what was missed stays missed."""
        schedule = self.schedule
        schedule.status, schedule.paused_at = ACTIVE, None
        schedule.note = note or schedule.note
        self.plan()
        self.append(names.SCHEDULE_RESUMED, {"next_fire_at": self._next_fire()})

    def delete(self, reason: str) -> None:
        """End for good. Its history stays."""
        schedule = self.schedule
        schedule.status, schedule.deleted_at = DELETED, self.now
        schedule.next_fire_at = schedule.next_occurrence_at = None
        schedule.buffered = []
        payload = {"reason": reason, "deleted_at": offset(self.now)}
        self.append(names.SCHEDULE_DELETED, payload)

    # --- fires -------------------------------------------------------------------------------

    def plan(self) -> None:
        """Compute the next fire from now on."""
        schedule = self.schedule
        if schedule.status == DELETED:
            return
        at = None if schedule.remaining_actions == 0 else fire_times(schedule).after(self.now)
        schedule.next_occurrence_at = at
        schedule.next_fire_at = None if at is None else at + self._jitter() * SECOND

    def started(
        self, workflow_id: str, run_id: str, *, outcome: str, policy: str, occurrence: int | None
    ) -> None:
        """A fire started a workflow."""
        schedule = self.schedule
        schedule.fires_count += 1
        schedule.last_fired_at = self.now
        schedule.latest_workflow_id = workflow_id
        if schedule.remaining_actions is not None:
            schedule.remaining_actions -= 1
        self._remember({"workflow_id": workflow_id, "run_id": run_id, "outcome": outcome})
        payload: JsonObject = {
            "workflow_instance_id": workflow_id,
            "workflow_run_id": run_id,
            "outcome": outcome,
            "effective_overlap_policy": policy,
            "trigger_number": schedule.fires_count,
        }
        if occurrence is not None:
            payload["occurrence_time"] = precise_offset(occurrence)
        self.append(names.SCHEDULE_TRIGGERED, payload, workflow_id, run_id)
        if schedule.remaining_actions == 0:
            self.delete("max_runs_exhausted")

    def failed(self, reason: str) -> None:
        """A fire could not start its workflow."""
        self.schedule.failures_count += 1
        self.schedule.last_fired_at = self.now
        self._remember({"outcome": "failed", "reason": reason})

    def skipped(self, reason: str) -> None:
        """A fire started nothing."""
        schedule = self.schedule
        schedule.skipped_trigger_count += 1
        schedule.last_skip_reason, schedule.last_skipped_at = reason, self.now
        payload = {
            "reason": reason,
            "skipped_trigger_count": schedule.skipped_trigger_count,
            "last_skipped_at": offset(self.now),
        }
        self.append(names.SCHEDULE_TRIGGER_SKIPPED, payload)

    def buffer(self, occurrence: int | None) -> int:
        """Have a fire wait; how many wait now."""
        schedule = self.schedule
        schedule.buffered = [*schedule.buffered, BufferedFire(self.now, occurrence)]
        return len(schedule.buffered)

    def next_buffered(self) -> BufferedFire:
        """Take the fire that has waited longest."""
        first, *schedule_rest = self.schedule.buffered
        self.schedule.buffered = schedule_rest
        return first

    def _remember(self, action: JsonObject) -> None:
        action = {**action, "fired_at": offset(self.now)}
        recent = [*self.schedule.recent_actions, msgspec.Raw(_encode(action))]
        self.schedule.recent_actions = recent[-_MOST_RECENT:]

    def _jitter(self) -> int:
        """A random number of seconds, out of the only randomness that a unit has."""
        most = self.schedule.jitter_seconds
        if most == 0:
            return 0
        digest = hashlib.sha256(self.new_id().encode()).digest()
        return int.from_bytes(digest[:8]) % (most + 1)

    def _definition(self) -> JsonObject:
        schedule = self.schedule
        return {
            "spec": schedule.spec,
            "action": schedule.action,
            "overlap_policy": schedule.overlap_policy,
            "next_fire_at": self._next_fire(),
        }

    def _next_fire(self) -> str | None:
        return offset_or_none(self.schedule.next_fire_at)


def fire_times(schedule: Schedule) -> FireTimes:
    """When a schedule fires.

    Raises:
        LookupError: This machine does not know its time zone any more.
    """
    return FireTimes.of(schedule.spec, zone(schedule.spec.get("timezone") or "UTC"))


def snapshot(schedule: Schedule) -> JsonObject:
    """A schedule as its history shows it."""
    shown: dict[str, Any] = {
        "id": schedule.schedule_ulid,
        "schedule_id": schedule.schedule_id,
        "namespace": schedule.namespace,
        "status": schedule.status,
        "overlap_policy": schedule.overlap_policy,
        "next_fire_at": offset_or_none(schedule.next_fire_at),
        "paused_at": offset_or_none(schedule.paused_at),
        "last_fired_at": offset_or_none(schedule.last_fired_at),
        "last_skip_reason": schedule.last_skip_reason,
        "last_skipped_at": offset_or_none(schedule.last_skipped_at),
        "fires_count": schedule.fires_count,
        "skipped_trigger_count": schedule.skipped_trigger_count,
        "latest_workflow_instance_id": schedule.latest_workflow_id,
        "note": schedule.note,
    }
    return {name: value for name, value in shown.items() if value is not None}
