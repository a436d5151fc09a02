"""Searches for runs find what a loop over all runs would, on every way and page by page."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow._wire.json_values import list_or_none
from durable_workflow.server.engine.attributes import AttributeType, comparable, moment
from durable_workflow.server.engine.state import Run, RunDetails, shown_status
from durable_workflow.server.filters import (
    Absent,
    All,
    Among,
    Attribute,
    Condition,
    Either,
    Mentions,
    Moment,
    Not,
    Range,
    System,
    Value,
    parse,
)
from durable_workflow.server.records import runs, search_attributes
from durable_workflow.server.store import RunKey, RunSearch, SearchTooBroad, Store
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.store.sqlite import _search
from integration.harness.runs import plain_run

TYPES: dict[str, AttributeType] = {
    "Tier": "keyword",
    "Amount": "int",
    "Rate": "double",
    "Paid": "bool",
    "Due": "datetime",
    "Tags": "keyword_list",
}
SECOND = 1_000_000
SYSTEM_FIELDS: dict[str, Callable[[Run], Value | None]] = {
    "WorkflowType": lambda run: run.workflow_type,
    "WorkflowId": lambda run: run.workflow_id,
    "RunId": lambda run: run.run_id,
    "Status": shown_status,
    "StartTime": lambda run: run.started_at,
    "CloseTime": lambda run: run.closed_at,
    "TaskQueue": lambda run: run.task_queue,
    "BuildId": lambda run: run.compatibility,
}


def made(choices: random.Random, number: int, namespace: str) -> tuple[Run, RunDetails]:
    run = plain_run(
        run_id=f"run-{choices.randrange(10**9)}-{number}",
        namespace=namespace,
        workflow_id=f"Wf_{number // 2}%{choices.choice('ab')}",
        run_number=number,
        workflow_type=choices.choice(["order", "refund", "report"]),
        task_queue=choices.choice(["q1", "q2"]),
        compatibility=choices.choice([None, "b1", "b2"]),
        started_at=choices.randrange(40) * SECOND,
        tasks_completed=choices.choice([0, 1]),
        task_status=choices.choice([None, "ready"]),
    )
    run.status = choices.choice(["pending", "pending", "completed", "failed", "cancelled"])
    if run.status != "pending":
        run.closed_at = run.started_at + choices.randrange(5) * SECOND
    values: dict[str, Any] = {
        "Tier": choices.choice(["gold", "silver", "Gold"]),
        "Amount": choices.choice([-5, 0, 1, 2, 2**62 + 1, 2**62 + 2]),
        "Rate": choices.choice([1, 1.0, 0.5, 1e300]),
        "Paid": choices.choice([True, False]),
        "Due": choices.choice(["1970-01-01", "1970-01-01T01:00:00+01:00", "1970-01-01T00:00:01Z"]),
        "Tags": choices.sample(["x", "y", "z"], choices.randrange(3)),
        "Free": choices.choice([1, "1", True, 1.5, ["x", "1"]]),
        "x": choices.choice([{"not": "compared"}, 2**70, "odd name"]),
    }
    kept = {name: value for name, value in values.items() if choices.random() < 0.7}
    key = choices.choice([None, "Key-1", "key 2"])
    return run, RunDetails(run.run_id, None, business_key=key, search_attributes=kept)


def fits(condition: Condition, run: Run, details: RunDetails) -> bool:
    """What a condition means, told without a database."""
    match condition:
        case All(parts=parts):
            return all(fits(part, run, details) for part in parts)
        case Either(parts=parts):
            return any(fits(part, run, details) for part in parts)
        case Not(part=part):
            return not fits(part, run, details)
        case Mentions(text=text):
            found = f"{run.workflow_id}\n{details.business_key or ''}".casefold()
            return text.casefold() in found
        case Absent(field=field):
            return not values_of(field, run, details)
        case Among(field=field, values=values):
            wanted = {_kinded(value) for value in values}
            return any(_kinded(value) in wanted for value in values_of(field, run, details))
        case Range(field=field):
            return any(within(condition, value) for value in values_of(field, run, details))


def values_of(field: System | Attribute, run: Run, details: RunDetails) -> list[Value]:
    if isinstance(field, System):
        value = SYSTEM_FIELDS[field.name](run)
        return [] if value is None else [value]
    given = details.search_attributes.get(field.name)
    found: list[Value] = []
    for member in list_or_none(given) or [given]:
        for compared in comparable(member):
            one = compared.text if compared.number is None else compared.number
            assert one is not None
            if compared.kind == "b":
                found.append(bool(one))
            elif compared.kind == "d":
                found.append(Moment(one))
            else:
                found.append(one)
    return found


def _kinded(value: Value) -> tuple[str, Value]:
    if isinstance(value, Moment):
        return "d", value
    return "s" if isinstance(value, str) else "b" if isinstance(value, bool) else "n", value


def within(condition: Range, value: Value) -> bool:
    for bound, inclusive, sign in (
        (condition.low, condition.with_low, 1),
        (condition.high, condition.with_high, -1),
    ):
        if bound is None:
            continue
        if _kinded(bound)[0] != _kinded(value)[0]:
            return False
        beyond = (value > bound) - (value < bound)  # type: ignore[operator]
        if not (beyond == sign or (inclusive and beyond == 0)):
            return False
    return True


CONDITIONS = [
    "WorkflowType = 'order'",
    "WorkflowType IN ('order', 'refund')",
    "WorkflowType > 'order'",
    "WorkflowType NOT IN ('order')",
    "TaskQueue = 'q1'",
    "BuildId = 'b1'",
    "BuildId IS NULL",
    "BuildId != 'b1'",
    "Status = 'pending'",
    "Status = 'running'",
    "Status IN ('waiting', 'failed')",
    "Status IN ('pending', 'running', 'waiting')",
    "Status != 'completed'",
    "StartTime > '1970-01-01T00:00:10Z'",
    "StartTime = '1970-01-01T00:00:10Z'",
    "StartTime IN ('1970-01-01T00:00:10Z', '1970-01-01T00:00:11Z')",
    "StartTime BETWEEN '1970-01-01T00:00:10Z' AND '1970-01-01T00:00:20Z'",
    "CloseTime < '1970-01-01T00:00:20Z'",
    "CloseTime IS NULL",
    "NOT CloseTime > '1970-01-01T00:00:20Z'",
    "WorkflowId = 'Wf_3%a'",
    "WorkflowId IN ('Wf_3%a', 'Wf_4%b')",
    "WorkflowId > 'Wf_3%a'",
    "RunId = 'nothing'",
    "RunId > 'run-5'",
    "Tier = 'gold'",
    "Tier IN ('gold', 'silver')",
    "Tier > 'gold'",
    "Tier IS NULL",
    "Tier IS NOT NULL",
    "Tier != 'gold'",
    "Amount = 4611686018427387905",
    "Amount >= 4611686018427387905",
    "Amount > 0 AND Amount <= 2",
    "Amount BETWEEN -5 AND 0.5",
    "Rate = 1",
    "Rate > 0.5",
    "Paid = true",
    "Paid IN (true, false)",
    "Due = '1970-01-01T00:00:00Z'",
    "Due > '1970-01-01T00:00:00Z'",
    "Due IN ('1970-01-01', '1970-01-01T01:00:01+01:00')",
    "Due BETWEEN '1970-01-01' AND '1970-01-01T00:00:01Z'",
    "Due IS NULL",
    "Tags = 'x'",
    "Tags IN ('x', 'y')",
    "Tags > 'x' AND Tags < 'z'",
    "Tags IS NULL",
    "Free = 1",
    "Free = '1'",
    "Free = true",
    "Free > 0",
    "Free IN (1, 'x', true)",
    "x = 'odd name'",
    "x IS NULL",
]


async def filled(store: Store, count: int) -> list[tuple[Run, RunDetails]]:
    choices = random.Random(7)
    here = [made(choices, number, "here") for number in range(count)]
    elsewhere = [made(choices, number, "elsewhere") for number in range(count)]

    def write(tx: Tx) -> None:
        for namespace in ("here", "elsewhere"):
            for name, kind in TYPES.items():
                search_attributes.insert(tx, namespace, name, kind)
        for run, details in [*here, *elsewhere]:
            runs.insert(tx, run)
            runs.insert_details(tx, run, details)

    await store.run(write)
    return here


def expected(everything: list[tuple[Run, RunDetails]], condition: Condition | None) -> list[RunKey]:
    keys = [
        RunKey(run.started_at, run.run_id)
        for run, details in everything
        if condition is None or fits(condition, run, details)
    ]
    return sorted(keys, reverse=True)


async def all_pages(store: Store, condition: Condition | None, most: int) -> list[RunKey]:
    found: list[RunKey] = []
    while True:
        after = found[-1] if found else None
        search = RunSearch(namespace="here", condition=condition, after=after, most=most)
        page = await store.search(search)
        found += page
        if len(page) < most:
            return found


@pytest.fixture(params=[3, 256])
def slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many runs a slice has at first; of short slices a walk needs many."""
    monkeypatch.setattr(_search, "_FIRST_SLICE", request.param)
    monkeypatch.setattr(_search, "_LONGEST_SLICE", request.param)
    length: int = request.param
    return length


async def test_a_search_finds_what_a_loop_over_all_runs_would(store: Store, slices: int) -> None:
    everything = await filled(store, 120)
    choices = random.Random(slices)
    trees = [parse(text, TYPES) for text in CONDITIONS]
    trees += [Mentions("wf_3%"), Mentions("KEY"), Mentions("_1"), Mentions("!"), Mentions("\0w")]
    trees += [All(tuple(choices.sample(trees, 2))) for _ in range(30)]
    trees += [Either(tuple(choices.sample(trees, 2))) for _ in range(20)]
    trees += [Not(choice) for choice in choices.sample(trees, 20)]
    trees += [All(tuple(choices.sample(trees, 3))) for _ in range(30)]
    folded = ["Paid IN (true, false)", "Amount > 0", "Tier != 'gold'", "WorkflowType > 'order'"]
    trees.append(All((Mentions("\0w"), *(parse(text, TYPES) for text in folded))))
    empty = 0
    for tree in [None, *trees]:
        wanted = expected(everything, tree)
        empty += not wanted
        assert await all_pages(store, tree, 7) == wanted, tree
        assert await all_pages(store, tree, 500) == wanted, tree
    assert empty < len(trees) / 2


async def test_many_values_are_gone_through_like_a_range(store: Store) -> None:
    everything = await filled(store, 120)
    values = tuple(f"Wf_{number}%a" for number in range(40))
    types = ("order", *(f"type-{number}" for number in range(40)))
    amounts = tuple(range(40))
    for tree in (
        Among(System("WorkflowId"), values),
        Among(System("WorkflowType"), types),
        Among(Attribute("Amount"), amounts),
        Among(Attribute("Free"), (*amounts, "x", True)),
    ):
        assert await all_pages(store, tree, 5) == expected(everything, tree)


async def test_runs_that_are_added_do_not_move_the_pages(store: Store) -> None:
    everything = await filled(store, 60)
    wanted = expected(everything, None)
    first = await store.search(RunSearch(namespace="here", most=10))
    newer, details = made(random.Random(1), 1000, "here")
    newer.started_at = 10**9

    def write(tx: Tx) -> None:
        runs.insert(tx, newer)
        runs.insert_details(tx, newer, details)

    await store.run(write)
    second = await store.search(RunSearch(namespace="here", most=10, after=first[-1]))
    assert [*first, *second] == wanted[:20]


async def test_a_search_that_takes_too_long_is_given_up(store: Store) -> None:
    await filled(store, 600)
    nowhere = Mentions("nothing is called this")
    assert await store.search(RunSearch(namespace="here", condition=nowhere, most=1)) == []
    with pytest.raises(SearchTooBroad):
        await store.search(RunSearch(namespace="here", condition=nowhere, most=1, seconds=0))


async def test_a_long_search_lets_others_have_their_turn(
    store: Store, slices: int, turns: Callable[[], int]
) -> None:
    await filled(store, 300)
    before = turns()
    assert await store.search(RunSearch(namespace="here", condition=Mentions("?"), most=1)) == []
    assert turns() - before >= 300 // slices


def test_a_moment_is_read_in_every_spelling() -> None:
    spellings = ["1970-01-02", "1970-01-02T00:00:00Z", "1970-01-02T01:00:00.000000+01:00"]
    assert {moment(text) for text in spellings} == {86_400 * SECOND}
    assert moment("yesterday") is None
