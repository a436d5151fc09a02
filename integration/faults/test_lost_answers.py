"""The answer to a command of a schedule is lost, so the client sends it again: it is done once."""

from __future__ import annotations

import random
from collections import Counter
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


async def test_commands_of_schedules_are_done_once(tmp_path: Path) -> None:
    tearing = LosesNextAnswer(random.Random(0), before=0.0, after=0.0)
    spec = ScheduleSpec(cron_expressions=["0 0 1 1 *"])
    action = ScheduleAction(workflow_type="greeter", task_queue="q")
    with ServerProcess(tmp_path / "state.db") as server:
        async with (
            torn_connections(server.url, tearing) as url,
            Client(url) as client,
        ):
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
