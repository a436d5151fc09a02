"""Exported bundles pass the verifiers, and replay to the end that their runs had."""

import asyncio
import json
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import Client, Replayer, Worker, activity, workflow
from durable_workflow.errors import WorkflowNotFound
from durable_workflow.history_bundle_verify import verify_bundle
from durable_workflow.replay_verify import simulate_bundles
from durable_workflow.server import Settings, embedded_server
from durable_workflow.server.settings import ExportSettings
from durable_workflow.workflow import ActivityRetryPolicy, CompleteWorkflow, WorkflowContext
from integration.harness.waiting import eventually

Steps = Generator[Any, Any, Any]
KEY = "a-signing-key"
TOKEN = "very-secret-token"


@activity.defn(name="exports.charge")
async def charge(order: str) -> dict[str, Any]:
    await activity.context().heartbeat({"order": order, "share": 0.5})
    if activity.context().info.attempt_number == 1:
        raise RuntimeError(f"no connection with Bearer {TOKEN}")
    return {"order": order, "price": 1e22}


@workflow.defn(name="exports.child")
class Child:
    def run(self, ctx: WorkflowContext, name: str) -> Steps:
        yield ctx.sleep(0)
        return f"paid by {name}"


@workflow.defn(name="exports.order")
class Order:
    """One step of each kind."""

    def __init__(self) -> None:
        self.approved: str | None = None
        self.notes: list[str] = []

    @workflow.signal("approve")
    def approve(self, who: str) -> None:
        self.approved = who

    @workflow.update("note")
    def note(self, text: str) -> int:
        self.notes.append(text)
        return len(self.notes)

    def run(self, ctx: WorkflowContext, order: str) -> Steps:
        charged = yield ctx.schedule_activity(
            "exports.charge",
            [order],
            retry_policy=ActivityRetryPolicy(max_attempts=3, initial_interval_seconds=1),
        )
        yield ctx.start_timer(0)
        payer = yield ctx.start_child_workflow("exports.child", ["Zoë"])
        number = yield ctx.side_effect(lambda: 7)
        version = yield ctx.get_version("greeting", 1, 2)
        yield ctx.upsert_search_attributes({"Order": order})
        yield ctx.wait_condition(
            lambda: self.approved is not None and bool(self.notes),
            key="approved",
            timeout=3600,
        )
        return [charged, payer, number, version, self.approved, self.notes]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    settings = Settings(db=":memory:", export=ExportSettings(signing_key=KEY, signing_key_id="k1"))
    async with (
        embedded_server(token=TOKEN, settings=settings) as url,
        Client(url, token=TOKEN) as client,
    ):
        yield client


async def run_order(client: Client) -> tuple[str, dict[str, Any], Any]:
    """Run an order to its end; its run id, the bundle while it was open, and its result."""
    worker = Worker(client, task_queue="q", workflows=[Order, Child], activities=[charge])
    working = asyncio.create_task(worker.run())
    try:
        handle = await client.start_workflow(
            workflow_type="exports.order", task_queue="q", workflow_id="order-1", input=["№ 1"]
        )
        run_id = str((await handle.describe()).run_id)
        open_bundle = await eventually(
            lambda: client.export_history("order-1", run_id),
            lambda bundle: bundle["summary"]["wait_kind"] == "condition",
        )
        await handle.signal("approve", ["Ada"])
        await handle.update("note", ["careful"])
        return run_id, open_bundle, await handle.result(timeout=30)
    finally:
        await worker.stop()
        await working


async def test_a_bundle_verifies_and_replays_to_the_result_of_its_run(
    client: Client, tmp_path: Path
) -> None:
    run_id, open_bundle, result = await run_order(client)
    assert open_bundle["history_complete"] is False
    [waiting] = [each for each in open_bundle["waits"] if each["status"] == "open"]
    assert (waiting["kind"], waiting["target_name"]) == ("condition", "approved")
    assert verify_bundle(open_bundle, KEY)["status"] == "ok"

    await client.archive_workflow("order-1", reason="kept for audit")
    bundle = await client.export_history("order-1", run_id)
    report = verify_bundle(bundle, KEY)
    assert (report["status"], report["findings"]) == ("ok", [])
    assert report["integrity"]["signature_verified"] is True
    assert bundle["integrity"]["key_id"] == "k1"
    last = Replayer(workflows=[Order, Child]).replay(bundle).commands[-1]
    assert isinstance(last, CompleteWorkflow)
    assert last.result == result
    (tmp_path / "bundle.json").write_text(json.dumps(bundle, ensure_ascii=False))
    assert simulate_bundles(tmp_path, signing_key=KEY).verdict == "ok"

    assert bundle["workflow"]["archive_reason"] == "kept for audit"
    [charged] = bundle["activities"]
    assert [each["status"] for each in charged["attempts"]] == ["failed", "completed"]
    assert all(each["lease_owner"] and each["closed_at"] for each in charged["attempts"])
    assert charged["last_heartbeat_progress"]["details"] == {"order": "№ 1", "share": 0.5}
    assert [each["status"] for each in bundle["signals"]] == ["received"]
    assert [each["status"] for each in bundle["updates"]] == ["completed"]
    assert {each["kind"] for each in bundle["waits"]} == {
        "activity",
        "timer",
        "child",
        "condition",
    }
    assert {each["status"] for each in bundle["waits"]} <= {"resolved", "cancelled"}
    assert [each["status"] for each in bundle["links"]["children"]] == ["completed"]
    assert {each["type"] for each in bundle["tasks"]} == {"workflow", "activity", "timer"}
    commands = {each["type"]: each for each in bundle["commands"]}
    assert commands["start"]["payload"] == bundle["payloads"]["arguments"]["data"]
    assert commands["signal"]["payload"] == bundle["signals"][0]["arguments"]
    paths = [each["path"] for each in bundle["payload_manifest"]["entries"]]
    assert paths[:3] == ["payloads.arguments.data", "payloads.output.data", "commands.0.payload"]


async def test_secrets_of_the_server_are_not_in_a_bundle(client: Client) -> None:
    run_id, _, _ = await run_order(client)
    bundle = await client.export_history("order-1", run_id)
    assert TOKEN not in json.dumps(bundle)
    redaction = bundle["redaction"]
    assert (redaction["applied"], redaction["policy"]) == (True, "server_secrets")
    [place] = [path for path in redaction["paths"] if path.endswith("payload.message")]
    _, index, *_ = place.split(".")
    event = bundle["history_events"][int(index)]
    assert event["payload"]["message"] == "no connection with Bearer [redacted]"
    assert verify_bundle(bundle, KEY)["status"] == "ok"


async def test_a_run_that_is_not_there_has_no_bundle(client: Client) -> None:
    with pytest.raises(WorkflowNotFound):
        await client.export_history("order-2", "01jth4q9x2m7v5c8w3k6z1y0rb")
