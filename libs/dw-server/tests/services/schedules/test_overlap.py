"""What becomes of a fire while the workflow of the last one is open (8.12)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("policy", ["skip", "buffer_one", "buffer_all"])
async def test_every_policy_starts_where_the_last_workflow_has_closed(
    server: Any, planned: Any, policy: str
) -> None:
    await planned.create(overlap_policy=policy)
    for _ in range(3):
        await server.pass_time(3600)
        await planned.finish()
    assert len(await planned.runs()) == 3
    assert (await planned.describe())["info"]["skipped_trigger_count"] == 0


async def test_skip_starts_nothing_while_the_last_workflow_is_open(
    server: Any, planned: Any
) -> None:
    await planned.create()
    await server.pass_time(3 * 3600)

    assert len(await planned.runs()) == 1
    info = (await planned.describe())["info"]
    assert (info["skipped_trigger_count"], info["last_skip_reason"]) == (2, "overlap_policy_skip")
    assert info["last_skipped_at"] == "2026-01-01T03:00:00+00:00"
    assert (await planned.types())[2:] == ["ScheduleTriggerSkipped"] * 2


async def test_buffer_one_keeps_one_fire_until_the_last_workflow_closes(
    server: Any, planned: Any
) -> None:
    await planned.create(overlap_policy="buffer_one")
    await server.pass_time(3 * 3600)
    info = (await planned.describe())["info"]
    assert info["buffered_actions"] == [{"buffered_at": "2026-01-01T02:00:00+00:00"}]
    assert info["last_skip_reason"] == "buffer_full"

    await planned.finish()
    await server.pass_time(0)

    assert len(await planned.runs()) == 2
    shown = await planned.describe()
    assert shown["info"]["buffered_actions"] == []
    assert shown["info"]["recent_actions"][-1]["outcome"] == "drained"
    drained = (await planned.history())["events"][-1]["payload"]
    assert drained["occurrence_time"] == "2026-01-01T02:00:00.000000+00:00"
    assert shown["next_fire_at"] == "2026-01-01T04:00:00+00:00"


async def test_buffer_all_keeps_up_to_its_limit(server: Any, planned: Any) -> None:
    server.configure(max_buffered_fires=3)
    await planned.create(overlap_policy="buffer_all")
    await server.pass_time(6 * 3600)
    info = (await planned.describe())["info"]
    assert (len(info["buffered_actions"]), info["last_skip_reason"]) == (3, "buffer_full")
    assert info["skipped_trigger_count"] == 2

    for _ in range(4):
        await planned.finish()
        await server.pass_time(0)

    assert len(await planned.runs()) == 4
    assert (await planned.describe())["info"]["buffered_actions"] == []


async def test_a_chain_is_one_workflow(server: Any, planned: Any) -> None:
    await planned.create(overlap_policy="buffer_one")
    await server.pass_time(2 * 3600)

    await server.decide({"type": "continue_as_new"})
    await server.pass_time(0)
    assert (await planned.describe())["fires_count"] == 1

    await planned.finish()
    await server.pass_time(0)
    assert (await planned.describe())["fires_count"] == 2


async def test_a_chain_is_one_workflow_for_a_fire_by_hand(server: Any, planned: Any) -> None:
    await planned.create()
    await server.pass_time(3600)
    await server.decide({"type": "continue_as_new"})
    assert (await planned.trigger()).body["outcome"] == "skipped"
    await planned.finish()
    assert (await planned.trigger()).body["outcome"] == "triggered"


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
async def test_a_buffered_fire_starts_however_the_last_workflow_ended(
    server: Any, planned: Any, verb: str
) -> None:
    await planned.create(overlap_policy="buffer_one")
    await server.pass_time(2 * 3600)
    [run] = await planned.runs()
    await server.close(verb, run["workflow_id"])
    await server.pass_time(0)
    assert (await planned.describe())["fires_count"] == 2


async def test_a_paused_schedule_keeps_its_buffered_fires(server: Any, planned: Any) -> None:
    await planned.create(overlap_policy="buffer_one")
    await server.pass_time(2 * 3600)
    await planned.pause()
    await planned.finish()
    await server.pass_time(5 * 3600)
    assert (await planned.describe())["fires_count"] == 1

    await planned.resume()
    await server.pass_time(0)
    assert (await planned.describe())["fires_count"] == 2


@pytest.mark.parametrize(
    ("policy", "status"), [("cancel_other", "cancelled"), ("terminate_other", "terminated")]
)
async def test_a_closing_policy_closes_the_open_workflow_and_starts(
    server: Any, planned: Any, policy: str, status: str
) -> None:
    await planned.create(overlap_policy=policy)
    await server.pass_time(2 * 3600)

    first, second = await planned.runs()
    assert first["status"] == status
    assert second["status"] == "pending"
    last = (await server.events(first["workflow_id"]))[-1]["payload"]
    assert policy in last["reason"]


async def test_allow_all_starts_beside_what_is_open(server: Any, planned: Any) -> None:
    await planned.create(overlap_policy="allow_all")
    await server.pass_time(3 * 3600)
    assert [run["status"] for run in await planned.runs()] == ["pending"] * 3
