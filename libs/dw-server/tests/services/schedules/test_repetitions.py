"""A schedule that is made or fired twice under one idempotency key is so once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    BackfillSchedule,
    Caller,
    CreateSchedule,
    NamedSchedule,
    ReadScheduleHistory,
    TriggerSchedule,
    UpdateSchedule,
)
from durable_workflow.server.services import backfills, retention, schedules
from durable_workflow.server.services.repetitions import once
from durable_workflow.server.store.errors import StoreUnavailable
from durable_workflow.server.store.protocol import Store
from durable_workflow.server.views import schedules as views

FILL = Caller(namespace="default", idempotency_key="f", method="POST", path="/b", body_sha256="1")
KEYED = Caller(namespace="default", idempotency_key="k", method="POST", path="/p", body_sha256="1")
DAY = 86_400
HOURLY: dict[str, Any] = {"intervals": [{"every": "PT1H"}]}
ACTION: dict[str, Any] = {"workflow_type": "flow", "task_queue": "q"}


async def create(server: Any, caller: Caller = KEYED, schedule_id: str | None = None) -> Reply:
    request = CreateSchedule(schedule_id=schedule_id, spec=HOURLY, action=ACTION)
    reply: Reply = await server.run(once(schedules.create), caller, request)
    return reply


async def trigger(server: Any, caller: Caller) -> Reply:
    request = TriggerSchedule(schedule_id="s")
    reply: Reply = await server.run(once(schedules.trigger), caller, request)
    return reply


async def backfill(
    server: Any, caller: Caller = FILL, start: str = "2025-12-01", store: Any = None
) -> Reply:
    request = BackfillSchedule(
        schedule_id="s",
        start_time=start,
        end_time="2025-12-02T12:00:00Z",
        overlap_policy="allow_all",
    )
    reply = await backfills.backfill(store or server.store, caller, request, server.settings)
    assert reply.body["fires_attempted"] == len(reply.body["results"])
    return reply


async def times_of_fires(server: Any) -> list[str]:
    asked = ReadScheduleHistory(schedule_id="s", limit=500)
    store: Store = server.store
    page = await store.read(lambda read: views.history(read, "default", asked))
    payloads = [msgspec.json.decode(event["payload"]) for event in page["events"]]
    return [each["occurrence_time"] for each in payloads if "occurrence_time" in each]


class CutShort:
    """A store that answers so many units, and then no more."""

    def __init__(self, store: Any, units: int) -> None:
        self._store, self._left = store, units

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def run(self, work: Any) -> Any:
        if not self._left:
            raise StoreUnavailable("it was killed")
        self._left -= 1
        return await self._store.run(work)


@pytest.mark.parametrize("schedule_id", [None, "s"])
async def test_a_repeated_create_gets_the_first_answer(
    server: Any, schedule_id: str | None
) -> None:
    first = await create(server, schedule_id=schedule_id)
    assert first.form == "created"
    assert await create(server, schedule_id=schedule_id) == first
    other = msgspec.structs.replace(KEYED, idempotency_key="other")
    if schedule_id is None:
        assert (await create(server, other)).body["schedule_id"] != first.body["schedule_id"]
    else:
        with pytest.raises(Refused, match="schedule_already_exists"):
            await create(server, other, schedule_id)


async def test_a_repeated_trigger_fires_once(server: Any) -> None:
    await create(server, schedule_id="s")
    caller = msgspec.structs.replace(KEYED, idempotency_key="fire")
    first = await trigger(server, caller)
    assert first.body["outcome"] == "triggered"
    assert await trigger(server, caller) == first
    assert (await server.listed())["workflow_count"] == 1


async def test_a_key_belongs_to_one_request_of_one_namespace(server: Any) -> None:
    await create(server, schedule_id="s")
    for change in ({"body_sha256": "2"}, {"path": "/other"}):
        with pytest.raises(Invalid, match="another request"):
            await create(server, msgspec.structs.replace(KEYED, **change), "s")
    elsewhere = msgspec.structs.replace(KEYED, namespace="elsewhere")
    assert (await create(server, elsewhere, "s")).body["namespace"] == "elsewhere"
    with pytest.raises(Invalid, match="longer"):
        await create(server, msgspec.structs.replace(KEYED, idempotency_key="k" * 256))


async def test_what_was_refused_is_asked_again(server: Any) -> None:
    with pytest.raises(Refused, match="schedule_not_found"):
        await trigger(server, KEYED)
    other = msgspec.structs.replace(KEYED, idempotency_key="make")
    await create(server, other, "s")
    assert (await trigger(server, KEYED)).body["outcome"] == "triggered"


async def test_a_repeated_backfill_fires_once(server: Any) -> None:
    await create(server, schedule_id="s")
    first = await backfill(server)
    assert first.body["fires_attempted"] == 36
    assert await backfill(server) == first
    assert len(await times_of_fires(server)) == 36
    with pytest.raises(Invalid, match="another request"):
        await backfill(server, msgspec.structs.replace(FILL, body_sha256="2"))
    with pytest.raises(Invalid, match="longer"):
        await backfill(server, msgspec.structs.replace(FILL, idempotency_key="k" * 256))
    # Without the key, or under another one, it is asked for anew.
    await backfill(server, msgspec.structs.replace(FILL, idempotency_key=None))
    await backfill(server, msgspec.structs.replace(FILL, idempotency_key="other"))
    assert len(await times_of_fires(server)) == 3 * 36


@pytest.mark.parametrize("units", range(4))
async def test_a_backfill_that_was_cut_short_goes_on_under_its_key(server: Any, units: int) -> None:
    await create(server, schedule_id="s")
    with pytest.raises(StoreUnavailable):
        await backfill(server, store=CutShort(server.store, units))

    again = await backfill(server)

    found = await times_of_fires(server)
    assert len(found) == len(set(found)) == again.body["fires_attempted"] == 36
    assert again == await backfill(server)


async def test_a_backfill_goes_on_behind_what_it_did_by_another_spec(server: Any) -> None:
    await create(server, schedule_id="s")
    with pytest.raises(StoreUnavailable):
        await backfill(server, store=CutShort(server.store, 1))
    spec = {"intervals": [{"every": "PT2H"}]}
    await server.run(schedules.update, KEYED, UpdateSchedule(schedule_id="s", spec=spec))

    again = await backfill(server)

    hours = [each[8:13] for each in await times_of_fires(server)]
    first = [f"01T{hour:02}" for hour in range(10)]
    then = [f"01T{hour:02}" for hour in range(10, 24, 2)]
    assert hours == [*first, *then, *(f"02T{hour:02}" for hour in range(0, 12, 2))]
    assert again.body["fires_attempted"] == len(hours)


async def test_a_backfill_that_ended_the_schedule_is_answered_again(server: Any) -> None:
    request = CreateSchedule(schedule_id="s", spec=HOURLY, action=ACTION, max_runs=15)
    await server.run(schedules.create, KEYED, request)
    fire = {"overlap_policy": "allow_all"}
    ask = BackfillSchedule(schedule_id="s", start_time="2025-12-01", end_time="2025-12-02", **fire)
    first = await backfills.backfill(server.store, FILL, ask, server.settings)
    assert first.body["fires_attempted"] == 15
    assert await backfills.backfill(server.store, FILL, ask, server.settings) == first
    with pytest.raises(Refused, match="schedule_not_found"):
        await backfill(server, msgspec.structs.replace(FILL, idempotency_key="other"))


async def test_a_schedule_that_is_deleted_in_a_backfill_fires_no_more(server: Any) -> None:
    await create(server, schedule_id="s")
    with pytest.raises(StoreUnavailable):
        await backfill(server, store=CutShort(server.store, 2))
    await server.run(schedules.delete, KEYED, NamedSchedule(schedule_id="s"))
    await create(server, msgspec.structs.replace(KEYED, idempotency_key="anew"), "s")

    again = await backfill(server)

    # The one that was made anew under the id is another schedule: what the key did is not its own.
    assert again.body["fires_attempted"] == 20
    assert len(await times_of_fires(server)) == 20


async def test_a_trigger_that_failed_is_told_so_again(server: Any) -> None:
    request = CreateSchedule(schedule_id="s", spec=HOURLY, action=ACTION, memo={"text": "x" * 100})
    await server.run(schedules.create, KEYED, request)
    server.limit(memo_bytes=50)
    caller = msgspec.structs.replace(KEYED, idempotency_key="fire")
    first = await trigger(server, caller)
    assert first.reason == "trigger_failed"
    assert await trigger(server, caller) == first


async def test_answers_are_kept_for_a_day(server: Any) -> None:
    await create(server)
    server.clock.advance(DAY - 1)
    await retention.remove_expired(server.store)
    first = await create(server)
    server.clock.advance(2)
    await retention.remove_expired(server.store)
    assert await create(server) != first
