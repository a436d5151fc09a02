"""References to payloads that are kept elsewhere: what is verified, and when an object goes."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pytest

from durable_workflow.external_storage import (
    LocalFilesystemExternalStorage,
)
from durable_workflow.server.clock import ManualClock

from .conftest import VERSIONS, Json, Place

DAY = 86_400


def forged(envelope: Json) -> Json:
    """The reference, with another hash than the object has."""
    other = {"sha256": hashlib.sha256(b"other").hexdigest()}
    return {"codec": "avro", "external_storage": envelope["external_storage"] | other}


def errors_of(answer: httpx.Response) -> Json:
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["reason"] == "validation_failed"
    errors: Json = body["errors"]
    return errors


async def leased(place: Place, kind: str) -> Json:
    """A task of a run `wf`, leased to the worker."""
    await place.start("wf")
    task = await place.task()
    if kind == "activity":
        command = {"type": "schedule_activity", "activity_type": "a"}
        assert (await place.decide(task, command)).status_code == 200
        return await place.task("activity")
    return task


CALLS: dict[str, tuple[str, str, Json]] = {
    "start": ("POST", "/workflows", {"workflow_type": "t", "task_queue": "q"}),
    "signal": ("POST", "/workflows/wf/signal/go", {}),
    "query": ("POST", "/workflows/wf/query/state", {}),
    "update": ("POST", "/workflows/wf/update/change", {}),
    "activity": ("POST", "/activities", {"activity_type": "a", "task_queue": "q"}),
}


@pytest.mark.parametrize("name", CALLS)
async def test_arguments_are_verified(place: Place, name: str) -> None:
    await place.start("wf")
    method, path, body = CALLS[name]
    before = await place.ok("GET", "/workflows")
    answer = await place.call(method, path, body | {"input": forged(place.keep([1]))})
    [text] = errors_of(answer)["input.external_storage"]
    assert "hash" in text
    assert await place.ok("GET", "/workflows") == before
    if name != "query":  # no worker is there that would answer one
        kept = body | {"input": place.keep([1])}
        assert (await place.call(method, path, kept)).status_code < 300


async def test_schedules_are_verified(place: Place) -> None:
    action: Json = {"workflow_type": "t", "task_queue": "q", "input": forged(place.keep([1]))}
    body = {"schedule_id": "s", "spec": {"cron_expressions": ["0 2 1 1 *"]}, "action": action}
    assert "action.input.external_storage" in errors_of(
        await place.call("POST", "/schedules", body)
    )
    assert (await place.call("GET", "/schedules/s")).status_code == 404


async def test_events_of_the_bridge_are_rejected_in_its_own_form(place: Place) -> None:
    body: Json = {
        "action": "start_workflow",
        "idempotency_key": "k",
        "target": {"workflow_type": "t", "task_queue": "q", "workflow_id": "wf"},
        "input": forged(place.keep([1])),
    }
    answer = await place.call("POST", "/bridge-adapters/webhook/shop", body)
    assert answer.status_code == 422
    assert answer.json()["outcome"] == "rejected"
    assert answer.json()["reason"] == "malformed_payload"
    assert (await place.call("GET", "/workflows/wf")).status_code == 404


async def test_results_of_activities_are_verified_and_their_task_can_still_end(
    place: Place,
) -> None:
    task = await leased(place, "activity")
    bad = forged(place.keep("x"))
    assert "result.external_storage" in errors_of(await place.report(task, "complete", result=bad))
    failure = {"message": "no", "details": bad}
    refused = await place.report(task, "fail", failure=failure)
    assert "failure.details.external_storage" in errors_of(refused)
    answer = await place.report(task, "fail", failure=failure | {"details": place.keep("x")})
    assert answer.json()["recorded"] is True
    assert (await place.task())["workflow_id"] == "wf"


COMMANDS: dict[str, tuple[str, Json]] = {
    "complete_workflow": ("result", {}),
    "schedule_activity": ("arguments", {"activity_type": "a"}),
    "start_child_workflow": ("arguments", {"workflow_type": "c"}),
    "continue_as_new": ("arguments", {}),
    "record_side_effect": ("result", {}),
}


@pytest.mark.parametrize("kind", COMMANDS)
async def test_commands_are_verified_and_their_task_can_still_end(place: Place, kind: str) -> None:
    task = await leased(place, "workflow")
    member, rest = COMMANDS[kind]
    command = {"type": kind} | rest
    bad = await place.decide(task, command | {member: forged(place.keep([1]))})
    assert f"commands.0.{member}.external_storage" in errors_of(bad)
    assert (await place.decide(task, command | {member: place.keep([1])})).status_code == 200


async def test_queries_are_answered_with_verified_payloads(place: Place) -> None:
    task = await leased(place, "workflow")
    assert (await place.decide(task, {"type": "start_timer", "delay_seconds": 9})).is_success
    asking = asyncio.create_task(place.call("POST", "/workflows/wf/query/state", {}))
    question = None
    while question is None:
        await asyncio.sleep(0)
        question = (await place.work("query-tasks/poll", {})).json()["task"]
    path = f"query-tasks/{question['query_task_id']}/complete"
    body = {"query_task_attempt": question["query_task_attempt"], "result": None}
    bad = await place.work(path, body | {"result_envelope": forged(place.keep("x"))})
    assert "result_envelope.external_storage" in errors_of(bad)
    kept = place.keep("x")
    assert (await place.work(path, body | {"result_envelope": kept})).is_success
    assert (await asking).json()["result_envelope"] == kept


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"size_bytes": 3}, "size"),
        ({"size_bytes": 1 << 40}, "more than"),
        ({"uri": "file:///etc/passwd"}, "outside"),
        ({"uri": "s3://bucket/key"}, "scheme"),
        ({"uri": "file://elsewhere/x"}, "host"),
        ({"expires_at": "1969-01-01T00:00:00Z"}, "expired"),
    ],
)
async def test_what_is_wrong_with_a_reference_is_said(
    place: Place, members: Json, word: str
) -> None:
    [text] = errors_of(await place.start("wf", place.keep([1], **members)))[
        "input.external_storage"
    ]
    assert word in text


async def test_a_payload_that_is_missing_or_no_list_is_refused(place: Place) -> None:
    gone = place.keep([1])
    place.path(gone).unlink()
    assert "missing" in str(errors_of(await place.start("wf", gone)))
    assert "list" in str(errors_of(await place.start("wf", place.keep("text"))))


@pytest.mark.parametrize("policy", [{"enabled": False}, {"driver": "s3", "config": {}}])
async def test_references_are_opaque_where_the_server_cannot_open_the_place(
    place: Place, policy: Json
) -> None:
    await place.set_policy(**policy)
    assert (await place.start("wf", forged(place.keep([1])))).status_code == 201


async def test_storage_that_cannot_be_read_is_a_reason_to_try_again(place: Place) -> None:
    kept = place.keep([1])
    path = place.path(kept)
    path.unlink()
    path.mkdir()  # reading it fails, and it is there
    answer = await place.start("wf", kept)
    assert answer.status_code == 503
    assert answer.json()["reason"] == "external_payload_unavailable"
    assert "IsADirectoryError" in answer.json()["message"]
    assert (await place.call("GET", "/workflows/wf")).status_code == 404


# --- deletion --------------------------------------------------------------------------------


async def test_payloads_go_with_the_run(place: Place) -> None:
    kept = {
        name: place.keep([name]) for name in ("input", "signal", "argument", "result", "details")
    }
    assert (await place.start("wf", kept["input"])).status_code == 201
    await place.ok("POST", "/workflows/wf/signal/go", {"input": kept["signal"]})
    command: Json = {"type": "schedule_activity", "activity_type": "a"}
    command |= {
        "arguments": kept["argument"],
        "retry_policy": {"max_attempts": 2, "backoff_seconds": [0]},
    }
    assert (await place.decide(await place.task(), command)).is_success
    failure = {"message": "no", "details": kept["details"]}
    assert (await place.report(await place.task("activity"), "fail", failure=failure)).is_success
    result = {"result": kept["result"]}
    assert (await place.report(await place.task("activity"), "complete", **result)).is_success
    [row] = await place.prune(await place.end("wf"))
    assert row["outcome"] == "pruned"
    assert row["external_payloads_deleted"] == len(kept)
    assert not [name for name, each in kept.items() if place.path(each).exists()]


async def test_a_payload_that_another_run_has_stays_until_that_goes_too(place: Place) -> None:
    kept = place.keep([1])
    runs = [(await place.start(name, kept)).json()["run_id"] for name in ("one", "two")]
    await place.end("one")
    [row] = await place.prune(runs[0])
    assert row["external_payloads_deleted"] == 0
    assert place.path(kept).exists()
    await place.end("two")
    [row] = await place.prune(runs[1])
    assert row["external_payloads_deleted"] == 1
    assert not place.path(kept).exists()


async def test_a_child_and_a_next_run_keep_what_they_were_given(place: Place) -> None:
    kept = place.keep([1])
    await place.start("wf", kept)
    child = {"type": "start_child_workflow", "workflow_type": "c", "arguments": kept}
    command = child | {"parent_close_policy": "abandon"}
    assert (await place.decide(await place.task(), command)).is_success
    [listed] = (await place.ok("GET", "/workflows?workflow_type=c"))["workflows"]
    await place.prune(await place.end("wf"))
    assert place.path(kept).exists()
    await place.prune(await place.end(listed["workflow_id"]))
    assert not place.path(kept).exists()


async def test_what_looks_like_a_reference_in_plain_values_is_none(place: Place) -> None:
    kept = place.keep([1])
    task = await leased(place, "activity")
    assert (await place.report(task, "complete", result={"deep": kept})).is_success
    body = {"workflow_id": "memo", "workflow_type": "t", "task_queue": "q", "memo": {"a": kept}}
    await place.ok("POST", "/workflows", body)
    await place.prune(await place.end("wf"), await place.end("memo"))
    assert place.path(kept).exists()


async def test_a_schedule_keeps_its_input(place: Place) -> None:
    first, second = place.keep([1]), place.keep([2])
    action = {"workflow_type": "t", "task_queue": "q", "input": first}
    body = {"schedule_id": "s", "spec": {"cron_expressions": ["0 2 1 1 *"]}, "action": action}
    await place.ok("POST", "/schedules", body)
    fired = await place.ok("POST", "/schedules/s/trigger", {})
    await place.end(fired["workflow_id"])
    [row] = await place.prune(fired["run_id"])
    assert (row["external_payloads_deleted"], place.path(first).exists()) == (0, True)
    await place.ok("PUT", "/schedules/s", {"action": action | {"input": second}})
    await place.look()
    assert (place.path(first).exists(), place.path(second).exists()) == (False, True)
    await place.ok("DELETE", "/schedules/s")
    await place.look()
    assert not place.path(second).exists()


async def test_expired_runs_take_their_payloads_along(place: Place, clock: ManualClock) -> None:
    kept = place.keep([1])
    await place.start("wf", kept)
    await place.end("wf")
    clock.advance(40 * DAY)
    await place.look()
    assert not place.path(kept).exists()


async def test_runs_with_payloads_stay_where_the_driver_is_missing(
    place: Place, clock: ManualClock
) -> None:
    kept = place.keep([1])
    run_id = (await place.start("wf", kept)).json()["run_id"]
    await place.end("wf")
    await place.start("plain")
    await place.end("plain")
    await place.set_policy(driver="s3", config={})
    [row] = await place.prune(run_id)
    reason = "external_payload_storage_driver_unavailable"
    assert row == {"run_id": run_id, "outcome": "skipped", "reason": reason}
    clock.advance(40 * DAY)
    await place.look()
    assert (await place.call("GET", "/workflows/wf")).is_success
    assert (await place.call("GET", "/workflows/plain")).status_code == 404
    await place.set_policy()
    await place.look()
    assert (await place.call("GET", "/workflows/wf")).status_code == 404
    assert not place.path(kept).exists()


async def test_without_a_policy_the_payloads_stay(place: Place) -> None:
    kept = place.keep([1])
    await place.start("wf", kept)
    await place.set_policy(enabled=False)
    [row] = await place.prune(await place.end("wf"))
    assert (row["outcome"], row["external_payloads_deleted"]) == ("pruned", 0)
    assert place.path(kept).exists()


async def test_what_cannot_be_deleted_is_tried_again(place: Place) -> None:
    kept = place.keep([1])
    await place.start("wf", kept)
    path = place.path(kept)
    path.unlink()
    path.mkdir()  # it cannot be unlinked
    [row] = await place.prune(await place.end("wf"))
    assert (row["outcome"], row["external_payloads_deleted"]) == ("pruned", 0)
    path.rmdir()
    path.write_bytes(b"back")
    await place.look()
    assert not path.exists()


async def test_a_namespace_takes_its_payloads_along(place: Place) -> None:
    await place.ok("POST", "/namespaces", {"name": "other", "retention_days": 1})
    await place.set_policy("other")
    place.storage = LocalFilesystemExternalStorage(place.root / "other")
    kept, scheduled = place.keep([1]), place.keep([2])
    action = {"workflow_type": "t", "task_queue": "q", "input": scheduled}
    schedule = {"spec": {"cron_expressions": ["0 2 1 1 *"]}, "action": action}
    for path, body in (
        ("/workflows", {"workflow_type": "t", "task_queue": "q", "input": kept}),
        ("/schedules", schedule),
    ):
        headers = VERSIONS | {"X-Namespace": "other"}
        answer = await place.http.post(f"/api{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
    await place.ok("DELETE", "/namespaces/other")
    assert not place.path(kept).exists()
    assert not place.path(scheduled).exists()


async def test_a_payload_is_not_deleted_while_a_request_that_has_it_is_carried_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = place.keep([1])
    await place.start("old", kept)
    run_id = await place.end("old")
    verified, go_on = asyncio.Event(), asyncio.Event()
    run = place.server.store.run

    async def held(work: Any) -> Any:
        verified.set()
        await go_on.wait()
        return await run(work)

    with monkeypatch.context() as patched:
        patched.setattr(place.server.store, "run", held)
        starting = asyncio.create_task(place.start("new", kept))
        await verified.wait()
    [row] = await place.prune(run_id)
    assert (row["external_payloads_deleted"], place.path(kept).exists()) == (0, True)
    go_on.set()
    assert (await starting).status_code == 201
    await place.look()
    assert place.path(kept).exists()


async def test_a_slow_driver_holds_nobody_else_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    entered, leave = threading.Event(), threading.Event()
    get = LocalFilesystemExternalStorage.get

    def slow(self: LocalFilesystemExternalStorage, uri: str) -> bytes:
        entered.set()
        assert leave.wait(20)
        return get(self, uri)

    monkeypatch.setattr(LocalFilesystemExternalStorage, "get", slow)
    starting = asyncio.create_task(place.start("slow", place.keep([1])))
    assert await asyncio.to_thread(entered.wait, 20)
    assert (await place.start("quick")).status_code == 201
    leave.set()
    assert (await starting).status_code == 201
