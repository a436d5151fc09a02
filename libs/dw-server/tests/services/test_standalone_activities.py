"""Activities that no workflow started: their host runs, ids, retries and timeouts."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.fields import RetryPolicy
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, ListActivities, Payload, StartActivity
from durable_workflow.server.services import standalone_activities
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import standalone_activities as views

Json = dict[str, Any]


async def start(server: Any, activity_id: str | None = "alone", **fields: Any) -> Reply:
    given: Json = {
        "activity_type": "act",
        "task_queue": server.queue,
        "activity_id": activity_id,
        "arguments": Payload("json", "[1]"),
    }
    request = StartActivity(**given | fields)
    reply: Reply = await server.run(standalone_activities.start, server.caller, request)
    return reply


async def describe(server: Any, activity_id: str = "alone") -> Json:
    def look(read: Read) -> Json:
        return views.describe(read, "default", activity_id)

    shown: Json = await server.store.read(look)
    return shown


async def test_a_host_run_has_no_workflow_task(server: Any) -> None:
    reply = await start(server, activity_class="Label")

    assert reply.form == "created"
    body = reply.body
    assert (body["activity_id"], body["workflow_id"]) == ("alone", "alone")
    assert (body["workflow_type"], body["status"]) == ("dw.standalone_activity", "running")
    assert (body["activity_class"], body["command_status"]) == ("Label", "accepted")
    assert not await server.poll_is_ready()
    task = await server.activity()
    assert (task["workflow_id"], task["run_id"]) == ("alone", body["workflow_run_id"])
    assert (task["activity_type"], task["arguments"]["blob"]) == ("act", "[1]")
    await server.complete_activity(task, {"codec": "json", "blob": "[2]"})
    assert not await server.poll_is_ready()
    seen = await describe(server)
    assert (seen["status"], seen["activity_status"]) == ("completed", "completed")
    assert seen["result"] == {"codec": "json", "blob": "[2]"}
    assert (seen["payload_codec"], seen["activity_class"]) == ("json", "Label")


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("bare", {"codec": "json", "blob": "bare"}),
        ({"rows": 5}, {"codec": "json", "blob": '{"rows":5}'}),
        (7, {"codec": "json", "blob": "7"}),
    ],
)
async def test_a_result_is_an_envelope_whatever_the_worker_sent(
    server: Any, result: Any, shown: Json
) -> None:
    await start(server)
    await server.complete_activity(await server.activity(), result)
    assert (await describe(server))["result"] == shown
    assert (await server.describe("alone"))["output_envelope"] == shown


async def test_an_activity_that_returns_nothing_has_no_result(server: Any) -> None:
    await start(server)
    await server.complete_activity(await server.activity(), {"codec": "json", "blob": "null"})
    assert (await describe(server))["result"] == {"codec": "json", "blob": "null"}


async def test_an_id_is_free_again_when_its_activity_has_ended(server: Any) -> None:
    first = await start(server)
    refused = await start(server)
    assert (refused.reason, refused.body["outcome"]) == (
        *("duplicate_not_allowed",),
        "rejected_duplicate",
    )
    assert (await server.types("alone"))[-1] == "StartRejected"
    await server.complete_activity(await server.activity())
    again = await start(server)
    assert again.form == "created"
    assert again.body["workflow_run_id"] != first.body["workflow_run_id"]
    assert (await describe(server))["status"] == "running"


@pytest.mark.parametrize("activity_id", ["alone", None])
async def test_a_start_that_is_sent_again_is_answered_as_the_first_time(
    server: Any, activity_id: str | None
) -> None:
    server.caller = Caller(namespace="default", idempotency_key="k", body_sha256="a")
    first = await start(server, activity_id)
    await server.complete_activity(await server.activity())
    again = await start(server, activity_id)
    assert (again.form, again.body) == ("created", first.body)
    assert await server.poll_activity() is None
    server.caller = Caller(namespace="default", idempotency_key="k", body_sha256="b")
    with pytest.raises(Invalid, match="another request"):
        await start(server, activity_id)


async def test_an_id_of_a_workflow_is_never_free_for_an_activity(server: Any) -> None:
    await server.start("alone")
    assert (await start(server)).reason == "duplicate_not_allowed"
    await server.decide({"type": "complete_workflow"})
    assert (await start(server)).reason == "duplicate_not_allowed"


async def test_a_retry_waits_for_its_backoff(server: Any) -> None:
    await start(server, retry_policy=RetryPolicy(max_attempts=2, backoff_seconds=[60]))
    await server.fail_activity(await server.activity())
    assert await server.poll_activity() is None
    await server.pass_time(60)
    task = await server.activity()
    assert task["attempt_number"] == 2
    await server.fail_activity(task)
    seen = await describe(server)
    assert (seen["status"], seen["closed_reason"]) == ("failed", "failed")
    assert (await server.types("alone"))[-2:] == ["ActivityFailed", "WorkflowFailed"]


async def test_a_description_lists_the_attempts(server: Any) -> None:
    await start(server, retry_policy=RetryPolicy(max_attempts=4, backoff_seconds=[60]))
    seen = await describe(server)
    assert (seen["attempts"], seen["current_attempt_status"]) == ([], None)

    failed = await server.activity()
    await server.pass_time(1)
    await server.beat(failed)
    await server.pass_time(1)
    await server.fail_activity(failed)
    await server.pass_time(60)
    lost = await server.activity()
    await server.pass_time(server.settings.activity_lease_seconds)
    last = await server.activity()
    seen = await describe(server)
    assert seen["current_attempt_status"] == "running"
    assert seen["current_attempt_id"] == last["activity_attempt_id"]

    await server.pass_time(3)
    await server.complete_activity(last, 7)
    seen = await describe(server)
    assert seen["current_attempt_status"] == "completed"
    first, second, third = seen["attempts"]
    assert first == {
        "id": failed["activity_attempt_id"],
        "activity_attempt_id": failed["activity_attempt_id"],
        "activity_execution_id": seen["activity_execution_id"],
        "workflow_task_id": failed["task_id"],
        "task_id": failed["task_id"],
        "attempt_number": 1,
        "status": "failed",
        "lease_owner": "w",
        "started_at": "2026-01-01T00:00:00.000000Z",
        "closed_at": "2026-01-01T00:00:02.000000Z",
        "last_heartbeat_at": "2026-01-01T00:00:01.000000Z",
    }
    assert (second["status"], second["id"]) == ("expired", lost["activity_attempt_id"])
    assert (second["attempt_number"], second["last_heartbeat_at"]) == (2, None)
    assert (third["status"], third["attempt_number"]) == ("completed", 3)
    assert third["closed_at"] == seen["closed_at"]
    [listed] = (await views.list_activities(server.store, "default", ListActivities()))[
        "activities"
    ]
    assert "attempts" not in listed


@pytest.mark.parametrize(
    ("kind", "claimed"),
    [
        ("schedule_to_start", False),
        ("schedule_to_close", False),
        ("schedule_to_close", True),
        ("start_to_close", True),
        ("heartbeat", True),
    ],
)
async def test_a_timeout_closes_the_host(server: Any, kind: str, claimed: bool) -> None:
    timeout: Json = {f"{kind}_timeout_seconds": 5}
    await start(server, **timeout)
    if claimed:
        await server.activity()
    await server.pass_time(5)
    seen = await describe(server)
    assert (seen["status"], seen["closed_reason"]) == ("failed", "timed_out")
    assert (seen["failure"]["failure_category"], seen["failure"]["timeout_kind"]) == (
        *("timeout",),
        kind,
    )
    # What nobody took in time counts as an attempt, as it may be retried.
    assert seen["attempt_count"] == (claimed or kind == "schedule_to_start")
    assert await server.poll_activity() is None


async def test_lists_have_no_results(server: Any) -> None:
    await start(server)
    await server.complete_activity(await server.activity())
    await server.start("a-workflow")
    page = await views.list_activities(server.store, "default", ListActivities())
    assert [row["activity_id"] for row in page["activities"]] == ["alone"]
    assert page["activity_count"] == 1
    assert "result" not in page["activities"][0]
