"""Fires of schedules: by the clock, by hand, for the past, and those that waited (8.9 to 8.12).

A fire and the start that it makes are one unit of work, so a crash at any line neither doubles nor
loses it.
"""

from __future__ import annotations

import msgspec

from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.server.engine import schedules as engine
from durable_workflow.server.engine.schedules import SCHEDULED, Schedule, ScheduleChange
from durable_workflow.server.engine.starting import Beginning, begin
from durable_workflow.server.engine.state import CANCELLED, TERMINATED, Run
from durable_workflow.server.engine.times import precise_offset
from durable_workflow.server.fields import Arguments, Payload, Reading
from durable_workflow.server.fields.payloads import is_envelope
from durable_workflow.server.records import instances, namespaces
from durable_workflow.server.records import schedules as records
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import builds
from durable_workflow.server.services.payloads import envelope
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workflows import check_attached
from durable_workflow.server.store.protocol import Tx

# What becomes of the open workflow of the fire before.
_CLOSING = {"cancel_other": CANCELLED, "terminate_other": TERMINATED}
_BUFFERING = ("buffer_one", "buffer_all")


class Fire(msgspec.Struct, frozen=True, kw_only=True):
    """One fire.

    Attributes:
        outcome: What it is called where it starts a workflow.
        policy: What to do where the workflow of the fire before is open.
        occurrence: The time that it is for; None for one by hand.
    """

    outcome: str = SCHEDULED
    policy: str
    occurrence: int | None = None


class Fired(msgspec.Struct, frozen=True):
    """What became of a fire: `started`, `buffered`, `buffer_full`, `skipped` or `failed`."""

    outcome: str
    workflow_id: str | None = None
    run_id: str | None = None
    reason: str | None = None
    depth: int | None = None


class Fires:
    """The fires of one unit: of one schedule, or of several that are due together.

    What they have in common is read once.
    """

    def __init__(self, tx: Tx, settings: ServiceSettings) -> None:
        self.unit = Unit(tx, settings)
        self._pins: dict[tuple[str, str], str | None] = {}
        self._namespaces: dict[str, bool] = {}

    def fire(self, change: ScheduleChange, each: Fire, running: Run | None) -> Fired:
        """Fire once, by the rules of 8.12: status, remaining actions, overlap, start.

        Args:
            running: What `open_run` finds now.
        """
        schedule = change.schedule
        if schedule.status != engine.ACTIVE:
            return _skip(change, "status_not_triggerable")
        if schedule.remaining_actions == 0:
            return _skip(change, "remaining_actions_exhausted")
        if running is not None:
            if each.policy == "skip":
                return _skip(change, "overlap_policy_skip")
            if each.policy in _BUFFERING:
                return _buffer(self.unit, change, each)
        try:
            beginning = self._beginning(schedule)
        except Refused as refused:
            change.failed(refused.message)
            return Fired("failed", reason=refused.message)
        if running is not None and each.policy in _CLOSING:
            reason = f"closed by overlap policy {each.policy} of schedule {schedule.schedule_id}"
            status = _CLOSING[each.policy]
            self.unit.close_by_command(running, status, reason, self.unit.tx.new_id())
        return _start(self.unit, change, beginning, each)

    def finish(self, *changes: ScheduleChange) -> None:
        """Write what the fires have made of schedules and of runs, which ends the unit."""
        for change in changes:
            # A fire that waited and could not start its workflow lets the next one have its turn.
            buffered = bool(change.schedule.buffered)
            wake = buffered and open_run(self.unit, change.schedule) is None
            records.save(self.unit.tx, change, wake=wake)
        self.unit.finish()

    def is_going(self, namespace: str) -> bool:
        """Whether a namespace is being deleted."""
        known = self._namespaces.get(namespace)
        if known is None:
            known = self._namespaces[namespace] = namespaces.exists(self.unit.tx, namespace)
        return not known

    def _beginning(self, schedule: Schedule) -> Beginning:
        """How the workflow of a fire begins.

        Raises:
            Refused: Something of it fits no more what the namespace or the settings allow.
        """
        tx, action, limits = self.unit.tx, schedule.action, self.unit.settings.limits
        if schedule.memo or schedule.search_attributes:
            check_attached(
                tx, schedule.namespace, schedule.memo, schedule.search_attributes, limits
            )
        arguments = _arguments(action)
        return Beginning(
            namespace=schedule.namespace,
            workflow_id=tx.new_id(),
            workflow_type=action["workflow_type"],
            task_queue=action["task_queue"],
            compatibility=self._pin(schedule.namespace, action["task_queue"]),
            run_id=tx.new_id(),
            codec="avro" if arguments is None else arguments.codec,
            arguments=envelope(arguments),
            memo=schedule.memo,
            search_attributes=schedule.search_attributes,
            execution_timeout_seconds=action.get("execution_timeout_seconds"),
            run_timeout_seconds=action.get("run_timeout_seconds"),
            schedule_id=schedule.schedule_id,
        )

    def _pin(self, namespace: str, task_queue: str) -> str | None:
        key = namespace, task_queue
        if key not in self._pins:
            self._pins[key] = builds.pin(self.unit.tx, namespace, task_queue)
        return self._pins[key]


def open_run(unit: Unit, schedule: Schedule) -> Run | None:
    """The run that the last fire has open, or a later one of its chain.

    The fire may be one of this unit.
    """
    if schedule.latest_workflow_id is None:
        return None
    instance = instances.find(unit.tx, schedule.namespace, schedule.latest_workflow_id)
    run = None if instance is None else unit.find(instance.current_run_id)
    return None if run is None or run.closed else run


def _skip(change: ScheduleChange, reason: str, outcome: str = "skipped") -> Fired:
    change.skipped(reason)
    return Fired(outcome, reason=reason)


def _buffer(unit: Unit, change: ScheduleChange, each: Fire) -> Fired:
    most = 1 if each.policy == "buffer_one" else unit.settings.max_buffered_fires
    if len(change.schedule.buffered) >= most:
        return _skip(change, "buffer_full", "buffer_full")
    return Fired("buffered", depth=change.buffer(each.occurrence))


def _arguments(action: JsonObject) -> Payload | None:
    given = action.get("input")
    envelope_given = dict_or_none(given)
    if envelope_given is not None and is_envelope(envelope_given):
        # It was decoded when the schedule was made, to see that it holds arguments.
        return Payload(**envelope_given)
    reading = Reading()
    found = None if given is None else Arguments().read(given, "input", reading)
    if reading.errors:
        raise Invalid(reading.errors)
    return found


def _start(unit: Unit, change: ScheduleChange, beginning: Beginning, each: Fire) -> Fired:
    tx, schedule, b = unit.tx, change.schedule, beginning
    instances.insert(
        tx,
        b.namespace,
        b.workflow_id,
        workflow_type=b.workflow_type,
        run_id=b.run_id,
        command_sequence=0,
    )
    change.started(
        b.workflow_id,
        b.run_id,
        outcome=each.outcome,
        policy=each.policy,
        occurrence=each.occurrence,
    )
    b.fired_by = _fired_by(change, schedule, beginning, each)
    unit.apply(begin(b, tx.now, tx.new_id))
    return Fired("started", b.workflow_id, b.run_id)


def _fired_by(
    change: ScheduleChange, schedule: Schedule, beginning: Beginning, each: Fire
) -> JsonObject:
    crons = schedule.spec.get("cron_expressions") or [None]
    said: JsonObject = {
        "workflow_instance_id": beginning.workflow_id,
        "workflow_run_id": beginning.run_id,
        "schedule_id": schedule.schedule_id,
        "schedule_ulid": schedule.schedule_ulid,
        "cron_expression": crons[0],
        "timezone": schedule.spec.get("timezone") or "UTC",
        "overlap_policy": schedule.overlap_policy,
        "outcome": each.outcome,
        "effective_overlap_policy": each.policy,
        "trigger_number": schedule.fires_count,
    }
    if each.occurrence is not None:
        said["occurrence_time"] = precise_offset(each.occurrence)
    if change.cause is not None:
        said["command_context"] = change.cause
    return said
