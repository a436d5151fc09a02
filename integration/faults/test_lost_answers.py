"""The answer to a command is lost, so the client sends it again: it is done once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from durable_workflow import Client, ScheduleAction, ScheduleSpec
from integration.harness.processes import ServerProcess
from integration.harness.torn_connections import Tearing, torn_connections


@dataclass
class LosesNextAnswer(Tearing):
    """Tears no connection until it is told to lose the next answer."""

    armed: bool = False

    def loses_answer(self) -> bool:
        lost, self.armed = self.armed, False
        self.answers_lost += lost
        return lost


@asynccontextmanager
async def losing(state: Path) -> AsyncGenerator[tuple[Client, LosesNextAnswer], None]:
    """A client, and what loses answers on its way to a server."""
    tearing = LosesNextAnswer(random.Random(0), before=0.0, after=0.0)
    with ServerProcess(state / "state.db") as server:
        async with torn_connections(server.url, tearing) as url, Client(url) as client:
            yield client, tearing


async def test_commands_of_schedules_are_done_once(tmp_path: Path) -> None:
    spec = ScheduleSpec(cron_expressions=["0 0 1 1 *"])
    action = ScheduleAction(workflow_type="greeter", task_queue="q")
    async with losing(tmp_path) as (client, tearing):
        tearing.armed = True
        handle = await client.create_schedule(spec=spec, action=action)
        tearing.armed = True
        await handle.update(note="changed")
        tearing.armed = True
        await handle.pause(note="holiday")
        tearing.armed = True
        await handle.resume(note="back")
        tearing.armed = True
        fired = await handle.trigger()
        assert fired.outcome == "triggered"
        tearing.armed = True
        await handle.delete()
        recorded = Counter([event.event_type async for event in handle.iter_history()])
    assert tearing.answers_lost == 6
    assert recorded == {
        "ScheduleCreated": 1,
        "ScheduleUpdated": 1,
        "SchedulePaused": 1,
        "ScheduleResumed": 1,
        "ScheduleTriggered": 1,
        "ScheduleDeleted": 1,
    }


async def test_a_worker_is_deregistered_once(tmp_path: Path) -> None:
    async with losing(tmp_path) as (client, tearing):
        await client.register_worker(worker_id="w", task_queue="q")
        tearing.armed = True
        told = await client.deregister_worker("w")
        assert (await client.list_workers()).workers == []
    assert tearing.answers_lost == 1
    assert told == {"worker_id": "w", "outcome": "deregistered"}


async def test_a_search_attribute_is_created_once(tmp_path: Path) -> None:
    async with losing(tmp_path) as (client, tearing):
        tearing.armed = True
        told = await client.create_search_attribute("Tier", "keyword")
    assert tearing.answers_lost == 1
    assert told == {"name": "Tier", "type": "keyword", "outcome": "created"}


async def test_a_search_attribute_is_deleted_once(tmp_path: Path) -> None:
    async with losing(tmp_path) as (client, tearing):
        await client.create_search_attribute("Tier", "keyword")
        tearing.armed = True
        told = await client.delete_search_attribute("Tier")
        assert "Tier" not in (await client.list_search_attributes()).custom_attributes
    assert tearing.answers_lost == 1
    assert told == {"name": "Tier", "outcome": "deleted"}


async def test_a_namespace_is_created_once(tmp_path: Path) -> None:
    async with losing(tmp_path) as (client, tearing):
        tearing.armed = True
        made = await client.create_namespace("team", "Of a team", 7)
        assert await client.describe_namespace("team") == made
    assert tearing.answers_lost == 1
    assert (made.name, made.retention_days) == ("team", 7)


async def test_a_workflow_is_repaired_and_archived_once(tmp_path: Path) -> None:
    async with losing(tmp_path) as (client, tearing):
        handle = await client.start_workflow(
            workflow_type="greeter", task_queue="q", workflow_id="wf"
        )
        tearing.armed = True
        await client.repair_workflow("wf")
        await handle.terminate()
        tearing.armed = True
        archived = await client.archive_workflow("wf", reason="kept")
        assert handle.run_id is not None
        history = await client.get_history("wf", handle.run_id)
        recorded = Counter(event["event_type"] for event in history["events"])
    assert tearing.answers_lost == 2
    assert archived.outcome == "archived"
    assert recorded["RepairRequested"] == 1
    assert recorded["ArchiveRequested"] == 1
    assert recorded["WorkflowArchived"] == 1
