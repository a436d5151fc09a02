"""History records, each encoded once, and what waits to become one."""

from __future__ import annotations

from collections.abc import Sequence

from durable_workflow.server.engine.decision import Event
from durable_workflow.server.engine.state import Fact, KnownStep, Outcome, Run
from durable_workflow.server.records.columns import picker, text, value
from durable_workflow.server.store.protocol import Read, Tx

_params = picker(Event, "run_id")


def insert(tx: Tx, events: Sequence[Event]) -> None:
    """Append records to histories."""
    tx.do_many("insert_event", [_params(event) for event in events])


def between(read: Read, run_id: str, after: int, upto: int, most: int) -> list[bytes]:
    """Encoded records behind `after` up to `upto`, in order, at most `most`."""
    if after >= upto:
        return []
    found = read.all("history_after", run_id=run_id, after=after, upto=upto, most=most)
    return [record for (record,) in found]


def newest(read: Read, run_id: str, after: int, types: Sequence[str], most: int) -> list[bytes]:
    """The newest records behind `after` whose type is among `types`, newest first."""
    found = read.all("recent_events", run_id=run_id, after=after, types=text(types), most=most)
    return [record for (record,) in found]


def facts(read: Read, run: Run) -> list[Fact]:
    """The buffered facts of a run, oldest first; asks only where there are any."""
    if not run.buffered:
        return []
    rows = read.all("buffered_facts", run_id=run.run_id)
    return [
        Fact(kind, ref, event_type, payload, command_id, value(context))
        for kind, ref, event_type, payload, command_id, context in rows
    ]


def insert_fact(tx: Tx, run_id: str, fact: Fact) -> None:
    """Buffer a fact behind those that are there."""
    tx.do(
        "insert_fact",
        run_id=run_id,
        kind=fact.kind,
        ref=fact.ref,
        event_type=fact.event_type,
        payload=fact.payload,
        command_id=fact.command_id,
        context=text(fact.context),
    )


def delete_facts(tx: Tx, run_id: str) -> None:
    """Buffer nothing any more."""
    tx.do("delete_facts", run_id=run_id)


def withheld(read: Read, run_id: str) -> list[Outcome]:
    """The withheld outcomes of a run, in member order."""
    return [Outcome(*row) for row in read.all("withheld_outcomes", run_id=run_id)]


def insert_withheld(tx: Tx, run_id: str, outcomes: Sequence[Outcome]) -> None:
    """Withhold outcomes until their batch is complete."""
    tx.do_many(
        "insert_withheld",
        [
            {
                "run_id": run_id,
                "sequence": outcome.sequence,
                "event_type": outcome.event_type,
                "payload": outcome.payload,
                "task_id": outcome.task_id,
            }
            for outcome in outcomes
        ],
    )


def delete_withheld(tx: Tx, run_id: str) -> None:
    """Withhold nothing any more."""
    tx.do("delete_withheld", run_id=run_id)


def batch_members(read: Read, run: Run) -> list[KnownStep]:
    """The members of the current batch, in order."""
    if not run.batch_size:
        return []
    rows = read.all("batch_members", run_id=run.run_id, first=run.batch_first)
    return [KnownStep(*row) for row in rows]
