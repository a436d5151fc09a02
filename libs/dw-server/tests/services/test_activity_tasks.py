"""Activities: attempts, retries, timeouts, leases, reports that come late or twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.refusals import Refused
from durable_workflow.server.store.sqlite import SqliteStore


async def scheduled(server: Any, commands: Any, **fields: Any) -> None:
    await server.start()
    await server.decide(commands.activity("act", **fields))


def policy(attempts: int, *delays: int, types: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "max_attempts": attempts,
        "backoff_seconds": list(delays),
        "non_retryable_error_types": list(types),
    }


async def test_a_failure_is_retried_with_the_delays_of_its_policy(
    server: Any, commands: Any
) -> None:
    await scheduled(server, commands, retry_policy=policy(3, 1, 2))
    first = await server.activity()
    answer = await server.fail_activity(first, "declined", type="CardDeclined")
    assert answer.body["recorded"] is True
    assert await server.poll_activity() is None
    await server.pass_time(1)
    second = await server.activity()
    assert second["task_id"] == answer.body["next_task_id"]
    assert second["attempt_number"] == 2
    await server.fail_activity(second, "declined", type="CardDeclined")
    await server.pass_time(1)
    assert await server.poll_activity() is None
    await server.pass_time(1)
    last = await server.activity()
    answer = await server.fail_activity(last, "declined", type="CardDeclined")
    task = await server.task()
    assert answer.body["next_task_id"] == task["task_id"]
    retried, failed = task["history_events"][4]["payload"], task["history_events"][-1]["payload"]
    assert retried["retry_backoff_seconds"] == 1
    assert retried["retry_after_attempt"] == 1
    assert failed["exception_type"] == "CardDeclined"
    assert failed["exception"] == {"type": "CardDeclined", "message": "declined", "code": 0}
    assert failed["failure_category"] == "activity"
    assert (await server.types())[3:] == [
        "ActivityStarted",
        "ActivityRetryScheduled",
        "ActivityStarted",
        "ActivityRetryScheduled",
        "ActivityStarted",
        "ActivityFailed",
    ]


@pytest.mark.parametrize(
    "failure",
    [{"non_retryable": True, "type": "Other"}, {"type": "Fatal"}],
)
async def test_some_failures_are_final_at_once(
    server: Any, commands: Any, failure: dict[str, Any]
) -> None:
    await scheduled(server, commands, retry_policy=policy(3, types=("Fatal",)))
    await server.fail_activity(await server.activity(), **failure)
    assert (await server.types())[-1] == "ActivityFailed"
    assert (await server.events())[-1]["payload"]["exception_type"] == failure["type"]


async def test_without_a_policy_there_is_one_attempt(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    task = await server.activity()
    assert "retry_policy" not in task
    assert "deadlines" not in task
    await server.fail_activity(task)
    assert (await server.types())[-1] == "ActivityFailed"


async def test_details_of_a_failure_are_kept_with_any_codec(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    details = {"codec": "json/plain", "blob": '{"a":1}'}
    await server.fail_activity(await server.activity(), details=details)
    exception = (await server.events())[-1]["payload"]["exception"]
    assert (exception["details"], exception["details_payload_codec"]) == ('{"a":1}', "json/plain")


async def test_reports_are_fenced(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("a"), commands.activity("b"))
    one, two = await server.activity(), await server.activity()

    async def reason(task: dict[str, Any]) -> str:
        with pytest.raises(Refused) as error:
            await server.complete_activity(task)
        return error.value.reason

    assert await reason(one | {"task_id": "nope"}) == "task_not_found"
    assert await reason(one | {"activity_attempt_id": "nope"}) == "attempt_not_found"
    mixed = one | {"activity_attempt_id": two["activity_attempt_id"]}
    assert await reason(mixed) == "task_mismatch"
    assert await reason(one | {"lease_owner": "other"}) == "lease_owner_mismatch"
    assert (await server.complete_activity(one)).reason is None
    again = await server.complete_activity(one)
    assert again.reason == again.body["reason"] == "stale_attempt"
    assert (again.body["outcome"], again.body["recorded"]) == ("completed", False)


async def test_an_expired_lease_gives_the_task_to_the_next(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    first = await server.activity()
    server.clock.advance(301)
    late = await server.complete_activity(first)
    assert late.reason == late.body["reason"] == "stale_attempt"
    await server.register("v")
    await server.pass_time(0)
    second = await server.activity("v")
    assert second["task_id"] == first["task_id"]
    assert second["attempt_number"] == 2
    assert second["activity_attempt_id"] != first["activity_attempt_id"]
    assert (await server.complete_activity(first)).body["reason"] == "stale_attempt"
    assert (await server.complete_activity(second)).reason is None
    assert (await server.types())[3:] == ["ActivityStarted", "ActivityStarted", "ActivityCompleted"]


async def test_a_long_activity_has_a_long_lease(server: Any, commands: Any) -> None:
    await scheduled(server, commands, start_to_close_timeout=1000)
    task = await server.activity()
    assert task["lease_expires_at"] == "2026-01-01T00:16:50.000000Z"
    assert task["deadlines"] == {"start_to_close": "2026-01-01T00:16:40+00:00"}


TIMEOUTS = [
    ("schedule_to_start", {"schedule_to_start_timeout": 5}, False),
    ("start_to_close", {"start_to_close_timeout": 5}, True),
    ("schedule_to_close", {"schedule_to_close_timeout": 5}, True),
    ("schedule_to_close", {"schedule_to_close_timeout": 5}, False),
    ("heartbeat", {"heartbeat_timeout": 5, "start_to_close_timeout": 60}, True),
]


@pytest.mark.parametrize(("kind", "timeouts", "started"), TIMEOUTS)
async def test_each_timeout_ends_the_activity(
    server: Any, commands: Any, kind: str, timeouts: dict[str, int], started: bool
) -> None:
    await scheduled(server, commands, **timeouts)
    task = await server.activity() if started else None
    await server.pass_time(4)
    assert "ActivityTimedOut" not in await server.types()
    await server.pass_time(1)
    event = (await server.events())[-1]
    assert event["event_type"] == "ActivityTimedOut"
    assert event["payload"]["timeout_kind"] == kind
    assert event["payload"]["failure_category"] == "timeout"
    assert event["payload"]["exception_class"] == "ActivityTimeoutException"
    assert await server.poll() is not None
    if task is not None:
        assert (await server.complete_activity(task)).body["reason"] == "stale_attempt"


@pytest.mark.parametrize("kind", ["schedule_to_start", "start_to_close", "heartbeat"])
async def test_a_timeout_is_retried_while_attempts_are_left(
    server: Any, commands: Any, kind: str
) -> None:
    await scheduled(server, commands, retry_policy=policy(2, 3), **{f"{kind}_timeout": 5})
    first = None if kind == "schedule_to_start" else await server.activity()
    await server.pass_time(5)
    retry = (await server.events())[-1]
    assert retry["event_type"] == "ActivityRetryScheduled"
    assert retry["payload"]["timeout_kind"] == kind
    if first is None:
        return
    assert retry["payload"]["retry_after_attempt_id"] == first["activity_attempt_id"]
    await server.pass_time(3)
    second = await server.activity()
    assert second["task_id"] == retry["payload"]["retry_task_id"]
    assert (await server.complete_activity(first)).body["reason"] == "stale_attempt"
    await server.complete_activity(second)
    assert (await server.types())[-1] == "ActivityCompleted"


async def test_a_retry_may_wait_its_full_time_to_be_picked_up(server: Any, commands: Any) -> None:
    await scheduled(server, commands, retry_policy=policy(3, 10), schedule_to_start_timeout=5)
    await server.pass_time(4)
    await server.fail_activity(await server.activity())
    await server.pass_time(14)  # 10 s of back-off, and 4 of the 5 seconds to be picked up.
    second = await server.activity()
    assert second["attempt_number"] == 2
    # The 5 s began anew after 4 s and 10 s of back-off.
    assert second["deadlines"] == {"schedule_to_start": "2026-01-01T00:00:19+00:00"}


async def test_the_time_to_be_picked_up_ends_with_the_pick_up(server: Any, commands: Any) -> None:
    await scheduled(server, commands, schedule_to_start_timeout=5)
    task = await server.activity()
    await server.pass_time(6)
    assert (await server.complete_activity(task)).reason is None


async def test_heartbeats_move_the_deadline(server: Any, commands: Any) -> None:
    await scheduled(server, commands, heartbeat_timeout=5)
    task = await server.activity()
    for number in range(5):
        await server.pass_time(4)
        answer = await server.beat(task, details={"done": number})
        assert answer.body["can_continue"] is True
        assert answer.body["heartbeat_recorded"] is True
    recorded = [e for e in await server.events() if e["event_type"] == "ActivityHeartbeatRecorded"]
    assert recorded[-1]["payload"]["progress"] == {"details": {"done": 4}}
    await server.pass_time(5)
    assert (await server.types())[-1] == "ActivityTimedOut"
    stopped = await server.beat(task)
    assert stopped.reason is None
    assert (stopped.body["can_continue"], stopped.body["reason"]) == (False, "stale_attempt")


async def test_the_next_attempt_is_told_what_the_last_heartbeat_said(
    server: Any, commands: Any
) -> None:
    await scheduled(server, commands, retry_policy=policy(4, 0))
    first = await server.activity()
    assert "heartbeat_details" not in first
    await server.beat(first, details={"row": 1})
    await server.beat(first, details={"row": 2, "file": None})
    await server.beat(first)  # says nothing, and takes nothing back
    await server.fail_activity(first)
    second = await server.activity()
    assert second["heartbeat_details"] == {"row": 2, "file": None}
    await server.fail_activity(second)
    third = await server.activity()
    assert third["heartbeat_details"] == {"row": 2, "file": None}
    await server.beat(third, details={"row": 3})
    await server.pass_time(server.settings.activity_lease_seconds + 1)
    assert (await server.activity())["heartbeat_details"] == {"row": 3}


async def test_a_heartbeat_without_details_takes_none_back(server: Any, commands: Any) -> None:
    await scheduled(server, commands, retry_policy=policy(3, 0))
    first = await server.activity()
    await server.beat(first, details={"row": 5, "of": [1.5, "\u00e4", None]})
    await server.beat(first, message="still going", current=6, total=10)
    await server.fail_activity(first)
    second = await server.activity()
    assert second["heartbeat_details"] == {"row": 5, "of": [1.5, "\u00e4", None]}
    await server.beat(second, message="again")
    await server.beat(second, details={})
    await server.beat(second, message="and again")
    await server.fail_activity(second)
    assert (await server.activity())["heartbeat_details"] == {}
    said = [
        event["payload"]["progress"].get("details")
        for event in await server.events()
        if event["event_type"] == "ActivityHeartbeatRecorded"
    ]
    assert said[1:] == [None, None, {}, None], "an event says what its heartbeat said"


async def test_a_heartbeat_with_no_more_than_a_message_has_no_details(
    server: Any, commands: Any
) -> None:
    await scheduled(server, commands, retry_policy=policy(2, 0))
    task = await server.activity()
    await server.beat(task, message="half of it")
    await server.fail_activity(task)
    assert "heartbeat_details" not in await server.activity()


async def test_heartbeats_renew_the_lease(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    task = await server.activity()
    lease = server.settings.activity_lease_seconds
    for _ in range(3):
        await server.pass_time(lease * 0.75)
        assert (await server.beat(task)).body["can_continue"] is True
    assert (await server.complete_activity(task)).reason is None


async def test_a_lease_that_no_heartbeat_renews_runs_out(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    task = await server.activity()
    await server.pass_time(server.settings.activity_lease_seconds + 1)
    assert (await server.beat(task)).body["reason"] == "stale_attempt"
    assert (await server.activity())["task_id"] == task["task_id"]


async def test_a_result_over_the_limit_is_a_failure(server: Any, commands: Any) -> None:
    server.limit(payload_bytes=100)
    await scheduled(server, commands, retry_policy=policy(3))
    big = {"codec": "json", "blob": '"' + "x" * 200 + '"'}
    answer = await server.complete_activity(await server.activity(), big)
    assert (answer.reason, answer.body["outcome"]) == (None, "failed")
    failed = (await server.events())[-1]["payload"]
    assert failed["failure_category"] == "structural_limit"
    assert failed["structural_limit_kind"] == "payload_size"
    assert failed["structural_limit_configured"] == 100
    assert failed["non_retryable"] is True


async def test_a_result_that_is_no_envelope_is_stored_as_given(server: Any, commands: Any) -> None:
    await scheduled(server, commands)
    await server.complete_activity(await server.activity(), {"plain": [1, 2]})
    assert (await server.events())[-1]["payload"]["result"] == {"plain": [1, 2]}


async def test_one_poll_id_gets_one_activity(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("a"), commands.activity("b"))
    first = await server.activity(poll_request_id="p")
    again = await server.activity(poll_request_id="p")
    assert again["activity_attempt_id"] == first["activity_attempt_id"]
    assert (await server.activity(poll_request_id="q"))["task_id"] != first["task_id"]
    assert (await server.types()).count("ActivityStarted") == 2


async def test_after_a_restart_a_poll_that_is_repeated_gets_its_task_again(
    server_class: Any,
    open_sqlite: Callable[..., SqliteStore],
    clock: ManualClock,
    tmp_path: Path,
    commands: Any,
) -> None:
    path = str(tmp_path / "server.db")
    store = open_sqlite(path)
    before = await server_class(store, clock).open()
    await before.start()
    await before.decide(commands.activity("a"), commands.activity("b"))
    await before.start("other")
    first = await before.activity(poll_request_id="p"), await before.task(poll_request_id="q")
    await store.close()
    after = server_class(open_sqlite(path), clock)
    again = await after.activity(poll_request_id="p"), await after.task(poll_request_id="q")
    assert [task["task_id"] for task in again] == [task["task_id"] for task in first]
    assert again[0]["activity_attempt_id"] == first[0]["activity_attempt_id"]


async def test_workers_get_the_types_and_queues_they_asked_for(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("a", queue="far"), commands.activity("b"))
    await server.register("far", task_queue="far", supported_activity_types=["b"])
    assert await server.poll_activity("far", task_queue="far") is None
    await server.register("far", task_queue="far", supported_activity_types=["b", "a"])
    assert (await server.activity("far", task_queue="far"))["activity_type"] == "a"
    assert (await server.activity())["activity_type"] == "b"


@pytest.mark.parametrize("served", ["a|", "|b", "a||b", "%", '"a|b"', "A|B", "a|b "])
async def test_a_type_is_served_by_its_whole_name_alone(
    served: str, server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity("a|b", queue="far"))
    await server.register("far", task_queue="far", supported_activity_types=[served])
    assert await server.poll_activity("far", task_queue="far") is None
    await server.register("far", task_queue="far", supported_activity_types=["x", "a|b"])
    task = await server.activity("far", task_queue="far")
    assert task["activity_type"] == "a|b"


async def test_workers_of_two_types_do_not_serve_one_that_reads_like_both(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity("a||b", queue="far"))
    await server.register("far", task_queue="far", supported_activity_types=["a", "b"])
    assert await server.poll_activity("far", task_queue="far") is None


async def test_a_task_that_reached_nobody_is_offered_again_at_once(
    server: Any, commands: Any
) -> None:
    await scheduled(server, commands)
    unsent = await server.activity(poll_request_id="p")
    await server.give_back_activity(unsent)
    task = await server.activity(poll_request_id="p")
    assert task["task_id"] == unsent["task_id"]
    assert task["attempt_number"] == 2
    late = await server.complete_activity(unsent)
    assert late.reason == late.body["reason"] == "stale_attempt"


async def test_a_task_that_a_repeated_poll_was_given_stays_with_it(
    server: Any, commands: Any
) -> None:
    await scheduled(server, commands)
    unsent = await server.activity(poll_request_id="p")
    server.clock.advance(0.001)
    sent = await server.activity(poll_request_id="p")
    await server.give_back_activity(unsent)
    assert await server.poll_activity() is None
    assert (await server.complete_activity(sent)).body["recorded"] is True
    await server.give_back_activity(sent)
    assert await server.poll_activity() is None
