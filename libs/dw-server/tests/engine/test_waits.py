"""The condition wait of a run: opened, passed, superseded, timed out (WP-R6)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine import waits
from durable_workflow.server.engine.decision import Decision

OPENED, TIMER, TIMED_OUT = "ConditionWaitOpened", "TimerScheduled", "ConditionWaitTimedOut"
PASSED, CANCELLED, FIRED = "ConditionWaitSatisfied", "TimerCancelled", "TimerFired"
NO_WAIT = {
    "wait_id": None,
    "wait_key": None,
    "wait_sequence": None,
    "wait_timeout": None,
    "wait_timer_id": None,
    "wait_fire_at": None,
}


@pytest.mark.parametrize(
    ("timeout", "types", "is_open", "goes_on"),
    [
        (None, [OPENED], True, False),
        (0, [OPENED, TIMED_OUT], False, True),
        (1_500_000, [OPENED, TIMER], True, False),
    ],
)
def test_a_wait_is_opened_with_a_timer_where_it_has_a_timeout(
    given: Any, decide: Any, timeout: int | None, types: list[str], is_open: bool, goes_on: bool
) -> None:
    said: list[bool] = []

    def opening(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        said.append(
            waits.open_wait(decision, 5, key="k", fingerprint="f", timeout=timeout, task_id="task")
        )
        return decision

    decided = decide(opening, given.leased())
    assert decided.types == types
    assert said[0] is goes_on
    assert waits.is_open(decided.run) is is_open
    assert decided.payloads[0]["condition_key"] == "k"
    assert [timer.fire_at for timer in decided.decision.new_timers] == (
        [given.now + timeout] if timeout else []
    )


@pytest.mark.parametrize("with_timer", [True, False])
def test_passing_a_wait_is_said_before_its_timer_is_cancelled(
    given: Any, decide: Any, with_timer: bool
) -> None:
    signal = {"workflow_signal_id": "s", "signal_name": "go", "signal_wait_id": None, "other": 1}

    def passing(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        waits.passed(decision, signal=signal, task_id="task")
        return decision

    timer = {} if with_timer else {"wait_timer_id": None, "wait_fire_at": None}
    decided = decide(passing, given.waiting(given.leased, **timer))
    assert decided.types == ([PASSED, CANCELLED] if with_timer else [PASSED])
    assert decided.run.wait_id is None
    said = decided.payloads[0]
    assert (said["workflow_signal_id"], said["signal_name"]) == ("s", "go")
    assert "signal_wait_id" not in said
    assert "other" not in said
    assert [(timer.timer_id, timer.status) for timer in decided.decision.timers] == (
        [("wait-timer", "cancelled")] if with_timer else []
    )


def test_a_superseded_wait_leaves_only_the_end_of_its_timer(given: Any, decide: Any) -> None:
    def superseding(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        waits.supersede(decision, task_id="task")
        return decision

    decided = decide(superseding, given.waiting(given.leased))
    assert decided.types == [CANCELLED]
    assert decided.changed == NO_WAIT


def test_a_wait_that_timed_out_tells_the_worker_which(given: Any, decide: Any) -> None:
    contexts: list[dict[str, Any]] = []

    def timing_out(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        contexts.append(waits.time_out(decision))
        return decision

    decided = decide(timing_out, given.waiting())
    assert decided.types == [FIRED]
    assert decided.payloads[0]["timer_kind"] == "condition_timeout"
    assert decided.changed == NO_WAIT
    assert (contexts[0]["condition_wait_id"], contexts[0]["workflow_sequence"]) == ("wait", 2)


def test_the_end_of_the_run_cancels_the_timer_of_the_wait(given: Any, decide: Any) -> None:
    def closing(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        waits.cancel_at_close(decision, "command", None)
        return decision

    decided = decide(closing, given.waiting())
    assert decided.types == [CANCELLED]
    assert decided.records[0]["workflow_command_id"] == "command"
    assert decide(closing, given.run()).types == []
