"""What units leave to those that follow: never more than so much, and never what has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.records import builds
from durable_workflow.server.store import Read, Tx
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.sqlite._remembered import SETTLED, Answers, Remembered
from durable_workflow.server.store.sqlite._shapes import changed_tables
from durable_workflow.server.store.statements import load_statements

STATEMENTS = load_statements("sqlite")


class OnPurpose(Exception):
    pass


def test_only_so_much_is_remembered() -> None:
    remembered = Remembered()

    remembered.keep({("n", "0"): 0, ("another kind", "0"): 7})
    remembered.keep({("n", str(number)): number for number in range(5_000)})

    found = [number for number in range(5_000) if remembered.get(("n", str(number))) is not None]
    assert 1_000 < len(found) < 5_000
    assert found == list(range(found[0], 5_000))
    assert remembered.get(("another kind", "0")) == 7


async def test_what_is_read_of_settled_tables_is_read_again_when_they_change() -> None:
    def put(build: str) -> Callable[[Tx], None]:
        return lambda tx: builds.put(tx, builds.BuildRollout("n", "q", build, selected=1))

    def selected(read: Read) -> str | None:
        found = builds.selected(read, "n", "q")
        return None if found is None else found.build_id

    def changing(tx: Tx) -> tuple[str | None, ...]:
        before = selected(tx)
        builds.put(tx, builds.BuildRollout("n", "q", "one", selected=0))
        between = selected(tx)
        put("two")(tx)
        return before, between, selected(tx)

    def failing(tx: Tx) -> None:
        tx.do("delete_rollouts_of_namespace", namespace="n")
        assert selected(tx) is None
        raise OnPurpose

    store = SqliteStore(
        statements=STATEMENTS,
        migrations=load_migrations("sqlite"),
        clock=ManualClock(),
        ids=UlidSource(seed=3),
    )
    rollouts, question = frozenset({"build_rollouts"}), ("selected_build", ("n", "q"))
    try:
        assert await store.run(selected) is None
        assert store.ways.answers.get(rollouts, question) == []
        await store.run(put("one"))
        assert await store.run(selected) == "one"
        assert await store.run(changing) == ("one", None, "two")
        assert await store.run(selected) == "two"
        with pytest.raises(OnPurpose):
            await store.run(failing)
        assert await store.run(selected) == "two"
        assert store.ways.answers.get(rollouts, question) is not None
    finally:
        await store.close()


@pytest.mark.parametrize("table", sorted(SETTLED))
def test_every_statement_that_changes_a_settled_table_is_known_to(table: str) -> None:
    ways = Ways(STATEMENTS)
    changing = [each for each in STATEMENTS.values() if table in changed_tables({"": each})]
    assert changing
    for statement in changing:
        way = ways[statement.name]
        assert way.changes, statement.name
        assert way.unsettles, statement.name
        assert table in way.tables, statement.name


def test_a_change_of_one_table_leaves_what_was_found_in_another() -> None:
    answers = Answers()
    workers, rollouts = frozenset({"workers"}), frozenset({"build_rollouts"})
    answers.put(workers, ("worker", ("w",)), [(1,)])
    answers.put(rollouts, ("selected_build", ("q",)), [])

    answers.forget({"workers"})
    assert answers.get(workers, ("worker", ("w",))) is None
    assert answers.get(rollouts, ("selected_build", ("q",))) == []
    answers.clear()
    assert answers.get(rollouts, ("selected_build", ("q",))) is None


def test_long_lists_and_too_many_answers_are_not_kept() -> None:
    answers, tables = Answers(), frozenset({"workers"})
    answers.put(tables, ("workers_of_queue", ("q",)), [(number,) for number in range(100)])
    assert answers.get(tables, ("workers_of_queue", ("q",))) is None
    for number in range(5_000):
        answers.put(tables, ("worker", (str(number),)), [(number,)])
    kept = [n for n in range(5_000) if answers.get(tables, ("worker", (str(n),))) is not None]
    assert 0 < len(kept) <= 2_000
    assert kept[-1] == 4_999
