"""Schedules and their histories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from durable_workflow.server.engine.payloads import uris_of
from durable_workflow.server.engine.schedules import (
    ACTIVE,
    DELETED,
    BufferedFire,
    Schedule,
    ScheduleChange,
    ScheduleEvent,
)
from durable_workflow.server.notices import DueAt
from durable_workflow.server.records import external_payloads
from durable_workflow.server.records.columns import (
    Params,
    fields_from,
    picker,
    text,
    value,
    values_of,
)
from durable_workflow.server.store.protocol import Key, Read, RecallKey, Row, Tx

_KEY: Final = ("namespace", "schedule_id")
# Written as JSON.
_OF_DEFINITION: Final = ("spec", "action", "memo", "search_attributes")
_OF_FIRES: Final = ("recent_actions", "buffered")
# What only commands change stands between the key and this.
_FIRST_OF_FIRES: Final = "status"

_fields = Schedule.__struct_fields__
_DEFINITION: Final = _fields[_fields.index("spec") : _fields.index(_FIRST_OF_FIRES)]
# As the statement that saves a schedule takes them.
_CHANGES: Final = (*fields_from(Schedule, _FIRST_OF_FIRES), *_KEY)
_AT_RECENT: Final = _CHANGES.index("recent_actions")
_AT_BUFFERED: Final = _CHANGES.index("buffered")
_changes = values_of(*_CHANGES)
_all = picker(Schedule, _fields[0])
_recent_actions = msgspec.json.Decoder(list[msgspec.Raw]).decode
_buffered = msgspec.json.Decoder(list[BufferedFire]).decode

# After every identifier of a schedule.
_NEWEST: Final = "~"
_EVENTS_AT_ONCE: Final = 1000
# Nobody else writes meanwhile, and nobody waits for this.
_EXPIRED_AT_ONCE: Final = 64


class RecordedEvent(msgspec.Struct, frozen=True):
    """One record of a schedule's history, as it is stored; `payload` is JSON."""

    sequence: int
    event_id: str
    event_type: str
    payload: str
    workflow_id: str | None
    run_id: str | None
    recorded_at: int


def find(read: Read, namespace: str, schedule_id: str) -> Schedule | None:
    """A schedule, or None. It may be deleted."""
    row = read.one("schedule", namespace=namespace, schedule_id=schedule_id)
    return None if row is None else _load(row)


def lock(tx: Tx, namespace: str, schedule_id: str) -> Schedule | None:
    """A schedule, locked: no other unit changes it before this one ends. It may be deleted."""
    tx.lock(Key.schedule(namespace, schedule_id))
    return find(tx, namespace, schedule_id)


def some_listed(read: Read, namespace: str, most: int, before: str | None = None) -> list[Schedule]:
    """Some that are not deleted, newest first.

    Args:
        before: The `schedule_ulid` of the last one that is known; None begins.
    """
    rows = read.all("schedules_listed", namespace=namespace, before=before or _NEWEST, most=most)
    return [_load(row) for row in rows]


def insert(tx: Tx, change: ScheduleChange) -> None:
    """Write a new schedule, which may take the place of a deleted one."""
    schedule = change.schedule
    _look_at(tx, schedule, schedule.next_fire_at)
    tx.do("delete_schedule", namespace=schedule.namespace, schedule_id=schedule.schedule_id)
    tx.do("insert_schedule", **_texts(_all(schedule), _OF_DEFINITION + _OF_FIRES))
    _remember(tx, schedule)
    external_payloads.hold(tx, schedule.schedule_ulid, _uris(schedule))
    _insert_events(tx, schedule, change.events)


def save(tx: Tx, change: ScheduleChange, *, wake: bool = False) -> None:
    """Write what has changed of a schedule.

    Args:
        wake: Whether to look at it now; else when it fires next.
    """
    schedule = change.schedule
    _look_at(tx, schedule, tx.now if wake else schedule.next_fire_at)
    if change.redefined:
        key: Params = {name: getattr(schedule, name) for name in _KEY}
        definition = {name: getattr(schedule, name) for name in _DEFINITION}
        tx.do("define_schedule", **key, **_texts(definition, _OF_DEFINITION))
    if change.redefined or schedule.status == DELETED:
        _hold_payloads(tx, schedule)
    _save(tx, schedule)
    _insert_events(tx, schedule, change.events)


def rest(tx: Tx, schedule: Schedule) -> None:
    """Never look at a schedule again: its namespace is going."""
    schedule.due_at = None
    _save(tx, schedule)


def wake(tx: Tx, namespace: str, schedule_id: str, workflow_id: str) -> None:
    """Look at a schedule now, if it has fires that wait for the end of this workflow."""
    tx.lock(Key.schedule(namespace, schedule_id))
    key: Params = {"namespace": namespace, "schedule_id": schedule_id}
    # Nearly none has: no look for nothing.
    if tx.recall(_recall_key(namespace, schedule_id)) is False:
        return
    if tx.one("schedule_waits", **key, latest_workflow_id=workflow_id) is not None:
        tx.do("wake_schedule", **key, now=tx.now)
        tx.notify(DueAt(tx.now))


def due(read: Read, most: int) -> list[tuple[str, str]]:
    """Namespace and id of schedules that should be looked at, most overdue first."""
    rows = read.all("due_schedules", now=read.now, most=most)
    return [(row[0], row[1]) for row in rows]


def take_due(tx: Tx, most: int) -> Iterator[tuple[Schedule, str | None]]:
    """Schedules that should be looked at, most overdue first, and the run that each has open.

    It is the one of the last fire, or a later one of its chain. Nobody else holds a schedule of
    these; of a run that is to be known when it is locked.
    """
    rows = tx.take("take_due_schedules", most=most, now=tx.now)
    return ((_load(row[:-1]), row[-1]) for row in rows)


def events(
    read: Read, namespace: str, schedule_id: str, *, after: int, most: int
) -> list[RecordedEvent]:
    """A page of the history of a schedule, in order."""
    rows = read.all(
        "schedule_events", namespace=namespace, schedule_id=schedule_id, after=after, most=most
    )
    return [RecordedEvent(*row) for row in rows]


def delete_some_events(tx: Tx, namespace: str) -> int:
    """Delete some records of the histories in a namespace; none are left where it is 0."""
    found = tx.all("some_schedule_events_of_namespace", namespace=namespace, most=_EVENTS_AT_ONCE)
    for schedule_id in sorted({row[0] for row in found}):
        tx.lock(Key.schedule(namespace, schedule_id))
    rows = [(namespace, schedule_id, sequence) for schedule_id, sequence in found]
    tx.do_many("delete_schedule_event", rows)
    return len(rows)


def delete_expired(tx: Tx, namespace: str, cutoff: int) -> bool:
    """Delete some of what schedules' histories have from before a time; whether there may be more.

    A schedule that was deleted before goes when its history is gone.
    """
    old: Params = {"namespace": namespace, "cutoff": cutoff, "most": _EXPIRED_AT_ONCE}
    found = tx.all("expired_schedule_events", **old)
    if found:
        for schedule_id in sorted({row[0] for row in found}):
            tx.lock(Key.schedule(namespace, schedule_id))
        rows = [(namespace, schedule_id, sequence) for schedule_id, sequence in found]
        tx.do_many("delete_schedule_event", rows)
        return True
    gone = tx.all("expired_schedules", **old)
    for (schedule_id,) in gone:
        known = lock(tx, namespace, schedule_id)
        if known is not None and known.status == DELETED:
            tx.do("delete_schedule", namespace=namespace, schedule_id=schedule_id)
    return bool(gone)


def delete_all(tx: Tx, namespace: str) -> int:
    """Delete the schedules of a namespace; how many were not deleted before."""
    while external_payloads.release_some_of_schedules(tx, namespace):
        pass
    row = tx.one("count_schedules_of_namespace", namespace=namespace)
    assert row is not None
    tx.do("delete_schedules_of_namespace", namespace=namespace)
    return int(row[0])


def _hold_payloads(tx: Tx, schedule: Schedule) -> None:
    ulid = schedule.schedule_ulid
    uris = [] if schedule.status == DELETED else _uris(schedule)
    external_payloads.hold(tx, ulid, uris)
    external_payloads.release_all_of_schedule(tx, schedule.namespace, ulid, but=uris)


def _uris(schedule: Schedule) -> list[str]:
    return list(uris_of(schedule.action.get("input")))


def _look_at(tx: Tx, schedule: Schedule, at: int | None) -> None:
    schedule.due_at = at if schedule.status == ACTIVE else None
    if schedule.due_at is not None:
        tx.notify(DueAt(schedule.due_at))


def _save(tx: Tx, schedule: Schedule) -> None:
    values = list(_changes(schedule))
    for at in (_AT_RECENT, _AT_BUFFERED):
        values[at] = text(values[at])
    tx.do_many("save_schedule", [tuple(values)])
    _remember(tx, schedule)


def _remember(tx: Tx, schedule: Schedule) -> None:
    """Spare the end of each workflow of a schedule a look whether fires wait for it."""
    tx.remember(_recall_key(schedule.namespace, schedule.schedule_id), bool(schedule.buffered))


def _recall_key(namespace: str, schedule_id: str) -> RecallKey:
    return "whether fires of a schedule wait", f"{namespace}\0{schedule_id}"


def _insert_events(tx: Tx, schedule: Schedule, events: list[ScheduleEvent]) -> None:
    rows = [
        (
            schedule.namespace,
            schedule.schedule_id,
            event.sequence,
            event.event_id,
            event.event_type,
            text(event.payload),
            event.workflow_id,
            event.run_id,
            tx.now,
        )
        for event in events
    ]
    tx.do_many("insert_schedule_event", rows)


def _load(row: Row) -> Schedule:
    fields: dict[str, Any] = dict(zip(_fields, row, strict=True))
    for name in _OF_DEFINITION:
        fields[name] = value(fields[name])
    fields["recent_actions"] = _recent_actions(fields["recent_actions"])
    fields["buffered"] = _buffered(fields["buffered"])
    return Schedule(**fields)


def _texts(params: dict[str, Any], names: tuple[str, ...]) -> Params:
    return {**params, **{name: text(params[name]) for name in names}}
