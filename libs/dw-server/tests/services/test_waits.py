"""Condition waits and signals: opened again, passed, timed out, told in between (WP-R3, R4, R6)."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused
from durable_workflow.server.views.history import FROM_THE_BEGINNING


async def waiting(server: Any, commands: Any, **fields: Any) -> None:
    await server.start()
    await server.decide(commands.wait(**fields))


async def since_wait(server: Any) -> list[str]:
    types: list[str] = await server.types()
    return types[2:]


async def test_a_wait_without_timeout_waits(server: Any, commands: Any) -> None:
    await waiting(server, commands)
    described = await server.describe()
    assert (described["wait_kind"], described["wait_reason"]) == (
        "condition",
        "Waiting for condition k",
    )
    await server.pass_time(10**6)
    assert await server.poll() is None


async def test_a_signal_wakes_a_wait_and_passing_it_is_said_first(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands, timeout_seconds=3600)
    answer = await server.signal("approve", "[1]")
    assert (answer.reason, answer.form, answer.body["outcome"]) == (
        None,
        "accepted",
        "signal_received",
    )
    assert answer.body["command_sequence"] == 2
    task = await server.task()
    assert task["workflow_wait_kind"] == "signal"
    assert task["signal_name"] == "approve"
    assert task["workflow_command_id"] == answer.body["command_id"]
    received = task["history_events"][-1]["payload"]
    assert received["arguments"] == {"codec": "json", "blob": "[1]"}
    assert received["payload_codec"] == "json"
    await server.complete(task, commands.side_effect(), commands.done())
    assert await since_wait(server) == [
        "ConditionWaitOpened",
        "TimerScheduled",
        "SignalReceived",
        "ConditionWaitSatisfied",
        "TimerCancelled",
        "SideEffectRecorded",
        "WorkflowCompleted",
    ]
    satisfied = (await server.events())[5]["payload"]
    assert satisfied["workflow_signal_id"] == received["signal_id"]
    assert satisfied["timer_id"] == (await server.events())[3]["payload"]["timer_id"]
    await server.pass_time(4000)
    assert (await server.types())[-1] == "WorkflowCompleted"


async def test_the_same_wait_opened_again_restarts_its_timeout(server: Any, commands: Any) -> None:
    wait = commands.wait(timeout_seconds=10, condition_definition_fingerprint="f")
    await server.start()
    await server.decide(wait)
    await server.pass_time(9)
    await server.signal()
    await server.decide(wait)
    assert await since_wait(server) == [
        "ConditionWaitOpened",
        "TimerScheduled",
        "SignalReceived",
        "TimerCancelled",
        "ConditionWaitOpened",
        "TimerScheduled",
    ]
    await server.pass_time(9)
    assert await server.poll() is None
    await server.pass_time(1)
    task = await server.task()
    fired = task["history_events"][-1]
    assert fired["event_type"] == "TimerFired"
    assert fired["payload"]["timer_kind"] == "condition_timeout"
    opened = task["history_events"][-3]["payload"]
    assert fired["payload"]["condition_wait_id"] == opened["condition_wait_id"]
    assert task["condition_key"] == "k"
    assert task["condition_definition_fingerprint"] == "f"


@pytest.mark.parametrize("other", [{"key": "other"}, {"condition_definition_fingerprint": "new"}])
async def test_another_wait_means_that_the_first_was_passed(
    server: Any, commands: Any, other: dict[str, str]
) -> None:
    fingerprint = {"condition_definition_fingerprint": "old"}
    await waiting(server, commands, timeout_seconds=10, **fingerprint)
    await server.signal()
    await server.decide(commands.wait(**fingerprint | other))
    assert (await since_wait(server))[3:] == [
        "ConditionWaitSatisfied",
        "TimerCancelled",
        "ConditionWaitOpened",
    ]


OURS = "sha256:v2:" + "0" * 64
BY_NAME = "sha256:v2-name:" + "0" * 64
THEIRS = "sha256:" + "1" * 64


@pytest.mark.parametrize("key", ["k", None])
@pytest.mark.parametrize(
    ("first", "second"),
    [(OURS, THEIRS), (THEIRS, OURS), (OURS, None), (None, OURS), (OURS, BY_NAME)],
)
async def test_one_wait_opened_again_by_another_sdk_is_not_passed(
    server: Any, commands: Any, key: Any, first: Any, second: Any
) -> None:
    await waiting(server, commands, key=key, condition_definition_fingerprint=first)
    await server.signal()
    await server.decide(commands.wait(key=key, condition_definition_fingerprint=second))
    assert (await since_wait(server))[1:] == ["SignalReceived", "ConditionWaitOpened"]


async def test_fingerprints_of_ours_stay_from_workers_of_other_sdks(
    server: Any, commands: Any
) -> None:
    await server.register("ours", capabilities=["query_tasks", "update_validation"])
    await server.register("theirs", capabilities=["query_tasks"])
    key = ',"condition_definition_fingerprint":"sha256:v2:x"'
    await server.start()
    await server.decide(
        commands.wait(key, timeout_seconds=5, condition_definition_fingerprint=OURS)
    )
    await server.pass_time(5)

    def fingerprints(events: Any) -> Any:
        found = [event["payload"] for event in events if "condition_key" in event["payload"]]
        assert [payload["condition_key"] for payload in found] == [key] * 3
        return [payload.get("condition_definition_fingerprint") for payload in found]

    task = await server.task("ours")
    assert fingerprints(task["history_events"]) == [OURS] * 3
    assert task["condition_definition_fingerprint"] == OURS
    assert await pages(server, task) == task["history_events"]
    await server.give_back(task)

    task = await server.task("theirs")
    assert fingerprints(task["history_events"]) == [None] * 3
    assert task["condition_definition_fingerprint"] is None
    assert await pages(server, task) == task["history_events"]
    await server.complete(task, commands.wait(condition_definition_fingerprint=THEIRS))
    await server.signal()
    assert THEIRS in str(await server.task("theirs"))
    assert OURS in str(await server.events())  # clients and exports see what is recorded


async def pages(server: Any, task: Any) -> Any:
    events: list[Any] = []
    token: Any = FROM_THE_BEGINNING
    while token is not None:
        page = await server.history_page(task, token, page_size=1)
        events += page["history_events"]
        token = page["next_history_page_token"]
    return events


async def test_something_decided_before_the_same_wait_means_that_it_was_passed(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands)
    await server.signal()
    await server.decide(commands.side_effect(), commands.wait())
    assert (await since_wait(server))[2:] == [
        "ConditionWaitSatisfied",
        "SideEffectRecorded",
        "ConditionWaitOpened",
    ]


async def test_a_failure_does_not_satisfy_a_wait(server: Any, commands: Any) -> None:
    await waiting(server, commands, timeout_seconds=10)
    await server.signal()
    await server.decide(commands.failed("predicate raised"))
    assert (await since_wait(server))[3:] == ["TimerCancelled", "WorkflowFailed"]


async def test_a_wait_of_nothing_times_out_at_once(server: Any, commands: Any) -> None:
    await waiting(server, commands, timeout_seconds=0)
    assert await since_wait(server) == ["ConditionWaitOpened", "ConditionWaitTimedOut"]
    assert await server.poll() is not None


async def test_a_signal_behind_such_a_wait_is_told_later(server: Any, commands: Any) -> None:
    await server.start()
    task = await server.task()
    await server.signal("late")
    await server.complete(task, commands.wait(timeout_seconds=0))
    assert (await since_wait(server))[-1] == "ConditionWaitTimedOut"
    await server.decide(commands.wait("next"))
    assert (await since_wait(server))[2:] == ["ConditionWaitOpened", "SignalReceived"]
    assert (await server.task())["signal_name"] == "late"


async def test_a_worker_that_names_its_wait_keeps_it(server: Any, commands: Any) -> None:
    await waiting(server, commands, timeout_seconds=10)
    wait_id = (await server.events())[2]["payload"]["condition_wait_id"]
    await server.pass_time(9)
    await server.signal()
    await server.decide(commands.wait(timeout_seconds=10, condition_wait_id=wait_id))
    assert (await since_wait(server))[2:] == ["SignalReceived"]
    await server.pass_time(1)
    assert (await server.types())[-1] == "TimerFired"


async def test_a_worker_that_says_its_wait_is_new_has_passed_the_old_one(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands)
    await server.signal()
    await server.decide(commands.wait(condition_wait_id=None))
    assert (await since_wait(server))[2:] == ["ConditionWaitSatisfied", "ConditionWaitOpened"]


async def test_a_signal_without_a_wait_makes_no_task(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    await server.signal()
    assert await server.poll() is None
    assert (await server.types())[-1] == "SignalReceived"


async def test_a_signal_before_the_first_task_is_in_it(server: Any, commands: Any) -> None:
    await server.start()
    await server.signal("early")
    task = await server.task()
    assert task["history_events"][-1]["payload"]["signal_name"] == "early"
    await server.complete(task, commands.done())


async def test_a_signal_during_a_lease_comes_behind_the_completion(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands)
    await server.signal("first")
    task = await server.task()
    await server.signal("second")
    await server.signal("third")
    assert (await since_wait(server)) == ["ConditionWaitOpened", "SignalReceived"]
    await server.complete(task, commands.wait())
    assert (await since_wait(server))[2:] == [
        "ConditionWaitOpened",
        "SignalReceived",
        "SignalReceived",
    ]
    task = await server.task()
    assert task["signal_name"] == "second"
    await server.complete(task, commands.done())
    assert await server.poll() is None


async def test_a_signal_during_a_lease_that_fails_is_there_for_the_next(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands)
    await server.signal("first")
    task = await server.task()
    await server.signal("second")
    await server.fail(task)
    await server.pass_time(1)
    task = await server.task()
    names = [e["payload"].get("signal_name") for e in task["history_events"]]
    assert names[-2:] == ["first", "second"]


async def test_a_signal_during_the_last_task_does_not_change_what_was_decided(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands)
    await server.signal("first")
    task = await server.task()
    assert (await server.signal("second")).reason is None
    await server.complete(task, commands.done())
    assert (await since_wait(server)) == [
        "ConditionWaitOpened",
        "SignalReceived",
        "ConditionWaitSatisfied",
        "WorkflowCompleted",
    ]


async def test_a_chain_takes_unseen_signals_along(server: Any, commands: Any) -> None:
    await waiting(server, commands)
    await server.signal("first")
    task = await server.task()
    await server.signal("second", "[2]")
    await server.complete(task, commands.again())
    assert await server.types() == ["WorkflowStarted", "SignalReceived"]
    moved = (await server.events())[-1]["payload"]
    described = await server.describe()
    assert moved["signal_name"] == "second"
    assert moved["workflow_run_id"] == described["run_id"]
    assert moved["arguments"]["blob"] == "[2]"
    await server.task()


async def test_a_timeout_during_a_lease_is_dropped_where_the_wait_was_passed(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands, timeout_seconds=10)
    await server.pass_time(5)
    await server.signal()
    task = await server.task()
    await server.pass_time(10)
    assert "TimerFired" not in await server.types()
    await server.complete(task, commands.timer(5))
    assert (await since_wait(server))[3:] == [
        "ConditionWaitSatisfied",
        "TimerCancelled",
        "TimerScheduled",
    ]
    assert await server.poll() is None
    await server.pass_time(5)
    assert (await server.types()).count("TimerFired") == 1


async def test_a_timeout_during_a_lease_counts_where_the_wait_is_kept(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands, timeout_seconds=10)
    wait_id = (await server.events())[2]["payload"]["condition_wait_id"]
    await server.pass_time(5)
    await server.signal()
    task = await server.task()
    await server.pass_time(10)
    await server.complete(task, commands.wait(timeout_seconds=10, condition_wait_id=wait_id))
    assert (await server.types())[-1] == "TimerFired"
    assert (await server.task())["workflow_wait_kind"] == "condition"


async def test_a_signal_in_time_gets_its_chance_although_no_worker_was_there(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands, timeout_seconds=10)
    await server.pass_time(9)
    await server.signal()
    await server.pass_time(9)
    assert "TimerFired" not in await server.types()
    task = await server.task()
    await server.complete(task, commands.done())
    assert (await server.types())[-3:] == [
        "ConditionWaitSatisfied",
        "TimerCancelled",
        "WorkflowCompleted",
    ]


async def test_a_signal_behind_a_timeout_waits_until_it_is_answered(
    server: Any, commands: Any
) -> None:
    await waiting(server, commands, timeout_seconds=10)
    await server.pass_time(10)
    assert (await server.types())[-1] == "TimerFired"
    await server.signal("late")
    assert (await server.types())[-1] == "TimerFired"
    task = await server.task()
    assert task["history_events"][-1]["event_type"] == "TimerFired"
    await server.fail(task)
    await server.pass_time(1)
    task = await server.task()
    assert task["history_events"][-1]["event_type"] == "TimerFired"
    await server.complete(task, commands.wait("next"))
    assert (await since_wait(server))[2:] == [
        "TimerFired",
        "ConditionWaitOpened",
        "SignalReceived",
    ]
    assert (await server.task())["signal_name"] == "late"


async def test_signals_of_closed_runs_are_refused_and_stored(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.done())
    answer = await server.signal()
    assert answer.reason == answer.body["reason"] == "run_not_active"
    assert answer.body["outcome"] == "rejected_not_active"
    assert answer.body["command_status"] == "rejected"
    assert (await server.signal()).body["command_sequence"] == answer.body["command_sequence"] + 1


async def test_too_many_signals_are_refused(server: Any, commands: Any) -> None:
    server.limit(pending_signals=2)
    await server.start()
    await server.decide(commands.wait())
    assert [(await server.signal()).reason for _ in range(3)] == [
        None,
        None,
        "structural_limit_exceeded",
    ]
    assert (await server.signal()).body["reason"] == "structural_limit_exceeded"
    await server.decide(commands.wait())
    assert (await server.signal()).reason is None


async def test_commands_go_to_the_current_run_alone(server: Any, commands: Any) -> None:
    first = await server.start()
    await server.decide(commands.again())
    with pytest.raises(Refused) as old:
        await server.signal(run_id=first.body["run_id"])
    assert old.value.reason == "historical_run_command_rejected"
    current = (await server.describe())["run_id"]
    answer = await server.signal(run_id=current)
    assert (answer.reason, answer.body["requested_run_id"]) == (None, current)
    assert answer.body["target_scope"] == "run"
    with pytest.raises(Refused) as unknown:
        await server.signal(workflow_id="nope")
    assert unknown.value.reason == "instance_not_found"


async def test_a_timeout_lets_updates_pass_that_came_before_it(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.wait(timeout_seconds=5))
    ids = [(await server.update("add")).body["update_id"] for _ in range(2)]
    await server.fail(await server.task())
    await server.pass_time(6)
    for update_id in ids:
        assert "TimerFired" not in await server.types()
        await server.decide({"type": "complete_update", "update_id": update_id, "result": None})
    assert (await server.types())[-1] == "TimerFired"
    await server.signal()
    # Behind the timeout it would be bound to the wait that is opened next.
    assert "SignalReceived" not in await server.types()
    await server.decide(commands.wait("other"))
    assert (await server.types())[-2:] == ["ConditionWaitOpened", "SignalReceived"]
    assert (await server.task())["workflow_wait_kind"] == "signal"
