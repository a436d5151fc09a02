"""`kill -9` just after due times of schedules, and in the middle of a backfill.

Nothing fires twice, and nothing that was due is forgotten: a fire and the run that it starts are
there together or not at all, and what was missed meanwhile is one fire, for the first time missed.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

from integration.harness.payloads import JsonObject
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually
from integration.harness.wire import Wire

SCHEDULES: Final = int(os.environ.get("DW_TEST_KILLED_SCHEDULES", "40"))
KILLS: Final = int(os.environ.get("DW_TEST_SCHEDULE_KILLS", "2"))
HOURS: Final = int(os.environ.get("DW_TEST_KILLED_BACKFILL_HOURS", "480"))
# A due time comes every so many seconds; to fire all of that moment takes so long.
EVERY: Final = 2
FIRING: Final = SCHEDULES * 0.001


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "state.db") as server:
        yield server


def create(wire: Wire, schedule_id: str, spec: JsonObject) -> None:
    body = {
        "schedule_id": schedule_id,
        "spec": spec,
        "action": {"workflow_type": schedule_id, "task_queue": "nobody"},
        "overlap_policy": "allow_all",
    }
    wire.send("POST", "/api/schedules", body).need(201)


def fires(wire: Wire, schedule_id: str) -> list[JsonObject]:
    """What the history of a schedule says of its fires, in order."""
    found: list[JsonObject] = []
    after: int | None = 0
    while after is not None:
        path = f"/api/schedules/{schedule_id}/history?limit=500&after_sequence={after}"
        page = wire.send("GET", path).need()
        found += [each for each in page["events"] if each["event_type"] == "ScheduleTriggered"]
        after = page["next_cursor"]
    return found


def check(wire: Wire, schedule_id: str) -> list[tuple[datetime, datetime]]:
    """For which time each fire of a schedule is, and when it was: each with a run of its own."""
    found = fires(wire, schedule_id)
    times = Counter(each["payload"]["occurrence_time"] for each in found)
    assert [each for each, count in times.items() if count > 1] == []
    numbers = [each["payload"]["trigger_number"] for each in found]
    assert numbers == list(range(1, len(found) + 1))
    described = wire.send("GET", f"/api/schedules/{schedule_id}").need()
    assert described["fires_count"] == len(found)
    assert runs(wire, schedule_id) == {each["workflow_run_id"] for each in found}
    return [
        (
            datetime.fromisoformat(each["payload"]["occurrence_time"]),
            datetime.fromisoformat(each["recorded_at"]),
        )
        for each in found
    ]


def runs(wire: Wire, workflow_type: str) -> set[str]:
    """The ids of all runs of a type."""
    found: set[str] = set()
    token: str | None = ""
    while token is not None:
        path = f"/api/workflows?workflow_type={workflow_type}&page_size=200"
        page = wire.send("GET", f"{path}&next_page_token={token}").need()
        found |= {each["run_id"] for each in page["workflows"]}
        token = page["next_page_token"]
    return found


def kill_after_due(server: ServerProcess, seconds: float) -> datetime:
    """Kill the server so many seconds after the next due time, and return that."""
    due = (time.time() // EVERY + 1) * EVERY
    time.sleep(max(0.0, due + seconds - time.time()))
    server.kill()
    return datetime.fromtimestamp(due, UTC)


async def test_no_due_time_is_doubled_or_forgotten(server: ServerProcess, wire: Wire) -> None:
    names = [f"s{number}" for number in range(SCHEDULES)]
    for name in names:
        create(wire, name, {"intervals": [{"every": f"PT{EVERY}S"}]})
    chance = random.Random(5)
    killed_after: list[datetime] = []
    for _ in range(KILLS):
        killed_after.append(kill_after_due(server, chance.uniform(0, FIRING)))
        server.start()

    async def due_next() -> datetime:
        schedules = wire.send("GET", "/api/schedules").need()["schedules"]
        return min(datetime.fromisoformat(each["next_fire_at"]) for each in schedules)

    await eventually(due_next, lambda due: due > killed_after[-1])
    for name in names:
        wire.send("POST", f"/api/schedules/{name}/pause").need()
    for name in names:
        found = check(wire, name)
        for due in killed_after:
            # On a busy machine it may be among those that an earlier one stands for.
            assert any(time <= due <= fired for time, fired in found), (name, due, found)


def test_a_backfill_that_is_cut_off_and_sent_again_fires_each_time_once(
    server: ServerProcess, wire: Wire
) -> None:
    create(wire, "hourly", {"cron_expressions": ["0 * * * *"]})
    start = datetime(2025, 1, 1, tzinfo=UTC)
    end = start + timedelta(hours=HOURS)
    body = {"start_time": start.isoformat(), "end_time": end.isoformat()}
    path, key = "/api/schedules/hourly/backfill", {"Idempotency-Key": "k1"}
    for number in range(KILLS):
        killer = threading.Timer(0.04 * (number + 1), server.kill)
        killer.start()
        with suppress(httpx.TransportError):
            wire.send("POST", path, body, headers=key)
        killer.join()
        server.start()
    answer = wire.send("POST", path, body, headers=key).need()

    assert answer["fires_attempted"] == HOURS
    assert {each["outcome"] for each in answer["results"]} == {"started"}
    expected = {start + timedelta(hours=number) for number in range(HOURS)}
    times = [time for time, _ in check(wire, "hourly")]
    assert expected <= set(times)
    # The hour may have struck in this test, too.
    assert len(times) <= HOURS + 1
