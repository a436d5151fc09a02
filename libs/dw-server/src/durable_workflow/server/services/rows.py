"""Between rows of the store and the records of the engine. JSON is read and written here alone."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from durable_workflow.server.engine.decision import Event, NewActivity
from durable_workflow.server.engine.state import (
    Activity,
    ChildLink,
    Fact,
    JsonObject,
    KnownStep,
    Outcome,
    PastAttempt,
    PastTask,
    Run,
    RunDetails,
    Timer,
    Update,
)
from durable_workflow.server.store.protocol import Read, Row, Value

Params: TypeAlias = dict[str, Value]

_dump = msgspec.json.Encoder().encode
_load: Callable[[str], Any] = msgspec.json.Decoder().decode


def _picker(record: type[msgspec.Struct], first: str) -> Callable[[Any], Params]:
    """Reads the fields of `record` from `first` on into parameters of a statement."""
    fields = record.__struct_fields__
    names = fields[fields.index(first) :]
    values = attrgetter(*names)
    return lambda item: dict(zip(names, values(item), strict=True))


run_params = _picker(Run, "run_id")
run_changes = _picker(Run, "status")
activity_params = _picker(Activity, "execution_id")
activity_changes = _picker(Activity, "status")
timer_params = _picker(Timer, "timer_id")
link_params = _picker(ChildLink, "link_id")
attempt_params = _picker(PastAttempt, "attempt_id")
past_task_params = _picker(PastTask, "task_id")
event_params = _picker(Event, "run_id")


def text(value: Any) -> str | None:
    """A JSON value as the store has it: null for None."""
    return None if value is None else _dump(value).decode()


def value(column: str | None) -> Any:
    """The JSON value in a column."""
    return None if column is None else _load(column)


def link_changes(link: ChildLink) -> Params:
    """What of a link may change, with its key."""
    return {
        "link_id": link.link_id,
        "child_run_id": link.child_run_id,
        "child_run_number": link.child_run_number,
        "child_type": link.child_type,
        "attempts": link.attempts,
        "status": link.status,
    }


def argument_params(new: NewActivity) -> Params:
    """The arguments of a new activity."""
    activity = new.activity
    return {
        "run_id": activity.run_id,
        "sequence": activity.sequence,
        "arguments": text(new.arguments),
    }


def details_params(details: RunDetails) -> Params:
    """The cold half of a run."""
    return {
        "run_id": details.run_id,
        "arguments": text(details.arguments),
        "business_key": details.business_key,
        "memo": text(details.memo),
        "search_attributes": text(details.search_attributes),
        "output": text(details.output),
        "failure": text(details.failure),
        "continued_from_run_id": details.continued_from_run_id,
    }


def update_params(update: Update) -> Params:
    """An update as it is written first."""
    params: Params = msgspec.structs.asdict(update)
    params["arguments"], params["result"] = text(update.arguments), text(update.result)
    return params


def update_changes(update: Update) -> Params:
    """What of an update may change, with its key."""
    return {
        "update_id": update.update_id,
        "run_id": update.run_id,
        "status": update.status,
        "applied_at": update.applied_at,
        "rejected_at": update.rejected_at,
        "closed_at": update.closed_at,
        "workflow_sequence": update.workflow_sequence,
        "result": text(update.result),
        "failure_id": update.failure_id,
        "failure_message": update.failure_message,
    }


def fact_params(run_id: str, fact: Fact) -> Params:
    """A buffered fact."""
    return {
        "run_id": run_id,
        "kind": fact.kind,
        "ref": fact.ref,
        "event_type": fact.event_type,
        "payload": fact.payload,
        "command_id": fact.command_id,
        "context": text(fact.context),
    }


def outcome_params(run_id: str, outcome: Outcome) -> Params:
    """A withheld outcome."""
    return {
        "run_id": run_id,
        "sequence": outcome.sequence,
        "event_type": outcome.event_type,
        "payload": outcome.payload,
        "task_id": outcome.task_id,
    }


def read_details(row: Row) -> RunDetails:
    """The cold half of a run."""
    run_id, arguments, key, memo, attributes, output, failure, continued_from = row
    return RunDetails(
        run_id,
        value(arguments),
        key,
        value(memo),
        value(attributes),
        value(output),
        value(failure),
        continued_from,
    )


def read_update(row: Row) -> Update:
    """One update."""
    update = Update(*row)
    update.arguments = value(row[_ARGUMENTS])
    update.result = value(row[_RESULT])
    return update


_ARGUMENTS = Update.__struct_fields__.index("arguments")
_RESULT = Update.__struct_fields__.index("result")


def load_run(read: Read, run_id: str) -> Run | None:
    """One run, or None."""
    row = read.one("run_by_id", run_id=run_id)
    return None if row is None else Run(*row)


def load_details(read: Read, run_id: str) -> RunDetails:
    """The cold half of a run, which there must be."""
    row = read.one("run_details", run_id=run_id)
    assert row is not None
    return read_details(row)


def load_facts(read: Read, run: Run) -> list[Fact]:
    """The buffered facts of a run, oldest first; asks only where there are any."""
    if not run.buffered:
        return []
    rows = read.all("buffered_facts", run_id=run.run_id)
    return [
        Fact(kind, ref, event_type, payload, command_id, _load(context))
        for kind, ref, event_type, payload, command_id, context in rows
    ]


def load_withheld(read: Read, run_id: str) -> list[Outcome]:
    """The withheld outcomes of a run, in member order."""
    return [Outcome(*row) for row in read.all("withheld_outcomes", run_id=run_id)]


def load_known(read: Read, run: Run) -> list[KnownStep]:
    """The members of the current batch, in order."""
    if not run.batch_size:
        return []
    rows = read.all("batch_members", run_id=run.run_id, first=run.batch_first)
    return [KnownStep(*row) for row in rows]


def load_arguments(read: Read, run_id: str) -> JsonObject | None:
    """What a run was started with."""
    row = read.one("run_arguments", run_id=run_id)
    assert row is not None
    arguments: JsonObject | None = value(row[0])
    return arguments
