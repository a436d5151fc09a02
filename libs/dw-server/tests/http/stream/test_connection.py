"""Frames and messages of a stream, and when it is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from durable_workflow.metrics import InMemoryMetrics
from durable_workflow.server import Settings
from durable_workflow.server.settings import AuthSettings

Json = dict[str, Any]


async def test_a_worker_is_welcomed_gets_a_task_and_its_report_is_acknowledged(stage: Any) -> None:
    peer = await stage.peer()
    assert peer.welcome == {
        "type": "welcome",
        "grace_ms": 1000,
        "heartbeat_seconds": 10,
        "dropped": [],
    }
    await stage.start()
    task = await peer.task()
    assert (task["workflow_id"], task["lease_owner"]) == ("wf", "w")

    await peer.acknowledged(await peer.complete(task))
    assert await stage.status() == "completed"


async def test_a_stream_is_replaced_though_the_metrics_recorder_raises(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(InMemoryMetrics):
        def increment(self, *_: object, **__: object) -> None:
            raise OSError("no space left")

    monkeypatch.setattr(stage.server.api.streams, "metrics", Full())
    before, peer = await stage.peer(), await stage.peer()
    assert await before.ended() == 4409
    await stage.start()
    assert (await peer.task())["workflow_id"] == "wf"


async def test_a_sequence_of_steps_is_pushed_as_each_becomes_ready(stage: Any) -> None:
    peer = await stage.peer()
    run = await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    for _ in range(3):
        await peer.complete(await peer.task(), schedule)
        await peer.complete_activity(await peer.task("activity"))
    await peer.acknowledged(await peer.complete(await peer.task()))

    assert await stage.status() == "completed"
    assert (await stage.events(run)).count("ActivityCompleted") == 3


async def test_a_report_of_many_small_values_is_taken_before_what_follows_it(stage: Any) -> None:
    peer = await stage.peer()
    run = await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    await peer.acknowledged(await peer.complete(await peer.task(), schedule))
    task = await peer.task("activity")
    named = {"task_id": task["task_id"], "attempt": task["activity_attempt_id"]}
    result: list[Any] = [[]] * 100_000
    await peer.ask("complete", kind="activity", **named, result=result)
    await peer.send({"type": "bye"})
    assert await peer.ended() == 1000
    assert "ActivityCompleted" in await stage.events(run)


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 400, "missing_protocol_version"),
        ({"X-Durable-Workflow-Protocol-Version": "9.0"}, 400, "unsupported_protocol_version"),
        (
            {"X-Durable-Workflow-Protocol-Version": "1.1", "X-Namespace": "nowhere"},
            404,
            "namespace_not_found",
        ),
    ],
)
async def test_what_is_checked_before_the_upgrade_is_refused_as_over_http(
    stage: Any, headers: dict[str, str], status: int, reason: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await stage.socket(additional_headers=headers)
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body or b"")["reason"] == reason


@pytest.mark.parametrize(
    ("token", "status", "reason"),
    [
        (None, 401, "unauthorized"),
        ("", 401, "unauthorized"),
        ("wrong", 401, "unauthorized"),
        ("of-operators", 403, "forbidden"),
    ],
)
async def test_only_workers_may_open_a_stream(
    staged: Any, token: str | None, status: int, reason: str
) -> None:
    auth = AuthSettings(worker_token="of-workers", operator_token="of-operators")
    async with staged(Settings(db=":memory:", auth=auth)) as stage:
        version = {"X-Durable-Workflow-Protocol-Version": "1.1"}
        shown = {} if token is None else {"Authorization": f"Bearer {token}"}
        with pytest.raises(InvalidStatus) as refused:
            await stage.socket(additional_headers=version | shown)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body or b"")["reason"] == reason

        await stage.socket(additional_headers=version | {"Authorization": "Bearer of-workers"})


async def test_a_stream_without_an_upgrade_and_an_upgrade_of_something_else(stage: Any) -> None:
    answer = await stage.http.get(
        "/api/worker/stream", headers={"X-Durable-Workflow-Protocol-Version": "1.1"}
    )
    assert (answer.status_code, answer.json()["reason"]) == (426, "upgrade_required")

    url = stage.url
    stage.url = f"{url}/api/health?"
    with pytest.raises(InvalidStatus) as refused:
        await stage.socket()
    assert refused.value.response.status_code == 200
    assert json.loads(refused.value.response.body or b"")["status"] == "serving"
    stage.url = f"{url}/nowhere?"
    with pytest.raises(InvalidStatus) as refused:
        await stage.socket()
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "nothing",
        '{"type": "alive", "id": 1}',
        "[1]",
        '["alive"]',
        "[{}]",
        '[{"type": 1}]',
        '[{"type": "alive"}]',
        '[{"type": "alive", "id": "one"}]',
        '[{"type": "alive", "id": true}]',
        '[{"type": "complete", "kind": "workflow", "task_id": "t"}]',
        "[" * 200 + "]" * 200,
        '[{"type": "alive", "id": 1, "held": ' + "[" * 200 + "]" * 200 + "}]",
    ],
)
async def test_what_is_no_array_of_messages_closes_with_1007(stage: Any, frame: str) -> None:
    peer = await stage.peer()
    await peer.socket.send(frame)
    assert await peer.ended() == 1007
    # Nothing of the worker is lost but the connection.
    again = await stage.peer(register=False)
    await stage.start()
    await again.task()


async def test_a_binary_frame_closes_with_1003(stage: Any) -> None:
    peer = await stage.peer()
    await peer.socket.send(b"[]")
    assert await peer.ended() == 1003


async def test_an_unknown_message_is_refused_and_changes_nothing(stage: Any) -> None:
    peer = await stage.peer()
    await peer.send(
        {"type": "dance", "id": 7},
        {"type": "dance"},
        {"type": "hello"},
        {"type": "complete", "id": 8, "kind": "dance", "task_id": "t", "attempt": 1},
        {"type": "complete", "id": 9, "kind": "workflow", "attempt": 1},
        {"type": "complete", "id": 10, "kind": "workflow", "task_id": "t", "attempt": [1]},
        {"type": "fail", "id": 11, "kind": "activity", "task_id": "t", "attempt": {"a": 1}},
        {"type": "fail", "id": 12, "kind": {"a": 1}, "task_id": "t", "attempt": 1},
        {"type": "heartbeat", "id": 13, "kind": ["workflow"], "task_id": "t", "attempt": 1},
        {"type": "heartbeat", "id": 14, "kind": "query", "task_id": "t", "attempt": 1},
    )
    refused = [await peer.next("refused") for _ in range(10)]
    assert [(each["id"], each["status"]) for each in refused] == [
        (7, 400),
        (None, 400),
        (None, 400),
        (8, 422),
        (9, 422),
        (10, 422),
        (11, 422),
        (12, 422),
        (13, 422),
        (14, 422),
    ]
    await stage.start()
    await peer.task()


async def test_messages_up_to_the_limit_of_bodies_are_taken_and_larger_ones_refused(
    stage: Any,
) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    limit = stage.server.settings.wire.max_payload_bytes
    report: Json = {
        "type": "fail",
        "id": 1,
        "kind": "workflow",
        "task_id": task["task_id"],
        "attempt": 1,
        "failure": {"message": ""},
    }
    room = limit - len(json.dumps(report))

    await peer.send({**report, "failure": {"message": "x" * (room + 1)}})
    refused = await peer.next("refused")
    assert (refused["id"], refused["status"]) == (1, 413)
    assert refused["body"]["limit"] == limit

    await peer.send({**report, "failure": {"message": "x" * room}})
    await peer.acknowledged(1)


async def test_a_frame_over_the_limit_of_frames_ends_the_connection(stage: Any) -> None:
    peer = await stage.peer()
    with contextlib.suppress(ConnectionClosed):  # it may be closed before all is sent
        await peer.socket.send("[" + " " * (5 * 1024 * 1024) + "]")
    assert await peer.ended() == 1009


@pytest.mark.parametrize("text", ["x" * 300_000, "\u00e9" * 300_000, "\U0001f642" + "x" * 300_000])
async def test_a_large_text_arrives_as_it_is_in_whatever_letters(stage: Any, text: str) -> None:
    peer = await stage.peer()
    await stage.start()
    result = {"codec": "json", "blob": json.dumps(text, ensure_ascii=False)}
    message: dict[str, Any] = {"type": "complete", "id": 1, "kind": "workflow", "attempt": 1}
    message["task_id"] = (await peer.task())["task_id"]
    message["commands"] = [{"type": "complete_workflow", "result": result}]
    whole = json.dumps([message], ensure_ascii=False)
    at = len(whole) // 2
    await peer.socket.send([whole[:at], whole[at:]])
    await peer.acknowledged(1)
    assert (await stage.get("/workflows/wf"))["output"] == text


async def test_many_messages_of_one_frame_are_done_in_order(stage: Any) -> None:
    peer = await stage.peer(slots={"workflow": 50})
    for number in range(50):
        await stage.start(f"wf-{number}")
    tasks = [await peer.task() for _ in range(50)]
    await peer.send(
        *[
            {
                "type": "complete",
                "id": number,
                "kind": "workflow",
                "task_id": task["task_id"],
                "attempt": 1,
                "commands": [{"type": "complete_workflow"}],
            }
            for number, task in enumerate(tasks)
        ]
    )
    acknowledged: list[int] = []
    while len(acknowledged) < 50:
        acknowledged += (await peer.next("acks"))["ids"]
    assert acknowledged == list(range(50))
