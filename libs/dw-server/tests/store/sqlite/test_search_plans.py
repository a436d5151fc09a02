"""Which index a search begins with: where one serves a condition, no list reads all runs for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from durable_workflow.server.engine.attributes import AttributeType
from durable_workflow.server.filters import parse
from durable_workflow.server.store.protocol import Row, Value
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.search import RunKey, RunSearch
from durable_workflow.server.store.sqlite._database import MEMORY, Database
from durable_workflow.server.store.sqlite._walk_choice import walks_for
from durable_workflow.server.store.sqlite._walks import AnyWalk, RangeWalk

TYPES: dict[str, AttributeType] = {"Tier": "keyword", "Amount": "int", "Paid": "bool"}


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database(MEMORY, load_migrations("sqlite"), now=0, vfs=None)
    yield database
    database.close()


def plan(database: Database, walk: AnyWalk) -> list[str]:
    """The steps of all queries of a walk on all its ways, from the second slice on."""
    steps: list[str] = []
    width = len(walk._order) if isinstance(walk, RangeWalk) else 2  # pyright: ignore[reportPrivateUsage]

    def select(text: str, params: dict[str, Value]) -> list[Row]:
        found = database.writer.execute(f"EXPLAIN QUERY PLAN {text}", params).fetchall()
        steps.extend(step[3] for step in found)
        return [(1,) * width] if "OFFSET" in text else []

    walk.step(select, 100)
    steps.clear()
    for _ in range(6):
        walk.step(select, 100)
    assert steps
    return steps


ORDERED = {
    "WorkflowType = 'a'": "runs_by_type (namespace=? AND workflow_type=?",
    "TaskQueue = 'a'": "runs_by_task_queue (namespace=? AND task_queue=?",
    "Status = 'failed'": "runs_by_status (namespace=? AND status=?",
    "BuildId = 'a'": "runs_by_build (namespace=? AND compatibility=?",
    "Tier = 'a'": "run_attributes_by_text (namespace=? AND name=? AND text_value=?",
    "Amount = 1": "run_attributes_by_number (namespace=? AND name=? AND kind=? AND number_value=?",
    "Paid = true": "run_attributes_by_number (namespace=? AND name=? AND kind=? AND number_value=?",
    "StartTime > '2026-01-01'": "runs_listed (namespace=? AND ",
}
RANGES = {
    "WorkflowType > 'a'": "runs_by_type (namespace=? AND (workflow_type,started_at,run_id)>",
    "CloseTime > '2026-01-01'": "runs_by_close (namespace=? AND (closed_at,started_at,run_id)>",
    "Tier BETWEEN 'a' AND 'b'": "run_attributes_by_text (namespace=? AND name=? AND (text_value,",
    "Amount > 1 AND Amount < 5": (
        "run_attributes_by_number (namespace=? AND name=? AND kind=? AND (number_value,"
    ),
    "WorkflowId = 'a'": "runs_of_instance (namespace=? AND workflow_id=? AND run_number>",
    "RunId = 'a'": "sqlite_autoindex_runs_1 (run_id=?",
}


def walks_of(text: str, *, after: RunKey | None = None) -> list[AnyWalk]:
    condition = parse(text, TYPES)
    return walks_for(RunSearch(namespace="n", condition=condition, after=after, most=51))


@pytest.mark.parametrize("text", ORDERED)
@pytest.mark.parametrize(
    "more", ["", " AND Amount > 5", " AND Tier = 'b' AND Amount > 5 AND Status = 'completed'"]
)
@pytest.mark.parametrize("after", [None, RunKey(1, "a")])
def test_equal_values_are_read_in_the_order_of_lists(
    database: Database, text: str, more: str, after: RunKey | None
) -> None:
    steps = plan(database, walks_of(text + more, after=after)[-1])
    # Where there are equalities, their indexes lead, and the time bounds the way in them.
    led = text.startswith("StartTime") and "Tier" in more
    assert led or any(ORDERED[text] in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step], steps


@pytest.mark.parametrize(
    "more", ["Tag{} = 'a'", "Tag{} > 'a'", "Tag{} IN ('a', 1)", "WorkflowType = '{}'"]
)
def test_many_conditions_are_looked_up_and_never_joined(database: Database, more: str) -> None:
    # A join of many tables takes SQLite seconds to plan.
    text = " AND ".join(["Tier = 'a'", *(more.format(number) for number in range(50))])
    steps = plan(database, walks_of(text)[-1])
    assert len([step for step in steps if "CORRELATED SCALAR SUBQUERY" in step]) >= 50
    assert not [step for step in steps if "EXISTS" in step], steps


@pytest.mark.parametrize("text", ["Tier IN ('a', 'b')", "WorkflowType IN ('a', 'b')"])
def test_a_few_values_are_merged_in_the_order_of_lists(database: Database, text: str) -> None:
    steps = plan(database, walks_of(text)[-1])
    assert any("MERGE (UNION)" in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN run")], steps
    assert not [step for step in steps if "TEMP B-TREE" in step], steps


@pytest.mark.parametrize("text", RANGES)
@pytest.mark.parametrize("more", ["", " AND Tier = 'b' AND TaskQueue = 'q'"])
def test_ranges_are_read_in_the_order_of_values(database: Database, text: str, more: str) -> None:
    steps = plan(database, walks_of(text + more)[0])
    assert any(RANGES[text] in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN")], steps
