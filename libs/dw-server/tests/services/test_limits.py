"""Limits: of a completion, and of a history."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from durable_workflow.server.refusals import Refused


@pytest.mark.parametrize(
    ("limit", "kind", "what"),
    [
        ("pending_activities", "pending_activity_count", "activity"),
        ("pending_timers", "pending_timer_count", "timer"),
        ("pending_children", "pending_child_count", "child"),
        ("command_batch_size", "command_batch_size", "side_effect"),
        ("events_per_transaction", "history_transaction_size", "side_effect"),
    ],
)
async def test_a_completion_over_a_limit_is_refused_as_a_whole(
    server: Any, commands: Any, limit: str, kind: str, what: str
) -> None:
    server.limit(**{limit: 2})
    await server.start()
    task = await server.task()
    with pytest.raises(Refused) as error:
        await server.complete(task, *[getattr(commands, what)() for _ in range(3)])
    assert error.value.reason == "structural_limit_exceeded"
    assert error.value.extra["limit_kind"] == kind
    assert error.value.extra["configured_limit"] == 2
    assert error.value.extra["current_value"] == 3
    assert await server.types() == ["StartAccepted", "WorkflowStarted"]
    answer = await server.complete(task, *[getattr(commands, what)() for _ in range(2)])
    assert answer.reason is None


async def test_a_payload_over_the_limit_is_refused(server: Any, commands: Any) -> None:
    server.limit(payload_bytes=50)
    await server.start()
    with pytest.raises(Refused) as error:
        await server.complete(await server.task(), commands.done("1" * 60))
    assert error.value.extra["limit_kind"] == "payload_size"


async def test_a_reference_counts_as_a_payload(server: Any) -> None:
    server.limit(payload_bytes=50)
    await server.start()
    stored = {
        "schema": "durable-workflow.v2.external-payload-reference.v1",
        "uri": "file:///" + "x" * 60,
        "sha256": "9f" * 32,
        "size_bytes": 1_048_577,
        "codec": "json",
    }
    reference = {"codec": "json", "external_storage": stored}
    with pytest.raises(Refused) as error:
        await server.complete(
            await server.task(), {"type": "complete_workflow", "result": reference}
        )
    assert error.value.extra["limit_kind"] == "payload_size"


@pytest.mark.parametrize("name", ["message", "exception_type", "exception_class"])
async def test_prose_is_bounded_as_payloads_are(server: Any, commands: Any, name: str) -> None:
    server.limit(payload_bytes=400)
    await server.start()
    task = await server.task()
    with pytest.raises(Refused) as error:
        await server.complete(task, {**commands.failed("m"), name: "é" * 201})
    assert list(error.value.extra["errors"]) == [f"commands.0.{name}"]
    answer = await server.complete(task, {**commands.failed("m"), name: "é" * 200})
    assert answer.reason is None


async def test_of_too_many_commands_none_is_read(server: Any) -> None:
    server.limit(command_batch_size=2)
    await server.start()
    with pytest.raises(Refused) as error:
        await server.complete(await server.task(), {}, {}, {})
    assert error.value.reason == "structural_limit_exceeded"


async def test_attributes_over_the_limit_are_refused(server: Any) -> None:
    server.limit(search_attribute_bytes=50)
    await server.start()
    upsert = {"type": "upsert_search_attributes", "attributes": {"a": "x" * 60}}
    with pytest.raises(Refused) as error:
        await server.complete(await server.task(), upsert)
    assert error.value.extra["limit_kind"] == "search_attribute_size"


async def test_a_long_history_is_pointed_out_once(
    server: Any, commands: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.limit(history_hint_events=5)
    await server.start()
    assert (await server.task())["continue_as_new_recommended"] is False
    await server.pass_time(31)
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            await server.decide(commands.timer(1))
            await server.pass_time(1)
    task = await server.task()
    assert task["continue_as_new_recommended"] is True
    assert sum("continue as new" in record.message for record in caplog.records) == 1


async def test_coming_near_a_limit_is_logged_once(
    server: Any, commands: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.limit(pending_signals=5)
    await server.start()
    await server.decide(commands.activity())
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            await server.signal()
    near = [record.message for record in caplog.records if "pending_signal_count" in record.message]
    assert len(near) == 1
    assert "is 4, the limit is 5" in near[0]


@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        ({"history_events": 8}, "history_event_count"),
        ({"history_bytes": 3000}, "history_size_bytes"),
    ],
)
async def test_a_history_past_the_limit_fails_the_run(
    server: Any, commands: Any, limits: dict[str, int], kind: str
) -> None:
    server.limit(**limits)
    await server.start()
    for _ in range(20):
        if (await server.describe())["is_terminal"]:
            break
        await server.decide(commands.timer(1), commands.activity())
        await server.pass_time(1)
        activity = await server.poll_activity()
        if activity is not None:
            await server.complete_activity(activity)
    described = await server.describe()
    assert described["status"] == "failed"
    assert described["failure"]["reason"] == "history_limit_exceeded"
    last = (await server.events())[-1]
    assert last["event_type"] == "WorkflowFailed"
    assert last["payload"]["failure_category"] == "structural_limit"
    assert last["payload"]["structural_limit_kind"] == kind
