"""Backfills: fires for a span of time (8.10)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused


async def test_a_backfill_fires_for_each_time_of_its_span(server: Any, planned: Any) -> None:
    await planned.create(jitter_seconds=600, overlap_policy="buffer_all")
    told = await planned.backfill("2025-12-01T00:00:00Z", "2025-12-02T01:00:00Z")
    assert (told["outcome"], told["fires_attempted"]) == ("backfill_started", 25)
    assert {row["outcome"] for row in told["results"]} == {"started"}
    assert told["results"][0]["fire_time"] == "2025-12-01T00:00:00+00:00"
    assert told["results"][-1]["fire_time"] == "2025-12-02T00:00:00+00:00"
    assert [run["workflow_id"] for run in await planned.runs()] == [
        row["workflow_id"] for row in told["results"]
    ]
    assert (await planned.describe())["fires_count"] == 25
    event = (await planned.history())["events"][-1]["payload"]
    assert (event["outcome"], event["effective_overlap_policy"]) == ("backfilled", "allow_all")


async def test_a_backfill_keeps_to_its_policy_and_to_the_fires_that_are_left(
    server: Any, planned: Any
) -> None:
    await planned.create(max_runs=12)
    skipping = await planned.backfill("2025-12-01", "2025-12-01T03:00:00+00:00")
    assert [row["outcome"] for row in skipping["results"]] == ["started", "skipped", "skipped"]

    told = await planned.backfill("2025-12-01", "2025-12-03", "allow_all")
    assert told["fires_attempted"] == 11
    with pytest.raises(Refused, match="schedule_not_found"):
        await planned.describe()


async def test_a_backfill_of_a_paused_schedule_skips(server: Any, planned: Any) -> None:
    await planned.create(paused=True)
    told = await planned.backfill("2025-12-01", "2025-12-01T02:00:00Z")
    assert [(row["outcome"], row["reason"]) for row in told["results"]] == [
        ("skipped", "status_not_triggerable")
    ] * 2


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2025-12-02", "2025-12-01", "invalid_time_range"),
        ("2025-12-02", "2025-12-02", "invalid_time_range"),
        ("yesterday", "2025-12-02", "validation_failed"),
        ("2025-12-02", "9999-12-31T23:59:59-23:00", "validation_failed"),
        ("2025-12-02", "2026-12-02", "validation_failed"),
    ],
)
async def test_a_backfill_that_cannot_be_is_refused(
    server: Any, planned: Any, start: str, end: str, reason: str
) -> None:
    server.configure(max_backfilled_fires=100)
    await planned.create()
    with pytest.raises(Refused, match=reason):
        await planned.backfill(start, end)
