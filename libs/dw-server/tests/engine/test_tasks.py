"""The open workflow task of a run: woken, claimed, renewed, ended, offered again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.engine import tasks
from durable_workflow.server.engine.decision import Decision

Json = dict[str, Any]


def waking(run: Any, given: Any, *, update: str | None = None, at: int | None = None) -> Decision:
    decision = Decision(run, given.now, given.ids())
    if update is None:
        tasks.wake(decision, {"timer_id": "t"}, available_at=at)
    else:
        tasks.wake_for_update(decision, update, "command")
    return decision


def test_a_run_without_a_task_gets_one_that_says_why(given: Any, decide: Any) -> None:
    decided = decide(waking, given.run(), given)
    assert decided.changed == {
        "task_id": "id0001",
        "task_status": "ready",
        "task_available_at": given.now,
        "task_ordinary": True,
        "task_context": '{"timer_id":"t"}',
    }
    assert decided.decision.created_task_ids == ["id0001"]


def test_a_task_may_become_available_later(given: Any, decide: Any) -> None:
    decided = decide(waking, given.run(), given, at=given.now + 7)
    assert decided.run.task_available_at == given.now + 7


def test_a_further_wake_up_is_a_part_of_the_ready_task(given: Any, decide: Any) -> None:
    assert decide(waking, given.ready(), given).changed == {}
    for_update = given.ready(task_ordinary=False, task_update_id="u0")
    assert decide(waking, for_update, given).changed == {"task_ordinary": True}


@pytest.mark.parametrize(
    ("task", "carried", "ordinary"),
    [
        ({}, "u1", True),
        ({"task_update_id": "u0", "task_ordinary": False}, "u0", False),
    ],
)
def test_a_ready_task_carries_one_update(
    given: Any, decide: Any, task: Json, carried: str, ordinary: bool
) -> None:
    run = decide(waking, given.ready(**task), given, update="u1").run
    assert (run.task_id, run.task_update_id, run.task_ordinary) == ("task", carried, ordinary)


def test_a_task_for_an_update_alone_is_not_ordinary(given: Any, decide: Any) -> None:
    run = decide(waking, given.run(), given, update="u1").run
    assert (run.task_update_id, run.task_ordinary) == ("u1", False)
    assert msgspec.json.decode(run.task_context)["workflow_update_id"] == "u1"


def test_the_worker_that_keeps_the_machine_is_offered_the_task_first(
    given: Any, decide: Any
) -> None:
    run = decide(waking, given.run(sticky_worker="w", sticky_sequence=3), given).run
    assert (run.sticky_worker, run.sticky_until) == ("w", given.now + tasks.STICKY_OFFER)


@pytest.mark.parametrize(
    ("sticky_worker", "keeps_machines", "kept"),
    [("w", True, "w"), ("w", False, None), ("other", True, None), (None, True, None)],
)
def test_a_claim_leases_the_task_and_fixes_what_the_worker_sees(
    given: Any, decide: Any, sticky_worker: str | None, keeps_machines: bool, kept: str | None
) -> None:
    run = given.ready(last_sequence=9, task_attempt=1, sticky_worker=sticky_worker, sticky_until=5)
    decided = decide(
        tasks.claim,
        run,
        given.now,
        given.ids(),
        worker_id="w",
        poll_request_id="poll",
        lease_seconds=30,
        keeps_machines=keeps_machines,
    )
    assert decided.types == []
    assert decided.run.sticky_worker == kept
    decided.changed.pop("sticky_worker", None)
    assert decided.changed == {
        "task_status": "leased",
        "task_attempt": 2,
        "lease_owner": "w",
        "leased_at": given.now,
        "lease_expires_at": given.now + 30 * given.second,
        "poll_request_id": "poll",
        "claimed_sequence": 9,
        "sticky_until": 0,
    }


def test_a_lease_is_renewed_from_now_on(given: Any, decide: Any) -> None:
    later = given.now + 10 * given.second
    decided = decide(tasks.renew, given.leased(), later, given.ids(), lease_seconds=30)
    assert decided.changed == {"lease_expires_at": later + 30 * given.second}


@pytest.mark.parametrize(
    ("task", "updates_wait"),
    [
        ({}, False),
        ({"task_update_id": "u1", "task_ordinary": False}, False),
        ({"task_update_id": "u1"}, True),
    ],
)
def test_an_ended_task_is_remembered_and_lets_ordinary_work_go_first(
    given: Any, decide: Any, task: Json, updates_wait: bool
) -> None:
    def finishing(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        tasks.finish(decision, "completed")
        return decision

    decided = decide(finishing, given.leased(task_failures=2, task_error="no", **task))
    run = decided.run
    assert (run.task_id, run.task_status, run.lease_owner) == (None, None, None)
    assert (run.task_failures, run.task_error, run.updates_wait) == (0, None, updates_wait)
    (past,) = decided.decision.past_tasks
    assert (past.task_id, past.status, past.closed_at) == ("task", "completed", given.now)
    assert decide(finishing, given.run()).decision.past_tasks == []


def test_a_task_that_is_offered_again_keeps_its_id_and_is_anybodys(given: Any, decide: Any) -> None:
    def offering(run: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        tasks.offer_again(decision, delay_seconds=1.5)
        return decision

    run = decide(offering, given.leased(sticky_worker="w", poll_request_id="p")).run
    assert (run.task_id, run.task_status, run.task_attempt) == ("task", "ready", 1)
    assert run.task_available_at == given.now + 1_500_000
    assert (run.lease_owner, run.lease_expires_at, run.poll_request_id) == (None, None, None)
    assert run.sticky_worker is None
