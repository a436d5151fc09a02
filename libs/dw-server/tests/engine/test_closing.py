"""How a run ends, and what ends with it."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine import closing
from durable_workflow.server.engine.decision import Decision

Json = dict[str, Any]


def opened(given: Any) -> closing.Open:
    return closing.Open(
        activities=[given.running()],
        timers=[given.timer(sequence=5), given.timer(timer_id="wait-timer", wait_id="wait")],
        buffered=[given.signal(), given.timeout(), given.accepted()],
        held_results=[given.outcome(7), given.outcome(6)],
    )


# What was acknowledged, or has its outcome, is said first.
UNSAID = ["ActivityCompleted", "ActivityCompleted", "SignalReceived", "UpdateAccepted"]
CANCELLED = ["ActivityCancelled", "TimerCancelled", "TimerCancelled"]


@pytest.mark.parametrize(
    ("status", "requested", "closed", "reason"),
    [
        ("cancelled", "CancelRequested", "WorkflowCancelled", None),
        ("cancelled", "CancelRequested", "WorkflowCancelled", "enough"),
        ("terminated", "TerminateRequested", "WorkflowTerminated", "enough"),
    ],
)
def test_a_command_closes_the_run_and_all_that_it_has_open(
    given: Any, decide: Any, status: str, requested: str, closed: str, reason: str | None
) -> None:
    run = given.waiting(given.leased, batch_size=3, buffered=3, pending_updates=1)
    decided = decide(
        closing.close_by_command,
        run,
        given.now,
        given.ids(),
        opened(given),
        status=status,
        reason=reason,
        command_id="command",
    )
    assert decided.types == [*UNSAID, requested, *CANCELLED, closed]
    assert decided.payloads[-1].get("reason") == reason
    assert ("reason" in decided.payloads[-1]) is (reason is not None)
    after = decided.run
    assert (after.status, after.closed_reason, after.closed_at) == (status, status, given.now)
    assert (after.buffered, after.batch_size, after.pending_updates) == (0, 0, 0)
    assert (after.task_id, after.wait_id) == (None, None)
    decision = decided.decision
    assert (decision.closes, decision.drained, decision.released) == (True, True, True)
    assert [activity.status for activity in decision.activities] == ["cancelled"]
    assert {timer.timer_id: timer.status for timer in decision.timers} == {
        "timer": "cancelled",
        "wait-timer": "cancelled",
    }
    assert decision.outcome is None


@pytest.mark.parametrize(
    ("kind", "message", "retryable"),
    [
        ("execution_timeout", "Workflow execution timed out after 9 seconds.", False),
        ("run_timeout", "Workflow run timed out.", True),
    ],
)
def test_a_deadline_fails_the_run_and_tells_the_parent_whether_to_try_again(
    given: Any, decide: Any, kind: str, message: str, retryable: bool
) -> None:
    run = given.child(execution_timeout_seconds=9, execution_deadline=given.now)
    decided = decide(closing.close_timed_out, run, given.now, given.ids(), closing.Open(), kind)
    assert decided.types == ["WorkflowTimedOut"]
    assert decided.payloads[0]["message"] == message
    assert (decided.run.status, decided.run.closed_reason) == ("failed", "timed_out")
    assert decided.decision.outcome.retryable is retryable


def test_a_history_over_the_limit_fails_the_run(given: Any, decide: Any) -> None:
    decided = decide(
        closing.close_over_limit,
        given.ready(),
        given.now,
        given.ids(),
        closing.Open(),
        kind="history_event_count",
        value=11,
        configured=10,
    )
    assert decided.types == ["WorkflowFailed"]
    assert decided.payloads[0]["structural_limit_value"] == 11
    assert decided.decision.failure["reason"] == "history_limit_exceeded"
    assert [past.status for past in decided.decision.past_tasks] == ["cancelled"]


@pytest.mark.parametrize("has_parent", [True, False])
def test_a_result_is_kept_and_told_to_the_parent(given: Any, decide: Any, has_parent: bool) -> None:
    output = {"codec": "json", "blob": "1"}

    def completing(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        closing.complete_run(decision, output, "1", "json", "task")
        return decision

    decided = decide(completing, (given.child if has_parent else given.run)())
    assert decided.types == ["WorkflowCompleted"]
    assert decided.decision.output == output
    told = decided.decision.outcome
    assert (told is not None) is has_parent
    if told is not None:
        assert told.payload == {"output": "1", "result": "1", "payload_codec": "json"}


def test_what_the_same_decision_has_begun_ends_with_the_run(given: Any, decide: Any) -> None:
    def ending(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        decision.new_timers = [given.timer(), given.timer(timer_id="w", wait_id="wait")]
        closing.cancel_open(decision, closing.Open(timers=[given.timer(timer_id="old")]))
        return decision

    decided = decide(ending, given.run())
    assert [payload["timer_id"] for payload in decided.payloads] == ["old", "timer"]
    assert [timer.status for timer in decided.decision.new_timers] == ["cancelled", "pending"]
    assert [timer.timer_id for timer in decided.decision.timers] == ["old"]
