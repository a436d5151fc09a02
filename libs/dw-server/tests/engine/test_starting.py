"""How a run begins, whoever starts it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

Json = dict[str, Any]


def records(decision: Any) -> list[Json]:
    return [msgspec.json.decode(event.record) for event in decision.events]


@pytest.mark.parametrize(
    ("fields", "types"),
    [
        ({}, ["WorkflowStarted"]),
        ({"command_id": "c", "command": {"id": "c"}}, ["StartAccepted", "WorkflowStarted"]),
        (
            {"fired_by": {"schedule_id": "s"}},
            ["StartAccepted", "WorkflowStarted", "ScheduleTriggered"],
        ),
    ],
)
def test_a_start_by_a_caller_or_a_schedule_begins_with_its_acceptance(
    started: Any, fields: Json, types: list[str]
) -> None:
    decision = started(**fields)
    assert [event.event_type for event in decision.events] == types
    assert decision.run.last_sequence == len(types)
    assert (decision.run.status, decision.run.task_status) == ("pending", "ready")
    assert decision.created_task_ids == [decision.run.task_id]


@pytest.mark.parametrize(
    ("fields", "execution", "run"),
    [
        ({}, None, None),
        ({"execution_timeout_seconds": 9, "run_timeout_seconds": 5}, 9, 5),
        # In a chain the deadline of the execution is the one that it began with.
        ({"execution_timeout_seconds": 9, "execution_deadline": 1}, "kept", None),
        # A retry that rests first has its whole time afterwards.
        ({"run_timeout_seconds": 5, "available_at": "later"}, None, 8),
    ],
)
def test_deadlines_count_from_when_the_run_may_go_on(
    started: Any, now: int, fields: Json, execution: int | str | None, run: int | None
) -> None:
    second = 1_000_000
    if fields.get("available_at"):
        fields = fields | {"available_at": now + 3 * second}
    begun = started(**fields).run
    expected = 1 if execution == "kept" else execution and now + int(execution) * second
    assert begun.execution_deadline == expected
    assert begun.run_deadline == (None if run is None else now + run * second)
    assert begun.task_available_at == fields.get("available_at", now)


def test_the_first_event_says_whence_the_run_is_and_leaves_out_what_is_empty(started: Any) -> None:
    payload = records(started(started_by={"parent_workflow_run_id": "p"}, memo={"a": 1}))[0][
        "payload"
    ]
    assert payload["parent_workflow_run_id"] == "p"
    assert payload["memo"] == {"a": 1}
    assert payload["clock"] == "event"
    assert payload.keys().isdisjoint({"search_attributes", "business_key", "run_timeout_seconds"})
