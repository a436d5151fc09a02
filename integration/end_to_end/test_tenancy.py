"""Namespaces, search attributes and lists, as a client uses them on a real server."""

from __future__ import annotations

import uuid

import pytest

from durable_workflow import Client
from durable_workflow.errors import InvalidArgument, NamespaceNotFound, ServerError
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire


async def test_a_namespace_is_used_and_deleted_with_all_it_has(server: ServerProcess) -> None:
    async with Client(server.url) as admin:
        made = await admin.create_namespace("Billing", description="Invoices", retention_days=7)
        assert (made.name, made.retention_days, made.status) == ("billing", 7, "active")
        async with Client(server.url, namespace="billing") as client:
            for number in range(3):
                await client.start_workflow(
                    workflow_type="flow", task_queue="q", workflow_id=f"wf-{number}"
                )
            assert len((await client.list_workflows()).executions) == 3
        assert (await admin.list_workflows()).executions == []
        names = [each.name for each in (await admin.list_namespaces()).namespaces]
        assert names == ["default", "billing"]

        updated = await admin.update_namespace("billing", retention_days=9)
        assert (updated.retention_days, updated.description) == (9, "Invoices")
        gone = await admin.delete_namespace("billing")
        assert gone.deleted is not None
        assert gone.deleted["workflow_runs"] == 3
        with pytest.raises(NamespaceNotFound):
            await admin.describe_namespace("billing")
        with pytest.raises(ServerError) as refused:
            await admin.delete_namespace("default")
        assert refused.value.reason() == "default_namespace_protected"


async def test_a_storage_policy_is_probed(server: ServerProcess) -> None:
    async with Client(server.url) as client:
        with pytest.raises(InvalidArgument):
            await client.test_external_storage()
        described = await client.set_namespace_external_storage("default", driver="local")
        policy = described.external_payload_storage
        assert policy is not None
        assert (policy.driver, policy.enabled, policy.threshold_bytes) == ("local", True, 65_536)
        result = await client.test_external_storage(small_payload_bytes=5)
        assert result.status == "passed"
        assert result.small_payload is not None
        assert (result.small_payload.bytes, result.small_payload.verified) == (5, True)


async def test_runs_are_found_by_their_attributes_page_by_page(server: ServerProcess) -> None:
    async with Client(server.url) as client:
        await client.create_search_attribute("Tier", "keyword")
        await client.create_search_attribute("Amount", "int")
        attributes = await client.list_search_attributes()
        assert attributes.custom_attributes == {"Amount": "int", "Tier": "keyword"}
        for number in range(5):
            await client.start_workflow(
                workflow_type="flow",
                task_queue="q",
                workflow_id=f"wf-{number}",
                search_attributes={
                    "Tier": "gold" if number % 2 == 0 else "basic",
                    "Amount": number,
                },
            )
        query = "Tier = 'gold' AND Amount BETWEEN 0 AND 4"
        seen: list[str] = []
        token: str | None = None
        while True:
            page = await client.list_workflows(query=query, page_size=2, next_page_token=token)
            seen += [each.workflow_id for each in page.executions]
            token = page.next_page_token
            if not token:
                break
        assert seen == ["wf-4", "wf-2", "wf-0"]

        with pytest.raises(InvalidArgument) as wrong:
            await client.list_workflows(query="Amount = 'many'")
        assert "position 10" in str(wrong.value)
        with pytest.raises(InvalidArgument):
            await client.start_workflow(
                workflow_type="flow",
                task_queue="q",
                workflow_id="x",
                search_attributes={"Amount": "many"},
            )


async def test_a_signal_that_is_repeated_is_told_once(server: ServerProcess) -> None:
    workflow_id = f"wf-{uuid.uuid4().hex}"
    async with Client(server.url) as client:
        handle = await client.start_workflow(
            workflow_type="flow", task_queue="q", workflow_id=workflow_id
        )
        with Wire(server.url) as wire:
            path = f"/api/workflows/{workflow_id}/signal/go"
            answers = [wire.send("POST", path, {"request_id": "once"}).need(202) for _ in range(2)]
        assert answers[0] == answers[1]
        assert handle.run_id is not None
        history = await client.get_history(workflow_id, handle.run_id)
        kinds = [event["event_type"] for event in history["events"]]
        assert kinds.count("SignalReceived") == 1
