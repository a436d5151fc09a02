"""A schedule that is made or fired twice under one idempotency key is so once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, CreateSchedule, TriggerSchedule
from durable_workflow.server.services import retention, schedules
from durable_workflow.server.services.repetitions import once

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


async def test_answers_are_kept_for_a_day(server: Any) -> None:
    await create(server)
    server.clock.advance(DAY - 1)
    await retention.remove_expired(server.store)
    first = await create(server)
    server.clock.advance(2)
    await retention.remove_expired(server.store)
    assert await create(server) != first
