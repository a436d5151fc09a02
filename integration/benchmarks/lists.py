"""Fill a file with runs, and print what the first page of each filter costs, with the plans.

    python -m integration.benchmarks.lists [--runs 1000000] [--db FILE] [--plans]

The page is taken from the store, as the list route takes it, on one core and without HTTP. A file
that has runs already is used as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from durable_workflow.server.clock import SystemClock
from durable_workflow.server.engine.state import Run, RunDetails
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.records import namespaces, runs, search_attributes
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import ListWorkflows
from durable_workflow.server.store.protocol import Row, Tx, Value
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.search import RunSearch
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.sqlite._search import find_runs
from durable_workflow.server.store.sqlite._transaction import SqliteRead
from durable_workflow.server.store.sqlite._walks import Select
from durable_workflow.server.store.statements import load_statements
from durable_workflow.server.views.lists import condition_of, list_workflows
from integration.harness.runs import plain_run

SECOND: Final = 1_000_000
BEGIN: Final = 1_700_000_000 * SECOND
ATTRIBUTES: Final = {
    "Tier": "keyword",
    "CustomerId": "keyword",
    "Amount": "int",
    "OrderNumber": "int",
    "Tags": "keyword_list",
    "Legacy": "bool",
}
FILTERS: Final = {
    "no filter": "",
    "equality, 1 in 100,000": "CustomerId = 'c42'",
    "equality, 1 in 100": "Tier = 'gold'",
    "equality, 9 in 10": "Tier = 'basic'",
    "equality, no run": "CustomerId = 'nobody'",
    "status, 1 in 20": "Status = 'failed'",
    "open runs": "Status IN ('pending', 'running', 'waiting')",
    "type and queue": "WorkflowType = 'type-3' AND TaskQueue = 'queue-1'",
    "type, status, attribute": "WorkflowType = 'type-3' AND Status = 'failed' AND Tier = 'gold'",
    "two that never meet": "Legacy = true AND OrderNumber > {newer}",
    "attribute and queue": "Tier = 'gold' AND TaskQueue IN ('queue-1', 'queue-2')",
    "IN of attributes": "CustomerId IN ('c1', 'c2', 'c3', 'c4')",
    "IN of many": "CustomerId IN ({many})",
    "list member": "Tags = 'tag-7'",
    "range, 1 in 10,000": "Amount BETWEEN 5000 AND 5100",
    "range, 1 in 2": "Amount > 500000",
    "range of old runs": "OrderNumber < 20",
    "range in the middle": "OrderNumber BETWEEN {middle} AND {middle_end}",
    "range and status": "Amount < 20000 AND Status = 'failed'",
    "start time": "StartTime BETWEEN '{middle_time}' AND '{middle_time_end}'",
    "start time and attribute": "StartTime < '{middle_time}' AND Tier = 'gold'",
    "close time": "CloseTime < '{early}'",
    "workflow id": "WorkflowId = 'wf-17'",
    "run that had none": "Legacy IS NULL AND Tier = 'gold'",
    "scan: substring": "wf-7777",
    "scan: substring, no run": "nothing like it",
    "scan: not equal": "Tier != 'basic'",
    "scan: or": "Tier = 'gold' OR Amount = 7",
}


async def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="lists", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plans", action="store_true", help="print the plan of each slice's query")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.db or Path(folder) / "lists.db"
        filled = path.exists()
        store = SqliteStore(
            str(path),
            statements=load_statements("sqlite"),
            migrations=load_migrations("sqlite"),
            clock=SystemClock(),
            ids=UlidSource(),
        )
        try:
            if not filled:
                await fill(store, chosen.runs)
            for name, text in FILTERS.items():
                await measure(store, name, _filled_in(text, chosen.runs), chosen)
        finally:
            await store.close()


async def fill(store: SqliteStore, count: int) -> None:
    """Write `count` runs, a second after each other."""
    began = time.perf_counter()

    def define(tx: Tx) -> None:
        namespaces.ensure(tx, "default", "Default namespace")
        for name, kind in ATTRIBUTES.items():
            search_attributes.insert(tx, "default", name, kind)  # type: ignore[arg-type]

    await store.run(define)
    choices = random.Random(1)
    for first in range(0, count, 500):
        await store.run(
            functools.partial(_write, choices, range(first, min(first + 500, count)), count)
        )
    took = time.perf_counter() - began
    print(json.dumps({"runs": count, "filled_in_s": round(took, 1)}), flush=True)


def _write(choices: random.Random, numbers: range, count: int, tx: Tx) -> None:
    for number in numbers:
        run = _run(choices, number, tx.new_id())
        runs.insert(tx, run)
        runs.insert_details(tx, run, _details(choices, run, number, count))


def _run(choices: random.Random, number: int, run_id: str) -> Run:
    run = plain_run(
        run_id=run_id,
        workflow_id=f"wf-{number}",
        workflow_type=f"type-{choices.randrange(20)}",
        task_queue=f"queue-{choices.randrange(5)}",
        codec="avro",
        started_at=BEGIN + number * SECOND,
    )
    run.tasks_completed = 1
    share = choices.random()
    if share > 0.05:
        run.status = "failed" if share < 0.1 else "completed"
        run.closed_at = run.started_at + choices.randrange(3600) * SECOND
    return run


def _details(choices: random.Random, run: Run, number: int, count: int) -> RunDetails:
    share = choices.random()
    attributes: dict[str, Any] = {
        "Tier": "gold" if share < 0.01 else "silver" if share < 0.1 else "basic",
        "CustomerId": f"c{choices.randrange(100_000)}",
        "Amount": choices.randrange(1_000_000),
        "OrderNumber": number,
        "Tags": [f"tag-{choices.randrange(50)}", f"tag-{choices.randrange(50)}"],
    }
    if number < count // 20:
        attributes["Legacy"] = True
    return RunDetails(run.run_id, None, business_key=f"key-{number}", search_attributes=attributes)


def _filled_in(text: str, count: int) -> str:
    middle = count // 2
    return text.format(
        newer=count - count // 20,
        many=", ".join(f"'c{number}'" for number in range(100)),
        middle=middle,
        middle_end=middle + count // 50,
        middle_time=_time(middle),
        middle_time_end=_time(middle + count // 50),
        early=_time(3600),
    )


def _time(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN // SECOND + number))


async def measure(store: SqliteStore, name: str, text: str, chosen: argparse.Namespace) -> None:
    """Print what the first page of a filter costs."""
    request = ListWorkflows(query=text or None)
    times: list[float] = []
    found: int | str = 0
    for _ in range(chosen.repeats):
        began = time.perf_counter()
        try:
            found = (await list_workflows(store, "default", request))["workflow_count"]
        except Refused as refused:
            found = refused.reason
        times.append(1000 * (time.perf_counter() - began))
    shown = {
        "filter": name,
        "first_ms": round(times[0], 1),
        "median_ms": round(median(times), 1),
        "found": found,
        "query": text[:100],
    }
    print(json.dumps(shown), flush=True)
    if chosen.plans:
        for step in await _plans(store, request):
            print(f"    {step}", flush=True)


async def _plans(store: SqliteStore, request: ListWorkflows) -> list[str]:
    """The steps of the plans of a search, each once."""
    steps: dict[str, None] = {}

    def traced(select: Select) -> Select:
        def explained(text: str, params: dict[str, Value]) -> list[Row]:
            for step in select(f"EXPLAIN QUERY PLAN {text}", params):
                steps.setdefault(step[3])
            return select(text, params)

        return explained

    async def view(work: Callable[[Select], None]) -> None:
        def read(view: Any) -> None:
            assert isinstance(view, SqliteRead)
            work(traced(view.select))

        await store.read(read)

    condition = await condition_of(store, "default", request)
    await find_runs(view, RunSearch(namespace="default", condition=condition, most=51, seconds=60))
    return list(steps)


if __name__ == "__main__":
    asyncio.run(main())
