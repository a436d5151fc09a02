"""Delays between attempts, rests between failures of a task, leases."""

from __future__ import annotations

import pytest

from durable_workflow.server.engine.activities import lease_length
from durable_workflow.server.engine.activity_outcomes import backoff
from durable_workflow.server.engine.state import ActivityPolicy
from durable_workflow.server.engine.tasks import backoff_seconds
from durable_workflow.server.engine.times import SECOND, in_seconds, offset, precise, precise_offset


@pytest.mark.parametrize(
    ("delays", "attempt", "expected"),
    [([], 1, 0), ([1, 2], 1, 1), ([1, 2], 2, 2), ([1, 2], 9, 2), ([5], 0, 0)],
)
def test_a_delay_is_taken_from_the_list_and_its_last_one_repeats(
    delays: list[int], attempt: int, expected: int
) -> None:
    assert backoff(delays, attempt) == expected


def test_rests_double_up_to_a_minute() -> None:
    rests = [backoff_seconds(failures, 1, 60) for failures in range(1, 9)]
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff_seconds(10**6, 1, 60) == 60


@pytest.mark.parametrize(("start_to_close", "lease"), [(None, 300), (60, 300), (400, 410)])
def test_a_lease_is_longer_than_the_attempt_may_take(
    start_to_close: int | None, lease: int
) -> None:
    policy = ActivityPolicy(start_to_close_timeout=start_to_close)
    assert lease_length(policy, 300) == lease * SECOND
    assert lease_length(None, 300) == 300 * SECOND


def test_the_spellings_of_a_time() -> None:
    at = 1_780_000_000_123_456
    assert precise(at) == "2026-05-28T20:26:40.123456Z"
    assert offset(at) == "2026-05-28T20:26:40+00:00"
    assert precise_offset(at) == "2026-05-28T20:26:40.123456+00:00"
    assert precise_offset(at // SECOND * SECOND) == "2026-05-28T20:26:40.000000+00:00"


@pytest.mark.parametrize(("duration", "shown"), [(0, 0), (5 * SECOND, 5), (500_000, 0.5)])
def test_durations_are_whole_where_they_can_be(duration: int, shown: float) -> None:
    assert in_seconds(duration) == shown
    assert type(in_seconds(duration)) is type(shown)
