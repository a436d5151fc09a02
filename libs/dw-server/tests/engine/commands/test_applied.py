"""What each command writes down when it is applied, and the limits that it is held to."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine.commands import parse_commands
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.refusal import LimitExceeded
from durable_workflow.server.slices import at_once

Json = dict[str, Any]


def applying(
    run: Any, given: Any, command: Json, limits: Limits | None = None, details: Any = None
) -> Decision:
    """The decision of one command, without what a completion does around it."""
    used = limits or Limits()
    parsed, errors = at_once(parse_commands([command], run.codec, used))
    assert errors == {}
    decision = Decision(run, given.now, given.ids())
    known = details or given.details(memo={"m": 1}, search_attributes={"a": 1, "b": 2})
    turn = Turn(decision, limits=used, details=known, updates={"u1": given.update()})
    turn.begin()
    for one in [*parsed.commands, *([parsed.terminal] if parsed.terminal else [])]:
        one.apply(turn)
    return decision


@pytest.mark.parametrize(
    ("fields", "queue", "codec", "start", "close"),
    [
        ({}, "q", "json", None, None),
        ({"queue": "other"}, "other", "json", None, None),
        ({"arguments": {"codec": "avro", "blob": ""}}, "q", "avro", None, None),
        ({"schedule_to_start_timeout": 3, "schedule_to_close_timeout": 9}, "q", "json", 3, 9),
    ],
)
def test_an_activity_is_scheduled_with_its_task_and_deadlines(
    given: Any,
    decide: Any,
    fields: Json,
    queue: str,
    codec: str,
    start: int | None,
    close: int | None,
) -> None:
    command = {"type": "schedule_activity", "activity_type": "a"} | fields
    decided = decide(applying, given.leased(priority=2), given, command)
    assert decided.types == ["ActivityScheduled"]
    (new,) = decided.decision.new_activities
    activity = new.activity
    assert (activity.task_queue, activity.codec, activity.priority) == (queue, codec, 2)
    assert (activity.sequence, activity.task_status) == (4, "ready")
    assert activity.schedule_to_start_at == (start and given.now + start * given.second)
    assert activity.schedule_to_close_at == (close and given.now + close * given.second)
    assert decided.run.pending_activities == 1


def test_a_timer_fires_after_its_delay_and_not_at_a_whole_second(given: Any, decide: Any) -> None:
    command = {"type": "start_timer", "delay_seconds": 1.5}
    decided = decide(applying, given.leased(), given, command)
    assert [timer.fire_at for timer in decided.decision.new_timers] == [given.now + 1_500_000]
    assert decided.payloads[0]["delay_seconds"] == 1.5


def test_a_child_inherits_what_it_does_not_name(given: Any, decide: Any) -> None:
    command = {"type": "start_child_workflow", "workflow_type": "c", "run_timeout_seconds": 9}
    run = given.leased(priority=2, fairness_key="f", compatibility="b1")
    decided = decide(applying, run, given, command)
    assert decided.types == ["ChildWorkflowScheduled", "ChildRunStarted"]
    (child,) = decided.decision.started
    assert (child.run.priority, child.run.fairness_key, child.run.compatibility) == (2, "f", "b1")
    assert (child.run.task_queue, child.run.parent_run_id) == ("q", "run")
    assert child.run.run_deadline == given.now + 9 * given.second
    assert child.created is not None
    assert (child.created.memo, child.created.search_attributes) == ({"m": 1}, {"a": 1, "b": 2})
    (link,) = decided.decision.new_child_links
    assert (link.child_run_id, link.parent_close_policy) == (child.run.run_id, "abandon")


@pytest.mark.parametrize(
    ("change", "merged"),
    [
        ({"c": 3}, {"a": 1, "b": 2, "c": 3}),
        ({"a": 5}, {"a": 5, "b": 2}),
        ({"a": None}, {"b": 2}),
        ({"a": "  "}, {"b": 2}),
        ({"missing": None}, {"a": 1, "b": 2}),
    ],
)
def test_search_attributes_are_merged_and_none_deletes(
    given: Any, decide: Any, change: Json, merged: Json
) -> None:
    command = {"type": "upsert_search_attributes", "attributes": change}
    decided = decide(applying, given.leased(), given, command)
    assert decided.decision.attributes == merged
    assert decided.payloads[0]["merged"] == merged


@pytest.mark.parametrize(
    ("command", "types", "status", "applied"),
    [
        ({"type": "complete_update"}, ["UpdateApplied", "UpdateCompleted"], "completed", True),
        ({"type": "fail_update", "message": "no"}, ["UpdateCompleted"], "failed", True),
        (
            {"type": "fail_update", "message": "no", "rejected": True},
            ["UpdateCompleted"],
            "rejected",
            False,
        ),
        (
            {"type": "fail_update", "message": "update validator failed: no"},
            ["UpdateCompleted"],
            "rejected",
            False,
        ),
        (
            {"type": "fail_update", "message": "update validator 'v' returned false"},
            ["UpdateCompleted"],
            "rejected",
            False,
        ),
    ],
)
def test_how_an_update_ends(
    given: Any, decide: Any, command: Json, types: list[str], status: str, applied: bool
) -> None:
    run = given.leased(pending_updates=1)
    decided = decide(applying, run, given, command | {"update_id": "u1"})
    assert decided.types == types
    (update,) = decided.decision.updates
    assert (update.status, update.workflow_sequence) == (status, 4)
    assert (update.applied_at is not None, update.rejected_at is not None) == (applied, not applied)
    assert decided.run.pending_updates == 0


@pytest.mark.parametrize(
    ("fields", "workflow_type", "queue", "blob"),
    [
        ({}, "flow", "q", "[1]"),
        ({"workflow_type": "next", "queue": "other", "arguments": "[2]"}, "next", "other", "[2]"),
    ],
)
def test_a_chain_goes_on_with_what_it_does_not_change(
    given: Any, decide: Any, fields: Json, workflow_type: str, queue: str, blob: str
) -> None:
    run = given.leased(execution_deadline=7, execution_timeout_seconds=9, parent_run_id="p")
    decided = decide(applying, run, given, {"type": "continue_as_new"} | fields)
    (following,) = decided.decision.started
    assert (following.run.workflow_type, following.run.task_queue) == (workflow_type, queue)
    assert (following.run.execution_deadline, following.run.parent_run_id) == (7, "p")
    assert following.created is not None
    assert following.created.arguments == {"codec": "json", "blob": blob}
    assert decided.run.status == "completed"


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("no", "application"),
        ("the call timed out", "timeout"),
        ("Structural limit exceeded: x", "structural_limit"),
    ],
)
def test_the_category_of_a_failure_is_read_from_its_message(
    given: Any, decide: Any, message: str, category: str
) -> None:
    command = {"type": "fail_workflow", "message": message}
    assert decide(applying, given.leased(), given, command).payloads[0]["failure_category"] == (
        category
    )


@pytest.mark.parametrize(
    ("command", "run", "limits", "kind"),
    [
        ({"type": "schedule_activity", "activity_type": "a"}, {"pending_activities": 1},
         {"pending_activities": 1}, "pending_activity_count"),
        ({"type": "start_timer", "delay_seconds": 1}, {"pending_timers": 1},
         {"pending_timers": 1}, "pending_timer_count"),
        ({"type": "start_child_workflow", "workflow_type": "c"}, {"pending_children": 1},
         {"pending_children": 1}, "pending_child_count"),
        ({"type": "record_side_effect", "result": "1234"}, {}, {"payload_bytes": 3},
         "payload_size"),
        ({"type": "complete_workflow", "result": "1234"}, {}, {"payload_bytes": 3},
         "payload_size"),
        ({"type": "upsert_search_attributes", "attributes": {"c": 1}}, {},
         {"search_attribute_bytes": 9}, "search_attribute_size"),
    ],
)  # fmt: skip
def test_a_command_that_would_pass_a_limit_is_refused(
    given: Any, command: Json, run: Json, limits: Json, kind: str
) -> None:
    with pytest.raises(LimitExceeded, match=kind):
        applying(given.leased(**run), given, command, Limits(**limits))
    # 0 turns a limit off.
    applying(given.leased(**run), given, command, Limits(**dict.fromkeys(limits, 0)))
