"""Schedules: made, changed, paused, resumed, deleted, and fired by hand (8.2 to 8.9)."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.schedules import (
    DELETED,
    PAUSED,
    Schedule,
    ScheduleChange,
)
from durable_workflow.server.engine.times import offset
from durable_workflow.server.records import schedules as records
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    Caller,
    CreateSchedule,
    NamedSchedule,
    NoteSchedule,
    TriggerSchedule,
    UpdateSchedule,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import control
from durable_workflow.server.services.schedule_fires import Fire, Fired, Fires, open_run
from durable_workflow.server.services.search_attributes import check_values
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.views.schedules import not_found


def create(tx: Tx, caller: Caller, request: CreateSchedule, settings: ServiceSettings) -> Reply:
    """Make a schedule. The history of a deleted one of its id goes on."""
    ulid = tx.new_id()
    schedule_id = request.schedule_id or tx.new_id().upper()
    known = records.lock(tx, caller.namespace, schedule_id)
    if known is not None and known.status != DELETED:
        raise Refused(
            "schedule_already_exists",
            f"Schedule [{schedule_id}] already exists in namespace [{caller.namespace}].",
            extra={"schedule_id": schedule_id},
        )
    _check_attached(tx, caller, request.memo, request.search_attributes, settings)
    schedule = Schedule(
        namespace=caller.namespace,
        schedule_id=schedule_id,
        schedule_ulid=ulid,
        created_at=tx.now,
        updated_at=tx.now,
        spec=request.spec,
        action=request.action,
        overlap_policy=request.overlap_policy,
        jitter_seconds=request.jitter_seconds,
        max_runs=request.max_runs,
        remaining_actions=request.max_runs,
        memo=request.memo,
        search_attributes=request.search_attributes,
        note=request.note,
        last_sequence=0 if known is None else known.last_sequence,
    )
    change = _change(tx, caller, schedule, "create")
    change.create(paused=request.paused)
    records.insert(tx, change)
    told = {"status": change.schedule.status, "created_at": offset(tx.now)}
    return Reply(_body(change, "created") | told, form="created")


def update(tx: Tx, caller: Caller, request: UpdateSchedule, settings: ServiceSettings) -> Reply:
    """Change what is asked; the rest stays."""
    schedule = _lock(tx, caller, request.schedule_id)
    changed = _changed(schedule, request)
    memo, attributes = changed.get("memo"), changed.get("search_attributes")
    _check_attached(tx, caller, memo or {}, attributes or {}, settings)
    change = _change(tx, caller, schedule, "update")
    change.schedule.updated_at = tx.now
    change.redefine(changed)
    _save(tx, change, settings)
    return Reply(_body(change, "updated") | {"updated_at": offset(tx.now)})


def delete(tx: Tx, caller: Caller, request: NamedSchedule, settings: ServiceSettings) -> Reply:
    """Delete a schedule. What it started goes on, and its history stays."""
    change = _change(tx, caller, _lock(tx, caller, request.schedule_id), "delete")
    change.schedule.updated_at = tx.now
    change.delete("deleted")
    records.save(tx, change)
    return Reply(_body(change, "deleted") | {"deleted_at": offset(tx.now)})


def pause(tx: Tx, caller: Caller, request: NoteSchedule, settings: ServiceSettings) -> Reply:
    """Have a schedule fire no more until it is resumed."""
    change = _change(tx, caller, _lock(tx, caller, request.schedule_id), "pause", _noted(request))
    change.schedule.updated_at = tx.now
    change.pause(request.note)
    records.save(tx, change)
    told = {"paused": True, "note": change.schedule.note, "paused_at": offset(tx.now)}
    return Reply(_body(change, "paused") | told)


def resume(tx: Tx, caller: Caller, request: NoteSchedule, settings: ServiceSettings) -> Reply:
    """Have a paused schedule fire again, from now on."""
    schedule = _lock(tx, caller, request.schedule_id)
    if schedule.status != PAUSED:
        raise Refused(
            "schedule_not_paused",
            f"Schedule [{schedule.schedule_id}] is not paused.",
            extra={"schedule_id": schedule.schedule_id},
        )
    change = _change(tx, caller, schedule, "resume", _noted(request))
    change.schedule.updated_at = tx.now
    change.resume(request.note)
    _save(tx, change, settings)
    told = {"paused": False, "note": change.schedule.note, "resumed_at": offset(tx.now)}
    return Reply(_body(change, "resumed") | told)


def trigger(tx: Tx, caller: Caller, request: TriggerSchedule, settings: ServiceSettings) -> Reply:
    """Fire once, now."""
    schedule = _lock(tx, caller, request.schedule_id)
    metadata = None
    if request.overlap_policy is not None:
        metadata = {"overlap_policy": request.overlap_policy}
    change = _change(tx, caller, schedule, "trigger", metadata)
    fires = Fires(tx, settings)
    policy = request.overlap_policy or schedule.overlap_policy
    fired = fires.fire(change, Fire(policy=policy), open_run(fires.unit, schedule))
    if schedule.status != PAUSED:
        change.plan()
    fires.finish(change)
    return _triggered(change, fired)


def _triggered(change: ScheduleChange, fired: Fired) -> Reply:
    match fired.outcome:
        case "started":
            told = {"workflow_id": fired.workflow_id, "run_id": fired.run_id}
            return Reply(_body(change, "triggered") | told)
        case "buffered":
            return Reply(_body(change, "buffered") | {"buffer_depth": fired.depth})
        case "failed":
            told = {"reason": fired.reason, "message": fired.reason}
            return Reply(_body(change, "trigger_failed") | told, reason="trigger_failed")
        case _:
            return Reply(_body(change, fired.outcome) | {"reason": fired.reason})


def command_context(
    caller: Caller, schedule: Schedule, verb: str, metadata: dict[str, Any] | None = None
) -> JsonObject:
    """Who asked what of a schedule, for its history."""
    return {
        "source": control.SOURCE,
        "context": control.context(
            caller, f"schedule.{verb}", {"schedule_id": schedule.schedule_id}, metadata
        ),
    }


def _lock(tx: Tx, caller: Caller, schedule_id: str) -> Schedule:
    schedule = records.lock(tx, caller.namespace, schedule_id)
    if schedule is None or schedule.status == DELETED:
        raise not_found(caller.namespace, schedule_id)
    return schedule


def _change(
    tx: Tx,
    caller: Caller,
    schedule: Schedule,
    verb: str,
    metadata: dict[str, Any] | None = None,
) -> ScheduleChange:
    cause = command_context(caller, schedule, verb, metadata)
    return ScheduleChange(schedule, tx.now, tx.new_id, cause)


def _noted(request: NoteSchedule) -> dict[str, Any]:
    return {} if request.note is None else {"note": request.note}


def _changed(schedule: Schedule, request: UpdateSchedule) -> JsonObject:
    """The fields that a request names, with their new values."""
    asked = msgspec.structs.asdict(request)
    del asked["schedule_id"]
    for name in ("memo", "search_attributes"):
        # Null is the empty one; what is not named stays.
        asked[name] = None if asked[name] is msgspec.UNSET else asked[name] or {}
    changed: JsonObject = {name: value for name, value in asked.items() if value is not None}
    if "action" in changed:
        changed["action"] = {**schedule.action, **changed["action"]}
    return changed


def check_memo(memo: object, most: int) -> None:
    """Check the size of a memo; `most` is 0 for any size.

    Raises:
        Refused: It is too large.
    """
    if most and memo and len(msgspec.json.encode(memo)) > most:
        raise Refused(
            "memo_too_large",
            f"The memo must not be larger than {most} bytes.",
            extra={"limit": most},
        )


def _check_attached(
    tx: Tx, caller: Caller, memo: JsonObject, attributes: JsonObject, settings: ServiceSettings
) -> None:
    check_memo(memo, settings.limits.memo_bytes)
    check_values(tx, caller.namespace, attributes, "search_attributes")


def _save(tx: Tx, change: ScheduleChange, settings: ServiceSettings) -> None:
    Fires(tx, settings).finish(change)


def _body(change: ScheduleChange, outcome: str) -> dict[str, Any]:
    schedule = change.schedule
    return {
        "schedule_id": schedule.schedule_id,
        "namespace": schedule.namespace,
        "outcome": outcome,
    }
