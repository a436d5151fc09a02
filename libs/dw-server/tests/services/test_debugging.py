"""Why a run does not go on: each state of a run, as the debug document shows it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from durable_workflow.server.refusals import Refused
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import debugging, describing

Json = dict[str, Any]


async def look(
    server: Any, workflow_id: str = "wf", run_id: str | None = None, preview: bool = False
) -> Json:
    def work(read: Read) -> Json:
        run = describing.find_run(read, "default", workflow_id, run_id).run
        return debugging.debug(read, run, server.settings, pending_queries=0, preview=preview)

    body: Json = msgspec.json.decode(msgspec.json.encode(await server.store.read(work)))
    return body


def codes(body: Json) -> list[str]:
    return [finding["code"] for finding in body["findings"]]


async def test_a_run_whose_task_nobody_took_yet(server: Any) -> None:
    started = (await server.start()).body
    body = await look(server)

    assert (body["workflow_id"], body["run_id"]) == ("wf", started["run_id"])
    assert body["diagnostic_status"] == "pending_work"
    assert body["execution"]["liveness_state"] == "workflow_task_ready"
    assert body["execution"]["task_problem"] is body["execution"]["repair_attention"] is False
    assert body["execution"]["task_problem_badge"] is None
    [task] = body["pending_workflow_tasks"]
    assert (task["status"], task["transport_state"], task["attempt_count"]) == ("ready", "ready", 0)
    assert task["last_error"] is None
    assert (task["dispatch_overdue"], task["claim_failed"]) == (False, False)
    event = body["execution"]["next_scheduled_event"]
    assert (event["source"], event["task_id"]) == ("open_task", task["task_id"])
    assert body["task_queue"]["stats"]["approximate_backlog_count"] == 1
    assert body["findings"] == []


async def test_a_ready_task_that_waits_long_is_overdue(server: Any) -> None:
    await server.start()
    await server.pass_time(4)
    body = await look(server)

    [task] = body["pending_workflow_tasks"]
    assert (task["transport_state"], task["dispatch_overdue"]) == ("dispatch_overdue", True)
    assert body["diagnostic_status"] == "pending_work"


async def test_a_leased_task_names_who_has_it_and_since_when(server: Any) -> None:
    await server.start()
    await server.pass_time(1)
    leased = await server.task()
    body = await look(server)

    assert body["execution"]["liveness_state"] == "workflow_task_leased"
    [task] = body["pending_workflow_tasks"]
    assert (task["status"], task["lease_owner"], task["attempt_count"]) == ("leased", "w", 1)
    assert task["lease_expires_at"] == leased["lease_expires_at"]
    assert task["leased_at"] == body["generated_at"]
    assert task["lease_expired"] is False


async def test_a_lease_that_ran_out_needs_attention(server: Any, clock: Any) -> None:
    await server.start()
    await server.task()
    clock.advance(server.settings.workflow_lease_seconds)  # and the timer service does not see it
    body = await look(server)

    assert body["diagnostic_status"] == "needs_attention"
    assert body["execution"]["repair_attention"] is True
    assert body["pending_workflow_tasks"][0]["lease_expired"] is True
    assert body["task_queue"]["repair"]["expired_leases"] == 1
    assert {"expired_leases", "repair_attention"} <= set(codes(body))


async def test_a_task_that_keeps_failing_shows_error_attempts_and_next_try(server: Any) -> None:
    await server.start()
    await server.fail(await server.task(), "first")
    await server.pass_time(1)
    await server.fail(await server.task(), "it broke")
    body = await look(server)

    assert body["diagnostic_status"] == "needs_attention"
    execution = body["execution"]
    assert execution["task_problem"] is True
    assert execution["task_problem_badge"]["code"] == "workflow_task_failed"
    [task] = body["pending_workflow_tasks"]
    assert (task["last_error"], task["attempt_count"], task["repair_count"]) == ("it broke", 2, 2)
    assert (task["transport_state"], task["claim_failed"]) == ("retry_scheduled", True)
    next_try = (await server.describe())["workflow_task"]["available_at"]
    assert next_try > body["generated_at"]
    assert task["available_at"] == task["repair_available_at"] == next_try
    assert execution["next_scheduled_event"]["available_at"] == next_try
    assert codes(body) == ["task_problem"]
    assert "it broke" in body["findings"][0]["message"]
    assert next_try in body["findings"][0]["message"]

    await server.pass_time(2)
    await server.task()
    assert (await look(server))["diagnostic_status"] == "needs_attention"
    [again] = (await look(server))["pending_workflow_tasks"]
    assert (again["status"], again["last_error"]) == ("leased", "it broke")


@pytest.mark.parametrize(
    ("message", "error_type"),
    [
        ("replay failed: step 1 differs", None),
        ("anything", "NonDeterministicReplayError"),
    ],
)
async def test_code_that_cannot_be_replayed_is_told_apart(
    server: Any, message: str, error_type: str | None
) -> None:
    await server.start()
    await server.fail(await server.task(), message, error_type)
    body = await look(server)

    assert body["execution"]["liveness_state"] == "workflow_replay_blocked"
    assert body["pending_workflow_tasks"][0]["last_error_type"] == error_type
    assert codes(body) == ["task_problem", "workflow_replay_blocked"]
    said = " ".join(each["message"] for each in body["findings"])
    assert said.count(message) == 1


async def test_commands_that_differ_from_the_batch_block_the_replay(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity("one"))
    await server.wake()
    await server.complete(await server.task(), commands.activity("other"))
    body = await look(server)

    assert body["execution"]["liveness_state"] == "workflow_replay_blocked"
    assert body["pending_workflow_tasks"][0]["last_error"].startswith("non-deterministic workflow")


async def test_a_task_that_succeeded_again_is_no_problem_any_more(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.fail(await server.task())
    await server.pass_time(1)
    await server.decide(commands.timer())
    body = await look(server)

    assert body["diagnostic_status"] == "waiting"
    assert body["execution"]["task_problem"] is False
    assert body["execution"]["liveness_state"] == "timer_scheduled"
    assert body["execution"]["next_scheduled_event"]["task_type"] == "timer"
    assert body["pending_workflow_tasks"] == body["findings"] == []


async def test_an_activity_is_shown_with_its_attempt(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("charge", heartbeat_timeout=60))
    ready = await look(server)
    assert ready["execution"]["liveness_state"] == "activity_task_ready"
    assert ready["pending_activities"][0]["current_attempt"] is None

    task = await server.activity()
    body = await look(server)
    assert body["diagnostic_status"] == "pending_work"
    assert body["execution"]["liveness_state"] == "activity_task_leased"
    [activity] = body["pending_activities"]
    assert (activity["activity_type"], activity["status"]) == ("charge", "running")
    assert activity["queue"] == "q"
    assert activity["current_attempt_id"] == task["activity_attempt_id"]
    assert activity["heartbeat_deadline_at"] is not None
    attempt = activity["current_attempt"]
    assert attempt["activity_attempt_id"] == task["activity_attempt_id"]
    assert (attempt["attempt_number"], attempt["lease_owner"]) == (1, "w")
    assert attempt["lease_expires_at"] == task["lease_expires_at"]
    [lease] = body["task_queue"]["current_leases"]
    assert (lease["task_type"], lease["attempt_number"]) == ("activity", 1)


async def test_an_activity_that_is_tried_again_says_why(server: Any, commands: Any) -> None:
    await server.start()
    policy = {"max_attempts": 3, "backoff_seconds": [7]}
    await server.decide(commands.activity(retry_policy=policy))
    await server.fail_activity(await server.activity(), "declined")
    body = await look(server)

    [activity] = body["pending_activities"]
    assert (activity["status"], activity["attempt_count"]) == ("pending", 1)
    assert activity["last_error"] == "declined"
    assert activity["available_at"] > body["generated_at"]
    assert activity["current_attempt"] is None
    assert body["recent_failures"] == []  # not a failure of the step yet


async def test_no_more_activities_are_shown_than_can_be_looked_at(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(*[commands.activity() for _ in range(30)])

    assert len((await look(server))["pending_activities"]) == 25


async def test_failures_of_steps_are_shown_newest_first(server: Any, commands: Any) -> None:
    await server.start()
    for number in range(12):
        await server.decide(commands.activity())
        await server.fail_activity(await server.activity(), f"no {number}", type="Nope")
    unseen = (await look(server))["recent_failures"]
    assert [each["message"] for each in unseen] == [f"no {n}" for n in range(11, 1, -1)]
    assert unseen[0]["handled"] is False
    assert unseen[0] | {"handled": None} == {
        "failure_id": unseen[0]["failure_id"],
        "source_kind": "activity_execution",
        "source_id": unseen[0]["source_id"],
        "propagation_kind": "activity",
        "failure_category": "activity",
        "exception_class": "Nope",
        "message": "no 11",
        "non_retryable": False,
        "handled": None,
        "created_at": unseen[0]["created_at"],
    }

    await server.decide(commands.timer())
    assert (await look(server))["recent_failures"][0]["handled"] is True


async def test_the_failure_that_ended_a_run_was_not_handled(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    await server.fail_activity(await server.activity(), "declined")
    await server.decide(commands.failed("declined"))
    body = await look(server)

    assert body["diagnostic_status"] == "terminal"
    assert body["execution"]["liveness_state"] == "closed"
    assert body["execution"]["liveness_reason"] == "Run closed as failed."
    assert [(each["source_kind"], each["handled"]) for each in body["recent_failures"]] == [
        ("workflow_run", False),
        ("activity_execution", False),
    ]
    assert body["findings"] == []


@pytest.mark.parametrize(
    ("kind", "state"), [("child", "waiting_for_child"), ("wait", "waiting_for_condition")]
)
async def test_what_a_run_waits_for(server: Any, commands: Any, kind: str, state: str) -> None:
    await server.start()
    await server.decide(getattr(commands, kind)())

    body = await look(server)
    assert (body["execution"]["liveness_state"], body["diagnostic_status"]) == (state, "waiting")


async def test_a_wait_with_a_timeout_says_when_it_ends(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.wait(timeout_seconds=9))
    body = await look(server)

    event = body["execution"]["next_scheduled_event"]
    assert event["source"] == "run_summary"
    assert event["wait_deadline_at"] > body["generated_at"]


async def test_without_a_live_worker_nobody_polls(server: Any) -> None:
    await server.start()
    await server.pass_time(61)
    body = await look(server)

    assert codes(body) == ["no_active_pollers"]
    assert body["task_queue"]["pollers"][0]["is_stale"] is True
    assert body["compatibility"]["task_queue_pollers"] == body["task_queue"]["pollers"]
    assert body["compatibility"]["namespace_worker_fleet"]["active_workers"] == 0


async def test_workers_that_do_not_take_the_type_are_no_pollers_of_the_run(server: Any) -> None:
    await server.register(supported_workflow_types=["another"])
    await server.start()
    body = await look(server)

    assert codes(body) == ["no_active_pollers"]
    assert "takes flow" in body["findings"][0]["message"]


async def test_an_activity_in_a_queue_that_nobody_polls(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity("charge", queue="elsewhere"))
    body = await look(server)

    assert body["pending_activities"][0]["queue"] == "elsewhere"
    assert codes(body) == ["no_active_pollers"]
    assert "elsewhere" in body["findings"][0]["message"]


async def test_an_activity_that_no_worker_of_its_queue_takes(server: Any, commands: Any) -> None:
    await server.register(supported_activity_types=["another"])
    await server.start()
    await server.decide(commands.activity("charge"))
    body = await look(server)

    assert codes(body) == ["no_active_pollers"]
    assert "charge" in body["findings"][0]["message"]


async def test_a_misspelled_name_is_shown_with_the_one_that_is_served(
    server: Any, commands: Any
) -> None:
    await server.register(supported_activity_types=["charge_card", "send_mail"])
    await server.start()
    await server.decide(commands.activity("chargecard"), commands.activity("pay", queue="quu"))
    messages = sorted(each["message"] for each in (await look(server))["findings"])

    assert messages == [
        "No live worker of the task queue q takes the activity chargecard "
        "(did you mean charge_card?).",
        "No live worker polls the task queue quu (polled are: q).",
    ]


async def test_a_workflow_type_that_nobody_serves_is_shown_with_those_that_are(
    server: Any,
) -> None:
    await server.register(supported_workflow_types=[f"other-{number}" for number in range(7)])
    await server.start()
    [finding] = (await look(server))["findings"]

    assert finding["message"] == (
        "No live worker of the task queue q takes flow "
        "(known are: other-0, other-1, other-2, other-3, other-4, …)."
    )


async def test_the_last_event_is_summed_up_and_shown_on_request(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.side_effect(json.dumps("ä" * 4000)))
    await server.close("terminate", "wf", "enough")
    history = await server.events()

    event = (await look(server))["execution"]["last_event"]
    assert "payload_preview" not in event
    assert event["sequence"] == history[-1]["sequence"]
    assert event["event_type"] == "WorkflowTerminated"
    summary = event["payload_summary"]
    assert summary["included"] is False
    assert summary["top_level_keys"] == list(history[-1]["payload"])
    assert (summary["top_level_type"], summary["preview_max_bytes"]) == ("object", 4096)

    shown = (await look(server, preview=True))["execution"]["last_event"]
    assert shown["payload_summary"]["included"] is True
    assert shown["payload_preview"]["truncated"] is False
    assert json.loads(shown["payload_preview"]["data"]) == history[-1]["payload"]


async def test_a_long_payload_is_cut_between_characters(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.done(json.dumps("ä" * 9000, ensure_ascii=False)))
    event = (await look(server, preview=True))["execution"]["last_event"]

    preview = event["payload_preview"]
    assert preview["truncated"] is True
    assert preview["size_bytes"] == event["payload_summary"]["size_bytes"] > 4096
    assert 4093 <= len(preview["data"].encode()) <= 4096
    assert preview["data"].endswith("ä")


async def test_an_earlier_run_can_be_looked_at(server: Any, commands: Any) -> None:
    first = (await server.start()).body["run_id"]
    await server.decide(commands.again())

    assert (await look(server))["execution"]["run_number"] == 2
    body = await look(server, run_id=first)
    assert (body["run_id"], body["diagnostic_status"]) == (first, "terminal")


@pytest.mark.parametrize(
    ("workflow_id", "run_id", "reason"),
    [
        ("nope", None, "instance_not_found"),
        ("nope", "nope", "run_not_found"),
        ("wf", "nope", "run_not_found"),
    ],
)
async def test_what_is_not_there_is_404(
    server: Any, workflow_id: str, run_id: str | None, reason: str
) -> None:
    await server.start()
    with pytest.raises(Refused) as error:
        await look(server, workflow_id, run_id)
    assert error.value.reason == reason


async def test_a_signal_that_a_worker_passed_by_is_shown_and_does_not_pass_the_wait(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.wait())
    await server.signal("approve")
    note = {
        "type": "pass_signal",
        "signal_name": "approve",
        "signal_sequence": 4,
        "message": "too many positional arguments",
    }
    await server.decide(note, commands.wait())
    assert (await server.types())[3:] == [
        "SignalReceived",
        "SignalNotApplied",
        "ConditionWaitOpened",
    ]
    body = await look(server)
    [finding] = [f for f in body["findings"] if f["code"] == "signal_not_applied"]
    assert finding["severity"] == "error"
    assert "'approve' (event 4) was not applied" in finding["message"]
    assert "too many positional arguments" in finding["message"]
