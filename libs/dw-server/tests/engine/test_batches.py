"""The batch of a run: results are held until the last member has its own (WP-R1, R2)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine import batches
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import KnownStep, Resolution

Json = dict[str, Any]
BATCH = {"batch_first": 4, "batch_size": 3, "blocked_on": "activity:a"}


@pytest.mark.parametrize(
    ("status", "holds", "kept"),
    [(None, False, False), ("ready", False, False), ("leased", False, True), ("ready", True, True)],
)
def test_what_happens_is_kept_while_a_worker_decides_or_a_timeout_is_unanswered(
    given: Any, status: str | None, holds: bool, kept: bool
) -> None:
    assert batches.buffers_events(given.run(task_status=status, holds=holds)) is kept


def test_steps_of_one_completion_are_counted_into_one_batch(given: Any) -> None:
    run = given.run()
    batches.add(run, 4, "activity:a")
    batches.add(run, 5, "timer:")
    assert (run.batch_first, run.batch_size, run.batch_open) == (4, 2, 2)
    assert run.blocked_on == "activity:a"


@pytest.mark.parametrize(
    ("size", "still_open", "completes", "complete"),
    [(0, 0, False, False), (3, 2, False, False), (3, 1, True, False), (3, 0, False, True)],
)
def test_when_a_batch_is_complete(
    given: Any, size: int, still_open: int, completes: bool, complete: bool
) -> None:
    run = given.run(batch_size=size, batch_open=still_open)
    assert batches.completes(run) is completes
    assert batches.is_complete(run) is complete


def resolving(run: Any, given: Any, resolution: Resolution, held: list[Resolution]) -> Decision:
    decision = Decision(run, given.now, given.ids())
    batches.resolve(decision, resolution, {"why": 1}, held)
    return decision


@pytest.mark.parametrize("sequence", [4, 5, 6])
def test_a_result_is_held_while_others_are_missing(given: Any, decide: Any, sequence: int) -> None:
    decided = decide(
        resolving, given.run(**BATCH, batch_open=2), given, given.outcome(sequence), []
    )
    assert decided.types == []
    assert decided.decision.held_results == [given.outcome(sequence)]
    assert decided.changed == {"batch_open": 1}


def test_the_last_resolution_brings_all_in_member_order_and_wakes_the_run(
    given: Any, decide: Any
) -> None:
    held = [given.outcome(6), given.outcome(4)]
    decided = decide(resolving, given.run(**BATCH, batch_open=1), given, given.outcome(5), held)
    assert [payload["sequence"] for payload in decided.payloads] == [4, 5, 6]
    assert (decided.run.batch_first, decided.run.batch_size, decided.run.batch_open) == (0, 0, 0)
    assert decided.run.blocked_on is None
    assert (decided.run.task_status, decided.run.task_context) == ("ready", '{"why":1}')
    assert decided.decision.released


def test_during_a_lease_the_last_resolution_waits_and_is_noted(given: Any, decide: Any) -> None:
    run = given.leased(**BATCH, batch_open=1)
    decided = decide(resolving, run, given, given.outcome(5), [given.outcome(4)])
    assert decided.types == []
    assert decided.changed == {"batch_open": 0, "buffered": 1}
    assert [event.kind for event in decided.decision.buffered] == ["batch"]


def test_a_batch_of_one_has_nothing_to_release(given: Any, decide: Any) -> None:
    run = given.run(batch_first=4, batch_size=1, batch_open=1)
    decided = decide(resolving, run, given, given.outcome(4), [])
    assert decided.types == ["ActivityCompleted"]
    assert not decided.decision.released


@pytest.mark.parametrize(
    ("asked", "mismatch"),
    [
        ([("activity", "a"), ("timer", "")], None),
        ([("activity", "a")], None),
        ([], None),
        ([("activity", "a"), ("timer", ""), ("activity", "new")], None),
        ([("activity", "b"), ("timer", "")], (4, "activity b")),
        ([("activity", "a"), ("activity", "b")], (5, "activity b")),
        ([("timer", "")], (4, "timer")),
    ],
)
def test_steps_that_are_said_again_are_compared_by_position(
    asked: list[tuple[str, str]], mismatch: tuple[int, str] | None
) -> None:
    known = [KnownStep(4, "activity", "a"), KnownStep(5, "timer", "")]
    found = batches.first_mismatch(known, asked)
    assert (None if found is None else (found[0].sequence, found[1])) == mismatch
