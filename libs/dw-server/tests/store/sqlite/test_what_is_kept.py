"""What is kept in memory: the rows of hot paths, only so many, and short histories."""

from __future__ import annotations

import asyncio

import msgspec

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.engine.decision import Event
from durable_workflow.server.engine.state import Run
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.records import history, runs
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.statements import load_statements
from integration.harness.runs import plain_run

STATEMENTS = load_statements("sqlite")


def new_run(number: int) -> Run:
    return plain_run(run_id=f"r{number}", workflow_id=f"w{number}", namespace="n")


def test_the_statements_of_hot_paths_are_answered_in_memory() -> None:
    ways = Ways(STATEMENTS)

    found = {name for name in STATEMENTS if ways[name].lookup is not None}
    changed = {name for name in STATEMENTS if ways[name].change is not None}

    assert found >= {
        "run_by_id",
        "run_by_task",
        "run_arguments",
        "activity_by_task",
        "run_of_activity_task",
        "activity_arguments",
    }
    assert changed >= {"insert_run", "save_run", "close_run", "insert_activity", "save_activity"}


def test_only_so_many_rows_are_kept() -> None:
    kept = Ways(STATEMENTS).kept["runs"]
    most = kept.table.most

    for number in range(most + 10):
        run = new_run(number)
        run.task_id = f"t{number}"
        kept.put((run.run_id,), msgspec.structs.astuple(run))

    assert len(kept.rows) == most
    assert kept.find("t0") is None
    assert kept.find(f"t{most}") == (f"r{most}",)


def test_a_short_history_is_at_hand_and_a_long_one_is_not() -> None:
    async def at_hand(events: int, size: int) -> object:
        store = SqliteStore(
            statements=STATEMENTS,
            migrations=load_migrations("sqlite"),
            clock=ManualClock(),
            ids=UlidSource(seed=3),
        )
        run = new_run(0)
        run.last_sequence, run.history_bytes = events, size
        records = [Event("r0", at, "x", b"%d" % at) for at in range(1, events + 1)]
        try:
            await store.run(lambda tx: runs.insert(tx, run))
            await store.run(lambda tx: history.insert(tx, run, records[:1]))
            await store.run(lambda tx: history.insert(tx, run, records[1:]))
            return await store.run(lambda tx: tx.recall(("history", "r0")))
        finally:
            await store.close()

    assert asyncio.run(at_hand(3, 3)) == (b"1", b"2", b"3")
    assert asyncio.run(at_hand(101, 303)) is None
    assert asyncio.run(at_hand(3, 100_000)) is None
