"""Attempts of an activity: claimed, renewed, given to the next worker, cancelled with the run."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine import activities
from durable_workflow.server.engine.decision import Decision

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("policy", "lease", "start_to_close", "heartbeat"),
    [
        (None, 300, None, None),
        ({"heartbeat_timeout": 20}, 300, None, 20),
        ({"start_to_close_timeout": 60}, 300, 60, None),
        ({"start_to_close_timeout": 600}, 610, 600, None),
    ],
)
def test_a_claim_begins_an_attempt_with_its_deadlines(
    given: Any,
    decide: Any,
    policy: Json | None,
    lease: int,
    start_to_close: int | None,
    heartbeat: int | None,
) -> None:
    decided = decide(
        activities.claim,
        given.run(),
        given.activity(policy, attempt_count=1),
        given.now,
        given.ids(),
        worker_id="w",
        poll_request_id="poll",
        lease_seconds=300,
    )
    assert decided.types == ["ActivityStarted"]
    assert decided.payloads[0]["attempt_number"] == 2
    (claimed,) = decided.decision.activities
    assert (claimed.status, claimed.task_status, claimed.attempt_count) == ("running", "leased", 2)
    assert (claimed.lease_owner, claimed.poll_request_id) == ("w", "poll")
    since = [
        None if at is None else (at - given.now) // given.second
        for at in (claimed.lease_expires_at, claimed.start_to_close_at, claimed.heartbeat_at)
    ]
    assert since == [lease, start_to_close, heartbeat]


@pytest.mark.parametrize(("progress", "kept"), [({}, '{"done":1}'), ({"done": 2}, '{"done":2}')])
def test_a_heartbeat_renews_lease_and_deadline_and_keeps_the_newest_progress(
    given: Any, decide: Any, progress: Json, kept: str
) -> None:
    later = given.now + 5 * given.second
    activity = given.running({"heartbeat_timeout": 20}, progress='{"done":1}')
    decided = decide(
        activities.heartbeat,
        given.run(),
        activity,
        later,
        given.ids(),
        progress=progress,
        lease_seconds=300,
    )
    assert decided.types == ["ActivityHeartbeatRecorded"]
    (beaten,) = decided.decision.activities
    assert beaten.lease_expires_at == later + 300 * given.second
    assert beaten.heartbeat_at == later + 20 * given.second
    assert (beaten.last_heartbeat_at, beaten.progress) == (later, kept)


def test_a_poll_that_is_repeated_has_the_lease_for_longer(given: Any) -> None:
    activity = given.running()
    renewed = activities.renewed(activity, given.now + 7, lease_seconds=300)
    assert renewed.lease_expires_at == given.now + 7 + 300 * given.second
    assert activity == given.running()


@pytest.mark.parametrize("policy", [None, {"max_attempts": 1, "schedule_to_start_timeout": 9}])
def test_an_expired_lease_gives_the_same_task_to_the_next_worker(
    given: Any, decide: Any, policy: Json | None
) -> None:
    decided = decide(
        activities.expire_lease, given.run(), given.running(policy), given.now, given.ids()
    )
    assert decided.types == []
    (offered,) = decided.decision.activities
    assert (offered.task_id, offered.task_status, offered.attempt_count) == ("act-task", "ready", 1)
    assert (offered.attempt_id, offered.lease_owner, offered.lease_expires_at) == (None, None, None)
    assert offered.schedule_to_start_at == (given.now + 9 * given.second if policy else None)
    (attempt,) = decided.decision.attempts
    assert (attempt.attempt_id, attempt.status, attempt.lease_owner) == ("attempt", "expired", "w")


@pytest.mark.parametrize(("command_id", "said"), [("command", True), (None, False)])
def test_the_end_of_the_run_cancels_an_activity(
    given: Any, decide: Any, command_id: str | None, said: bool
) -> None:
    def cancelling(run: Any, activity: Any) -> Decision:
        decision = Decision(run, given.now, given.ids())
        decision.activities.append(activities.cancelled(decision, activity, command_id))
        return decision

    decided = decide(cancelling, given.run(), given.running())
    assert decided.types == ["ActivityCancelled"]
    assert ("workflow_command_id" in decided.payloads[0]) is said
    (closed,) = decided.decision.activities
    assert (closed.status, closed.task_status, closed.closed_at) == (
        "cancelled",
        "closed",
        given.now,
    )
