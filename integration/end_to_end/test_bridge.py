"""Events over the bridge: each is carried out once, or its sender is told why not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from durable_workflow import BridgeAdapterOutcome, Client
from durable_workflow.errors import Unauthorized
from integration.end_to_end.conftest import QUEUE
from integration.harness.histories import types
from integration.harness.processes import ServerProcess, worker_process


async def send(
    client: Client, action: str, key: str, *arguments: Any, adapter: str = "shop", **target: Any
) -> BridgeAdapterOutcome:
    return await client.send_webhook_bridge_event(
        adapter,
        action=action,
        idempotency_key=key,
        target=target,
        input={str(number): value for number, value in enumerate(arguments)},
        correlation={"event": key},
    )


def told(outcome: BridgeAdapterOutcome) -> tuple[str, str | None, str | None]:
    return outcome.outcome, outcome.reason, outcome.control_plane_outcome


async def events_of(client: Client, outcome: BridgeAdapterOutcome) -> list[dict[str, Any]]:
    assert outcome.workflow_id is not None
    assert outcome.run_id is not None
    document = await client.get_history(outcome.workflow_id, outcome.run_id)
    events: list[dict[str, Any]] = document["events"]
    return events


async def test_event_starts_a_workflow_once(client: Client) -> None:
    target = {"workflow_type": "naps", "task_queue": QUEUE, "business_key": "order-9001"}
    first = await send(client, "start_workflow", "evt_77120", [3600], **target)
    assert told(first) == ("accepted", None, "started_new")
    assert first.accepted
    # The id of the example in the documents: made of adapter and key alone.
    assert first.workflow_id == "bridge-shop-36315543cbb62a79aa023ff3f6fa11e4"
    assert first.target == {**target, "workflow_id": first.workflow_id}
    assert first.correlation == {"event": "evt_77120"}

    again = await send(client, "start_workflow", "evt_77120", [3600], **target)
    assert told(again) == ("duplicate", "duplicate_start", "returned_existing_active")
    assert (again.accepted, again.run_id) == (False, first.run_id)
    only_new = {**target, "duplicate_policy": "reject_duplicate"}
    refused = await send(client, "start_workflow", "evt_77120", [3600], **only_new)
    assert told(refused) == ("rejected", "duplicate_start", "rejected_duplicate")
    elsewhere = await send(client, "start_workflow", "evt_77120", 0, adapter="till", **target)
    assert told(elsewhere) == ("accepted", None, "started_new")

    assert first.workflow_id is not None
    await client.cancel_workflow(first.workflow_id)
    closed = await send(client, "start_workflow", "evt_77120", [3600], **target)
    assert told(closed) == ("rejected", "duplicate_start", "rejected_duplicate")


async def test_events_that_come_at_once_start_one_workflow(client: Client) -> None:
    target = {"workflow_type": "naps", "task_queue": QUEUE}
    outcomes = await asyncio.gather(
        *[send(client, "start_workflow", "at-once", [3600], **target) for _ in range(10)]
    )
    assert sorted(each.outcome for each in outcomes) == ["accepted", *["duplicate"] * 9]
    assert len({each.run_id for each in outcomes}) == 1


async def test_event_signals_a_workflow_once(client: Client) -> None:
    handle = await client.start_workflow(
        workflow_type="naps", task_queue=QUEUE, workflow_id="bridge-signal", input=[3600]
    )
    target = {"workflow_id": handle.workflow_id, "signal_name": "go"}
    outcomes = await asyncio.gather(
        *[send(client, "signal_workflow", "s-1", "kim", **target) for _ in range(5)]
    )
    assert sorted(each.outcome for each in outcomes) == ["accepted", *["duplicate"] * 4]
    [first] = [each for each in outcomes if each.accepted]
    assert told(first) == ("accepted", None, "signal_received")
    again = next(each for each in outcomes if not each.accepted)
    assert told(again) == ("duplicate", None, "deduped_existing_command")
    assert again.run_id == handle.run_id
    # Another key, another adapter and another signal are other events.
    for other in [
        await send(client, "signal_workflow", "s-2", "kim", **target),
        await send(client, "signal_workflow", "s-1", "kim", adapter="till", **target),
        await send(client, "signal_workflow", "s-1", "kim", **{**target, "signal_name": "stop"}),
    ]:
        assert told(other) == ("accepted", None, "signal_received")
    events = await events_of(client, first)
    signals = [each["payload"] for each in events if each["event_type"] == "SignalReceived"]
    assert [each["signal_name"] for each in signals] == ["go", "go", "go", "stop"]

    await handle.cancel()
    closed = await send(client, "signal_workflow", "s-3", **target)
    assert told(closed) == ("rejected", "run_not_active", "rejected_not_active")
    known = await send(client, "signal_workflow", "s-1", "kim", **target)
    assert told(known) == ("duplicate", None, "deduped_existing_command")


async def test_event_updates_a_workflow_once(server: ServerProcess) -> None:
    with worker_process(server.url, "integration.end_to_end.bridged", task_queue=QUEUE):
        async with Client(server.url) as client:
            handle = await client.start_workflow(
                workflow_type="till", task_queue=QUEUE, workflow_id="bridge-update"
            )
            target = {"workflow_id": handle.workflow_id, "update_name": "add"}
            first = await send(client, "update_workflow", "u-1", 5, **target, wait_for="completed")
            assert told(first) == ("accepted", None, "update_completed")
            again = await send(client, "update_workflow", "u-1", 5, **target, wait_for="completed")
            assert told(again) == ("duplicate", None, "deduped_existing_command")
            assert again.run_id == handle.run_id
            accepted = await send(client, "update_workflow", "u-2", 7, **target)
            assert told(accepted) == ("accepted", None, "update_accepted")
            refused = await send(client, "update_workflow", "u-3", -1, **target)
            assert told(refused) == ("rejected", "update_rejected", "update_rejected")
            unknown = await send(
                client, "update_workflow", "u-4", **{**target, "update_name": "dance"}
            )
            assert told(unknown) == ("rejected", "unknown_update", "rejected_unknown_update")
            failed = await send(
                client, "update_workflow", "u-5", 13, **target, wait_for="completed"
            )
            assert told(failed) == ("accepted", "update_failed", "update_failed")
            assert await handle.query("total") == 12


async def test_event_is_a_duplicate_after_the_server_was_killed(server: ServerProcess) -> None:
    async with Client(server.url) as client:
        start = {"workflow_type": "naps", "task_queue": QUEUE}
        first = await send(client, "start_workflow", "k-1", [3600], **start)
        assert first.workflow_id is not None
        target = {"workflow_id": first.workflow_id, "signal_name": "go"}
        await send(client, "signal_workflow", "k-2", **target)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        started = await send(client, "start_workflow", "k-1", [3600], **start)
        signalled = await send(client, "signal_workflow", "k-2", **target)
        assert (started.outcome, signalled.outcome) == ("duplicate", "duplicate")
        assert types(await events_of(client, first)).count("SignalReceived") == 1


async def test_rejections_are_returned_and_not_raised(client: Client) -> None:
    known = {"workflow_id": "nope", "signal_name": "go"}
    unknown = await send(client, "signal_workflow", "r-1", **known)
    assert (unknown.outcome, unknown.reason, unknown.target) == (
        *("rejected", "unknown_target"),
        known,
    )
    action = await send(client, "handoff_external_task", "r-2", **known)
    assert action.reason == "unsupported_action"
    routing = await send(client, "signal_workflow", "r-3", adapter="a b", **known)
    assert routing.reason == "unsupported_routing"
    assert routing.raw is not None
    assert "errors" not in routing.raw
    malformed = await send(client, "start_workflow", "r-4", workflow_type=5)
    assert malformed.reason == "malformed_payload"
    assert malformed.raw is not None
    assert list(malformed.raw["errors"]) == ["target.workflow_type"]
    alone = await client.start_activity(activity_type="nobody_runs_this", task_queue="nobody")
    activity = await send(
        client, "signal_workflow", "r-5", workflow_id=alone.activity_id, signal_name="go"
    )
    assert told(activity) == ("rejected", "unknown_signal", "rejected_unknown_signal")


async def test_large_input_is_rejected(tmp_path_factory: pytest.TempPathFactory) -> None:
    db = tmp_path_factory.mktemp("small") / "state.db"
    environment = {"DW_LIMIT_PAYLOAD_BYTES": "1000"}
    with ServerProcess(db, environment=environment, token="t") as server:
        async with Client(server.url, token="t") as client:
            target = {"workflow_type": "naps", "task_queue": QUEUE}
            outcome = await send(client, "start_workflow", "big", "x" * 2000, **target)
            assert (outcome.outcome, outcome.reason) == ("rejected", "payload_too_large")
        async with Client(server.url, token="wrong") as stranger:
            with pytest.raises(Unauthorized):
                await send(stranger, "start_workflow", "mine", **target)
