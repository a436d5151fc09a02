"""Which polls may be repeated ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from durable_workflow.server.records import answered_polls
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.store.sqlite import SqliteStore

T = TypeVar("T")
OF = ("activity", "default", "w")


def may_be_known(poll: str) -> Callable[[Tx], bool]:
    return lambda tx: answered_polls.may_be_known(tx, "activity", "default", "w", poll)


def note(*polls: str) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        for poll in polls:
            answered_polls.note(tx, "activity", "default", "w", poll)

    return work


@pytest.fixture
async def store(open_sqlite: Callable[..., SqliteStore]) -> SqliteStore:
    return open_sqlite()


async def test_a_poll_that_was_answered_may_be_known_and_no_other(store: SqliteStore) -> None:
    assert not await store.run(may_be_known("p"))
    await store.run(note("p"))
    assert await store.run(may_be_known("p"))
    assert not await store.run(may_be_known("q"))


async def test_what_a_unit_that_fails_has_noted_is_forgotten(store: SqliteStore) -> None:
    await store.run(may_be_known("p"))

    def fail(tx: Tx) -> None:
        note("p")(tx)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.run(fail)
    assert not await store.run(may_be_known("p"))


async def test_workers_and_kinds_are_told_apart(store: SqliteStore) -> None:
    await store.run(may_be_known("p"))
    await store.run(note("p"))

    def others(tx: Tx) -> list[bool]:
        return [
            answered_polls.may_be_known(tx, "activity", "default", "v", "p"),
            answered_polls.may_be_known(tx, "activity", "other", "w", "p"),
            answered_polls.may_be_known(tx, "workflow", "default", "w", "p"),
        ]

    assert await store.run(others) == [False, False, False]


async def test_after_very_many_the_store_is_asked_again(store: SqliteStore) -> None:
    asked: list[str] = []

    def counted(tx: Any) -> None:
        all_rows = tx.all

        def all_of(statement: str, /, **params: Any) -> Any:
            asked.append(statement)
            return all_rows(statement, **params)

        tx.all = all_of
        for number in range(300):
            answered_polls.may_be_known(tx, "activity", "default", "w", f"p{number}")
            answered_polls.note(tx, "activity", "default", "w", f"p{number}")

    await store.run(counted)
    # What is remembered of a worker is bounded: 128 polls.
    assert asked == ["answered_activity_polls"] * 3
