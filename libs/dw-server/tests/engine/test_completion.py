"""A completion: what a worker's commands do to its run, what follows, and when they are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.engine import closing, completion
from durable_workflow.server.engine.commands import parse_commands
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.refusal import InvalidCommands, LimitExceeded
from durable_workflow.server.engine.state import KnownStep
from durable_workflow.server.slices import at_once

Json = dict[str, Any]

ACTIVITY: Json = {"type": "schedule_activity", "activity_type": "a"}
TIMER: Json = {"type": "start_timer", "delay_seconds": 5}
EFFECT: Json = {"type": "record_side_effect", "result": "1"}
WAIT: Json = {"type": "open_condition_wait", "condition_key": "k", "timeout_seconds": 60}
KEPT: Json = WAIT | {"condition_wait_id": "wait"}
NEW: Json = WAIT | {"condition_wait_id": None}
OTHER: Json = WAIT | {"condition_key": "other"}
DONE: Json = {"type": "complete_workflow", "result": "1"}
FAILED: Json = {"type": "fail_workflow", "message": "no"}
AGAIN: Json = {"type": "continue_as_new"}
UPDATED: Json = {"type": "complete_update", "update_id": "u1", "result": "1"}
REFUSED: Json = {"type": "fail_update", "update_id": "u1", "message": "no"}

SCHEDULED, TIMED = "ActivityScheduled", "TimerScheduled"
PASSED, UNTIMED, OPENED = "ConditionWaitSatisfied", "TimerCancelled", "ConditionWaitOpened"


def complete(run: Any, given: Any, commands: list[Json], **loaded: Any) -> Decision:
    limits = loaded.pop("limits", Limits())
    keep_history = loaded.pop("keep_history", False)
    parsed, errors = at_once(parse_commands(commands, run.codec, limits))
    assert errors == {}
    known = completion.Loaded(**{"details": given.details()} | loaded)
    return at_once(
        completion.complete(
            run, parsed, known, given.now, given.ids(), limits=limits, keep_history=keep_history
        )
    )


@pytest.mark.parametrize(
    ("commands", "types", "woken", "batch"),
    [
        ([], [], False, 0),
        ([ACTIVITY], [SCHEDULED], False, 1),
        ([ACTIVITY, TIMER], [SCHEDULED, TIMED], False, 2),
        # It only recorded something: nothing else would wake it.
        ([EFFECT], ["SideEffectRecorded"], True, 0),
        ([EFFECT, ACTIVITY], ["SideEffectRecorded", SCHEDULED], False, 1),
        ([WAIT], [OPENED, TIMED], False, 0),
        ([WAIT | {"timeout_seconds": 0}], [OPENED, "ConditionWaitTimedOut"], True, 0),
        ([DONE], ["WorkflowCompleted"], False, 0),
        ([FAILED], ["WorkflowFailed"], False, 0),
        # The end is applied last wherever it stands, and takes the steps before it along.
        (
            [DONE, ACTIVITY, TIMER],
            [SCHEDULED, TIMED, "ActivityCancelled", UNTIMED, "WorkflowCompleted"],
            False,
            0,
        ),
    ],
)
def test_commands_become_events_and_the_next_task(
    given: Any, decide: Any, commands: list[Json], types: list[str], woken: bool, batch: int
) -> None:
    decided = decide(complete, given.leased(), given, commands)
    assert decided.types == types
    assert (decided.run.task_status == "ready") is woken
    assert (decided.run.batch_size, decided.run.batch_open) == (batch, batch)
    (past,) = decided.decision.past_tasks
    assert (past.task_id, past.status) == ("task", "completed")
    assert decided.run.closed is (DONE in commands or FAILED in commands)


def test_commands_are_numbered_from_the_next_event_on(given: Any, decide: Any) -> None:
    decided = decide(complete, given.leased(), given, [EFFECT, ACTIVITY, WAIT, TIMER])
    own = [payload["sequence"] for payload in decided.payloads if "timer_kind" not in payload]
    assert own == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("commands", "types"),
    [
        # The worker says that it still waits, or seems to say so.
        ([KEPT], []),
        ([WAIT], [UNTIMED, OPENED, TIMED]),
        # It went past the wait: another one, a new one like it, something else before it.
        ([OTHER], [PASSED, UNTIMED, OPENED, TIMED]),
        ([NEW], [PASSED, UNTIMED, OPENED, TIMED]),
        ([EFFECT, WAIT], [PASSED, UNTIMED, "SideEffectRecorded", OPENED, TIMED]),
        ([ACTIVITY], [PASSED, UNTIMED, SCHEDULED]),
        ([DONE], [PASSED, UNTIMED, "WorkflowCompleted"]),
        # It decided nothing, or the predicate itself may have failed.
        ([], []),
        ([FAILED], [UNTIMED, "WorkflowFailed"]),
    ],
)
def test_whether_a_worker_went_past_the_open_wait(
    given: Any, decide: Any, commands: list[Json], types: list[str]
) -> None:
    decided = decide(complete, given.waiting(given.leased), given, commands)
    assert decided.types == types


KNOWN = [KnownStep(2, "activity", "a"), KnownStep(3, "timer", "")]


@pytest.mark.parametrize(
    ("commands", "types"),
    [
        ([], []),
        ([ACTIVITY], []),
        ([ACTIVITY, TIMER], []),
        ([ACTIVITY, EFFECT, TIMER], ["SideEffectRecorded"]),
        ([ACTIVITY, TIMER, ACTIVITY], [SCHEDULED]),
    ],
)
def test_steps_that_a_blocked_worker_says_again_are_not_scheduled_twice(
    given: Any, decide: Any, commands: list[Json], types: list[str]
) -> None:
    run = given.leased(batch_first=2, batch_size=2, batch_open=2)
    assert decide(complete, run, given, commands, known=KNOWN).types == types


def test_other_steps_than_those_that_are_known_are_no_determinism(given: Any) -> None:
    run = given.leased(batch_first=2, batch_size=2, batch_open=2)
    with pytest.raises(completion.NonDeterminism, match=r"sequence 3 is timer.*activity a"):
        complete(run, given, [ACTIVITY, ACTIVITY], known=KNOWN)


@pytest.mark.parametrize(
    ("blocked_by", "ordinary", "outcome", "woken"),
    [
        # The update may have changed what the wait looks at; a step is not nearer to its end.
        ("wait", False, UPDATED, True),
        ("step", False, UPDATED, False),
        ("step", False, REFUSED, False),
        # Ordinary work that was merged into the task is still due.
        ("step", True, UPDATED, True),
        # Nothing else would wake it.
        ("nothing", False, UPDATED, True),
    ],
)
def test_what_follows_an_update(
    given: Any, decide: Any, blocked_by: str, ordinary: bool, outcome: Json, woken: bool
) -> None:
    task: Json = {"task_update_id": "u1", "task_ordinary": ordinary, "pending_updates": 1}
    run = given.leased(**task)
    if blocked_by == "wait":
        run = given.waiting(given.leased, **task)
    elif blocked_by == "step":
        run = given.leased(**task, batch_first=2, batch_size=1, batch_open=1)
    decided = decide(complete, run, given, [outcome], updates={"u1": given.update()})
    assert decided.types[-1] == "UpdateCompleted"
    assert (decided.run.task_status == "ready") is woken
    assert decided.run.pending_updates == 0
    (update,) = decided.decision.updates
    assert update.status == ("completed" if outcome is UPDATED else "failed")


@pytest.mark.parametrize(
    ("buffered", "update_id"),
    [([], "u2"), (["u2"], "u3")],
)
def test_the_oldest_update_that_waits_gets_the_next_task(
    given: Any, decide: Any, buffered: list[str], update_id: str
) -> None:
    waiting = [given.update("u2", command_id="c2"), given.update("u3", command_id="c3")]
    run = given.leased(
        task_update_id="u1",
        task_ordinary=True,
        pending_updates=3,
        buffered=len(buffered),
        # Ordinary work is due: what came during the lease goes behind it.
        updates_wait=True,
    )
    opened = closing.Open(buffered=[given.accepted(name) for name in buffered])
    decided = decide(
        complete,
        run,
        given,
        [UPDATED],
        updates={"u1": given.update()},
        waiting_updates=waiting,
        opened=opened,
    )
    assert decided.run.task_update_id == update_id
    assert decided.run.task_ordinary


@pytest.mark.parametrize(
    ("task", "loaded", "told"),
    [
        ({}, None, "not an accepted update"),
        ({}, {"run_id": "other"}, "not an accepted update"),
        ({}, {"status": "completed"}, "not an accepted update"),
        ({"task_update_id": "u9"}, {}, "the task is about update u9"),
    ],
)
def test_only_the_update_of_the_task_can_be_ended(
    given: Any, task: Json, loaded: Json | None, told: str
) -> None:
    updates = {} if loaded is None else {"u1": given.update(**loaded)}
    with pytest.raises(InvalidCommands, match=told):
        complete(given.leased(**task), given, [UPDATED], updates=updates)


def test_a_limit_that_would_be_passed_refuses_the_whole_completion(given: Any) -> None:
    limits = Limits(events_per_transaction=2)
    with pytest.raises(LimitExceeded, match="history_transaction_size 3"):
        complete(given.leased(), given, [EFFECT] * 3, limits=limits)


@pytest.mark.parametrize(("keep_history", "kept"), [(True, ("w", 3)), (False, (None, 0))])
def test_a_worker_that_keeps_the_machine_is_noted_with_what_it_has_seen(
    given: Any, decide: Any, keep_history: bool, kept: tuple[str | None, int]
) -> None:
    run = decide(complete, given.leased(), given, [ACTIVITY], keep_history=keep_history).run
    assert (run.sticky_worker, run.sticky_sequence) == kept


def test_the_next_run_of_a_chain_begins_with_what_waited(given: Any, decide: Any) -> None:
    decided = decide(
        complete,
        given.leased(buffered=1, pending_signals=1, pending_updates=1),
        given,
        [AGAIN],
        opened=closing.Open(buffered=[given.signal()]),
        waiting_updates=[given.update()],
    )
    assert decided.types == ["WorkflowContinuedAsNew"]
    (following,) = decided.decision.started
    types = [event.event_type for event in following.events]
    assert types == ["WorkflowStarted", "SignalReceived", "UpdateAccepted"]
    assert decided.run.continued_to_run_id == following.run.run_id
    assert decided.decision.moved_updates_to == following.run.run_id
    assert following.run.run_number == 2


@pytest.mark.parametrize(("failures", "rest"), [(0, 1), (1, 2), (9, 60)])
def test_a_failed_task_rests_and_what_waited_is_said(
    given: Any, decide: Any, failures: int, rest: int
) -> None:
    run = given.leased(task_failures=failures, buffered=1, sticky_worker="w")
    decided = decide(
        completion.fail,
        run,
        [given.signal()],
        [],
        given.now,
        given.ids(),
        message="it broke",
        error_type="E",
        first_seconds=1,
        longest_seconds=60,
    )
    assert decided.types == ["SignalReceived"]
    after = decided.run
    assert (after.task_failures, after.task_error, after.task_error_type) == (
        failures + 1,
        "it broke",
        "E",
    )
    assert (after.task_id, after.task_status) == ("task", "ready")
    assert after.task_available_at == given.now + rest * given.second


def test_a_lost_task_is_ready_at_once_and_counts_no_failure(given: Any, decide: Any) -> None:
    run = given.leased(buffered=1)
    decided = decide(completion.expire_lease, run, [given.signal()], [], given.now, given.ids())
    assert decided.types == ["SignalReceived"]
    assert (decided.run.task_status, decided.run.task_available_at) == ("ready", given.now)
    assert (decided.run.task_failures, decided.run.lease_owner) == (0, None)


def test_the_signal_that_woke_the_worker_is_named_where_it_passes_the_wait(
    given: Any, decide: Any
) -> None:
    context = msgspec.json.encode({"workflow_signal_id": "s1", "signal_name": "go"}).decode()
    run = given.waiting(given.leased, task_context=context)
    assert decide(complete, run, given, [ACTIVITY]).payloads[0]["workflow_signal_id"] == "s1"
