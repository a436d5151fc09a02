"""An activity whose worker dies with it is delivered again, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.records.leases import Holder
from durable_workflow.server.requests import DeregisterWorker
from durable_workflow.server.services import leases, sessions
from durable_workflow.server.store import Store

# Longer than a lease, which is 300 s.
LEASE = 301
RETRIED = {"max_attempts": 2, "backoff_seconds": [1]}


async def scheduled(server: Any, commands: Any, **fields: Any) -> None:
    server.configure(activity_max_redeliveries=3)
    await server.start()
    await server.decide(commands.activity(**fields))


async def release(server: Any, *, missed: bool) -> None:
    store: Store = server.store
    holder = Holder("default", "w", "")
    await store.run(lambda tx: leases.release(tx, holder, server.settings, missed=missed))


async def failed(server: Any) -> list[dict[str, Any]]:
    return [
        event["payload"]
        for event in await server.events()
        if event["event_type"] in ("ActivityFailed", "ActivityRetryScheduled")
    ]


async def test_an_attempt_whose_leases_run_out_fails(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    for number in (1, 2, 3):
        assert (await server.activity())["attempt_number"] == number
        assert await failed(server) == []
        await server.pass_time(LEASE)
    [failure] = await failed(server)
    assert failure["exception_type"] == "ActivityRedeliveryLimit"
    assert failure["non_retryable"] is False
    assert "lost its worker 3 times" in failure["message"]
    assert await server.poll_activity() is None
    assert await server.task() is not None


async def test_its_retry_policy_says_whether_it_is_tried_again(server: Any, commands: Any) -> None:
    await scheduled(server, commands, retry_policy=RETRIED)
    for _ in range(3):
        await server.activity()
        await server.pass_time(LEASE)
    [retry] = await failed(server)
    assert (retry["retry_after_attempt"], retry["max_attempts"]) == (3, 2)
    # The second attempt of two: redeliveries have used none up, and are counted anew.
    await server.pass_time(1)
    await server.activity()
    await server.pass_time(LEASE)
    await server.activity()
    await server.pass_time(LEASE)
    assert len(await failed(server)) == 1
    await server.activity()
    await server.pass_time(LEASE)
    assert [payload.get("exception_type") for payload in await failed(server)] == [
        "ActivityRedeliveryLimit",
        "ActivityRedeliveryLimit",
    ]
    assert await server.poll_activity() is None


@pytest.mark.parametrize(("missed", "ended"), [(True, 1), (False, 0)])
async def test_what_a_worker_gives_back_does_not_count(
    server: Any, commands: Any, missed: bool, ended: int
) -> None:
    await scheduled(server, commands)
    for _ in range(3):
        await server.activity()
        await release(server, missed=missed)
    assert len(await failed(server)) == ended
    assert (await server.poll_activity() is None) == missed


async def test_without_a_limit_it_is_delivered_for_ever(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    server.configure(activity_max_redeliveries=0)
    for _ in range(12):
        await server.activity()
        await server.pass_time(LEASE)
    assert await failed(server) == []
    assert await server.activity() is not None


async def test_a_late_report_of_a_lost_attempt_is_refused(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    server.configure(activity_max_redeliveries=1)
    activity = await server.activity()
    await release(server, missed=True)
    late = await server.complete_activity(activity)
    assert late.body.get("recorded") is False or late.reason is not None
    assert len(await failed(server)) == 1


async def test_a_claim_says_how_many_attempts_the_policy_does_not_count(
    server: Any, commands: Any
) -> None:
    await scheduled(server, commands)
    assert "redeliveries" not in await server.activity()
    await server.pass_time(LEASE)
    again = await server.activity()
    assert (again["attempt_number"], again["redeliveries"]) == (2, 1)


@pytest.mark.parametrize("missed", [True, False])
async def test_an_attempt_without_an_outcome_is_none_for_the_retry_policy(
    server: Any, commands: Any, missed: bool
) -> None:
    await scheduled(server, commands, retry_policy=RETRIED)
    await server.activity()
    await release(server, missed=missed)
    await server.fail_activity(await server.activity())
    [retry] = await failed(server)
    assert retry["retry_after_attempt"] == 2
    await server.pass_time(1)
    last = await server.activity()
    assert (last["attempt_number"], last["redeliveries"]) == (3, 1)
    await server.fail_activity(last)
    assert len(await failed(server)) == 2
    assert await server.poll_activity() is None


async def test_ten_lost_leases_are_the_default(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    for _ in range(10):
        assert await failed(server) == []
        await server.activity()
        await server.pass_time(LEASE)
    [failure] = await failed(server)
    assert "lost its worker 10 times" in failure["message"]


async def test_a_policy_may_name_the_type_as_one_that_is_not_retried(
    server: Any, commands: Any
) -> None:
    never = {**RETRIED, "non_retryable_error_types": ["ActivityRedeliveryLimit"]}
    await scheduled(server, commands, retry_policy=never)
    for _ in range(3):
        await server.activity()
        await server.pass_time(LEASE)
    assert [event for event in await server.types() if event.startswith("Activity")][-1] == (
        "ActivityFailed"
    )


async def test_lost_leases_are_counted_beside_those_given_back(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    for missed in (True, False, True, False, False):
        assert (await server.activity())["attempt_number"] >= 1
        await release(server, missed=missed)
    assert await failed(server) == []
    assert (await server.activity())["redeliveries"] == 5  # attempts that the policy does not count
    await release(server, missed=True)
    [failure] = await failed(server)
    assert "lost its worker 3 times" in failure["message"]


async def test_a_worker_that_says_goodbye_gives_back(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    server.configure(activity_max_redeliveries=1)
    for _ in range(3):
        await server.activity()
        request = DeregisterWorker(worker_id="w", session="")
        await server.run(sessions.deregister, "default", request)
        await server.register()
    assert await failed(server) == []
    await server.activity()
    await server.pass_time(LEASE)
    assert len(await failed(server)) == 1
