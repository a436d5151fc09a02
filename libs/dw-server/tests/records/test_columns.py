"""Statements and records agree: columns stand in the order of the fields that they fill."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgspec
import pytest

from durable_workflow.server.engine import schedules, state
from durable_workflow.server.engine.decision import Event, NewActivity
from durable_workflow.server.records import (
    activities,
    child_links,
    due,
    history,
    instances,
    lists,
    queues,
    runs,
    timers,
    workers,
)
from durable_workflow.server.records.packing import unpacked
from durable_workflow.server.store.protocol import RecallKey, Row, Tx
from durable_workflow.server.store.statements import load_statements

T = TypeVar("T", bound=msgspec.Struct)
RECORDS: dict[type[msgspec.Struct], list[str]] = {
    state.Run: [
        "run_by_id",
        "run_by_task",
        "claimable_run",
        "run_claimed_by_request",
    ],
    state.RunDetails: ["run_details"],
    state.Activity: [
        "activity_by_task",
        "claimable_activity",
        "activity_claimed_by_request",
        "activities_leased_to",
        "open_activities",
        "first_open_activities",
        "due_activities",
    ],
    state.PastAttempt: ["past_attempt"],
    state.Timer: ["open_timers", "due_timers", "next_timer"],
    state.ChildLink: ["child_link", "open_child_links"],
    state.Update: ["update_by_id", "update_by_request", "accepted_updates"],
    state.Resolution: ["held_results"],
    state.BufferedEvent: ["buffered_events"],
    workers.Worker: ["worker", "workers_of_queue", "sessions_of_worker", "due_workers"],
    workers.LiveWorker: ["fleet"],
    instances.Instance: ["instance"],
    lists.ListedRun: ["listed_runs"],
    lists.NumberedRun: ["runs_of_instance"],
    queues.WaitingTask: ["oldest_ready_workflow_task", "oldest_ready_activity_task"],
    queues.LeasedTask: ["activity_task_leases"],
    schedules.Schedule: ["schedule", "schedules_listed"],
    due.SetAside: ["set_aside_of_run"],
}


@pytest.mark.parametrize(
    ("record", "name"),
    [(record, name) for record, named in RECORDS.items() for name in named],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_columns_stand_in_the_order_of_the_fields(record: type[msgspec.Struct], name: str) -> None:
    text = re.sub(r"--[^\n]*\n", "", load_statements("sqlite")[name].text)
    columns = re.search(r"SELECT\s+(.*?)\s+FROM", text, re.DOTALL)
    assert columns is not None
    names = [name.rpartition(".")[2] for name in re.split(r",\s*", columns[1])]
    fields = list(record.__struct_fields__)
    # What both kinds of tasks have and each table names its own way.
    renamed: dict[str, str] = {}
    if record in (queues.LeasedTask, queues.WaitingTask):
        renamed = {"attempt_count": "attempt", "task_available_at": "available_at"}
    assert [renamed.get(name, name) for name in names] == fields


class Given:
    """Takes down what records give to statements."""

    saves_space = True

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def recall(self, key: RecallKey, /) -> None:
        del key

    def remember(self, key: RecallKey, value: object, /) -> None:
        del key, value

    def do_many(self, statement: str, rows: Sequence[Row], /) -> None:
        self.rows[statement] = tuple(
            unpacked(value).decode() if isinstance(value, bytes) else value for value in rows[0]
        )

    def do_together(self, statement: str, group: Any, items: Any, rows_of: Any, /) -> None:
        self.do_many(statement, rows_of(group, items))


def named(record: type[T]) -> T:
    """A record whose fields hold their own names."""
    return record(*record.__struct_fields__)


def test_values_are_given_in_the_order_of_the_parameters() -> None:
    given = Given()
    tx = cast(Tx, given)
    run, activity = named(state.Run), named(state.Activity)

    runs.insert(tx, run)
    runs.save(tx, run)
    runs.insert_past_task(tx, named(state.PastTask))
    activities.insert(tx, [NewActivity(activity, None)])
    activities.save(tx, activity)
    activities.insert_past_attempt(tx, named(state.PastAttempt))
    new = msgspec.structs.replace(run, last_sequence=1, history_bytes=1)
    history.insert(tx, new, [Event("run_id", cast(int, "sequence"), "event_type", b"record")])
    history.insert_held_results(tx, "run_id", [named(state.Resolution)])
    timers.insert(tx, [named(state.Timer)])
    child_links.insert(tx, named(state.ChildLink))

    assert given.rows.pop("insert_activity_arguments") == ("run_id", "sequence", None, None)
    past = named(state.PastTask)
    *before, session, attempt, waited, held = past.__struct_fields__
    kept = given.rows.pop("insert_past_task")
    assert kept[: len(before)] == tuple(before)
    assert kept[len(before)] != session
    assert kept[len(before) + 1 :] == (attempt, waited, held)
    *event, events = given.rows.pop("insert_event")
    assert (*event, events) == ("run_id", "sequence", "event_type", "record", 1)
    assert load_statements("sqlite")["insert_event"].order == (*event, "events")
    assert len(given.rows) == 9
    statements = load_statements("sqlite")
    assert given.rows == {name: statements[name].order for name in given.rows}
