"""What happens from outside: appended at once, or kept until the worker has decided (WP-R3, R4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.engine import buffered_events
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import BufferedEvent

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("kind", "fields", "types", "wakes"),
    [
        ("run", {}, ["SignalReceived"], False),
        ("run", {"tasks_completed": 0}, ["SignalReceived"], True),
        ("waiting", {}, ["SignalReceived"], True),
        ("ready", {}, ["SignalReceived"], False),
        ("leased", {}, [], False),
        ("ready", {"holds": True}, [], False),
    ],
)
def test_a_signal_wakes_a_run_that_can_use_it(
    given: Any, decide: Any, kind: str, fields: Json, types: list[str], wakes: bool
) -> None:
    run = getattr(given, kind)(**fields)
    decided = decide(buffered_events.signal_received, run, given.now, given.ids(), given.signal())
    assert decided.types == types
    assert decided.run.pending_signals == 1
    assert (decided.run.task_id != run.task_id) is wakes
    assert decided.run.buffered == (0 if types else 1)
    assert len(decided.decision.buffered) == decided.run.buffered


@pytest.mark.parametrize(
    ("kind", "fields", "kept"),
    [
        ("run", {}, False),
        ("ready", {}, False),
        ("ready", {"task_ordinary": True, "updates_wait": True}, True),
        # No ordinary work is due, whatever the row says: nothing to wait for.
        ("run", {"updates_wait": True}, False),
        ("leased", {}, True),
        ("ready", {"holds": True}, True),
    ],
)
def test_an_update_gets_a_task_unless_it_has_to_wait(
    given: Any, decide: Any, kind: str, fields: Json, kept: bool
) -> None:
    run = getattr(given, kind)(**fields)
    decided = decide(
        buffered_events.update_accepted,
        run,
        given.now,
        given.ids(),
        given.update(),
        given.accepted(),
    )
    assert decided.types == ([] if kept else ["UpdateAccepted"])
    assert decided.run.task_update_id == (None if kept else "u1")
    assert decided.run.pending_updates == 1
    assert decided.decision.new_updates == [given.update()]


def test_a_timer_that_fires_resolves_its_step(given: Any, decide: Any) -> None:
    run = given.run(batch_first=4, batch_size=1, batch_open=1, pending_timers=1)
    decided = decide(buffered_events.timer_fired, run, given.now, given.ids(), given.timer(), [])
    assert decided.types == ["TimerFired"]
    assert decided.payloads[0]["delay_seconds"] == 5
    assert (decided.run.pending_timers, decided.run.task_status) == (0, "ready")
    assert [timer.status for timer in decided.decision.timers] == ["fired"]


@pytest.mark.parametrize(
    ("kind", "wait_timer_id", "types", "buffered"),
    [
        ("run", "wait-timer", ["TimerFired"], 0),
        ("ready", "wait-timer", [], 1),
        ("leased", "wait-timer", [], 1),
        ("run", "another", [], 0),
    ],
)
def test_the_timeout_of_a_wait_waits_for_a_task_that_is_open(
    given: Any, decide: Any, kind: str, wait_timer_id: str, types: list[str], buffered: int
) -> None:
    run = given.waiting(getattr(given, kind), wait_timer_id=wait_timer_id)
    timer = given.timer(timer_id="wait-timer", wait_id="wait")
    decided = decide(buffered_events.timer_fired, run, given.now, given.ids(), timer, [])
    assert decided.types == types
    assert decided.run.buffered == buffered
    assert decided.run.holds is bool(types)


def flushing(run: Any, given: Any, buffered: list[Any], **options: bool) -> Decision:
    decision = Decision(run, given.now, given.ids())
    buffered_events.flush(decision, buffered, [given.outcome(4)], **options)
    return decision


SIGNAL, UPDATE = "SignalReceived", "UpdateAccepted"


@pytest.mark.parametrize(
    ("fields", "kinds", "types", "left"),
    [
        ({}, "su", [SIGNAL, UPDATE], ""),
        ({"holds": True}, "su", [], "su"),
        # Behind a timeout everything stays until a worker has answered it.
        ({}, "sts", [SIGNAL, "TimerFired"], "s"),
        # It lets the updates pass that were accepted before it.
        ({"pending_updates": 1}, "ts", [SIGNAL], "t"),
        ({"updates_wait": True}, "us", [SIGNAL], "u"),
        ({"wait_timer_id": "another"}, "t", [], ""),
        ({"batch_size": 1}, "b", ["ActivityCompleted"], ""),
        # The completion has added a member: the batch goes on.
        ({"batch_size": 2, "batch_open": 1}, "b", [], ""),
    ],
)
def test_what_waited_is_appended_in_order(
    given: Any, decide: Any, fields: Json, kinds: str, types: list[str], left: str
) -> None:
    batch = BufferedEvent("batch", "4", "", b"", context={"why": 1})
    made = {"s": given.signal(), "u": given.accepted(), "t": given.timeout(), "b": batch}
    buffered = [made[kind] for kind in kinds]
    counts = {"buffered": len(kinds), "pending_updates": kinds.count("u")}
    run = given.waiting(**counts | fields)
    decided = decide(flushing, run, given, buffered)
    assert decided.types == types
    assert decided.run.buffered == len(left)
    if not run.holds:
        assert decided.decision.buffered == [made[kind] for kind in left]
        assert decided.decision.drained


def test_an_update_that_waited_gets_the_task_only_where_no_older_one_may_want_it(
    given: Any, decide: Any
) -> None:
    run = given.run(buffered=1, pending_updates=1)
    decided = decide(flushing, run, given, [given.accepted()], wake_for_updates=False)
    assert decided.types == [UPDATE]
    assert decided.run.task_status is None


def test_before_the_server_closes_a_run_all_that_was_acknowledged_is_said(
    given: Any, decide: Any
) -> None:
    def saying(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        buffered_events.append_all(decision, [given.signal(), given.timeout(), given.accepted()])
        return decision

    assert decide(saying, given.waiting()).types == [SIGNAL, UPDATE]


def test_the_next_run_begins_with_what_nobody_has_seen(given: Any, decide: Any) -> None:
    def carrying(run: Any) -> Decision:
        following = Decision(run, given.now, given.ids())
        waiting = [given.update("u1"), given.update("u2")]
        buffered_events.carry_over(
            following, [given.signal(), given.accepted("u2")], waiting, {"u1": waiting[0]}
        )
        return following

    decided = decide(carrying, given.run(run_id="next"))
    assert decided.types == [SIGNAL, UPDATE]
    assert [payload["workflow_run_id"] for payload in decided.payloads] == ["next", "next"]
    assert (decided.run.pending_signals, decided.run.pending_updates) == (1, 1)
    assert decided.run.task_update_id == "u2"
    assert msgspec.json.decode(decided.run.task_context)["workflow_update_id"] == "u2"
