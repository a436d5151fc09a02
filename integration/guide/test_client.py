# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg"
# pyright: basic
"""The user guide's chapters on the client, payload storage, errors and the blocking client."""

import io
import uuid
from pathlib import Path

import pytest

from durable_workflow import (
    Client,
    ExternalPayloadCache,
    ExternalPayloadReference,
    LocalFilesystemExternalStorage,
    WorkflowAlreadyStarted,
    WorkflowNotFound,
    external_storage_envelope,
    to_avro_payload_value,
)
from durable_workflow.errors import ServerError
from durable_workflow.external_storage import (
    external_storage_driver_from_policy,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.sync import Client as SyncClient
from integration.harness.processes import ServerProcess


async def test_a_client_is_an_async_context(url: str, token: str) -> None:
    async with Client(
        url,
        token=token,
        namespace="default",
        timeout=60.0,
    ) as client:
        info = await client.get_cluster_info()

    assert info["control_plane"]["version"] == "2"


def test_a_large_payload_is_stored_outside(tmp_path: Path) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path / "payloads")
    cache = ExternalPayloadCache(max_entries=256, max_bytes=32 * 1024 * 1024)

    payload = to_avro_payload_value({"invoice_pdf": "x" * 1_000_000})
    envelope = external_storage_envelope(
        payload,
        external_storage=storage,
        threshold_bytes=64 * 1024,
    )

    reference = store_external_payload(storage, b'{"archived":true}', codec="json")
    payload_bytes = fetch_external_payload(storage, reference, cache=cache)

    assert payload_bytes == b'{"archived":true}'
    assert "blob" not in envelope
    assert envelope["external_storage"]["size_bytes"] > 1_000_000


REFERENCE = {
    "schema": "durable-workflow.v2.external-payload-reference.v1",
    "uri": "s3://dw-payloads/billing/run-001/input.json",
    "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "size_bytes": 1048576,
    "codec": "json",
    "expires_at": "2026-05-22T00:00:00Z",
}


def test_a_reference_is_read_from_its_wire_form() -> None:
    reference = ExternalPayloadReference.from_dict(REFERENCE)
    assert reference.uri == "s3://dw-payloads/billing/run-001/input.json"
    assert reference.size_bytes == 1048576
    assert reference.to_dict() == REFERENCE
    with pytest.raises(ValueError, match="schema"):
        ExternalPayloadReference.from_dict({**REFERENCE, "schema": "another"})


class Buckets:
    """What the driver calls of an S3 client, with objects in memory."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **metadata: object) -> None:
        self.objects[Bucket, Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict:
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        del self.objects[Bucket, Key]


async def test_a_driver_is_made_from_the_policy_of_a_namespace(client: Client) -> None:
    application_owned_s3_client = Buckets()
    await client.create_namespace("billing")
    with pytest.raises(ValueError, match="policy"):
        external_storage_driver_from_policy(
            (await client.describe_namespace("billing")).external_payload_storage
        )
    await client.set_namespace_external_storage(
        "billing", driver="s3", config={"bucket": "dw-payloads", "prefix": "billing"}
    )

    namespace = await client.describe_namespace("billing")
    driver = external_storage_driver_from_policy(
        namespace.external_payload_storage,
        s3_client=application_owned_s3_client,
    )

    reference = store_external_payload(driver, b"kept", codec="json")
    assert reference.uri.startswith("s3://dw-payloads/billing/")
    assert fetch_external_payload(driver, reference) == b"kept"
    assert list(application_owned_s3_client.objects.values()) == [b"kept"]


async def test_the_history_of_a_leased_task_comes_in_pages(tmp_path: Path) -> None:
    pages = {"DW_HISTORY_PAGE_SIZE_DEFAULT": "1"}
    with ServerProcess(tmp_path / "state.db", environment=pages) as server:
        async with Client(server.url) as client:
            await client.register_worker(
                worker_id="python-worker-1", task_queue="default", supported_workflow_types=["any"]
            )
            await client.start_workflow(workflow_type="any", task_queue="default")
            task = await client.poll_workflow_task(
                worker_id="python-worker-1", task_queue="default"
            )
            page = await client.workflow_task_history(
                task_id=task["task_id"],
                next_history_page_token=task["next_history_page_token"],
                lease_owner=task["lease_owner"],
                workflow_task_attempt=task["workflow_task_attempt"],
            )
            assert len(task["history_events"]) == len(page["history_events"]) == 1
            assert page["total_history_events"] == task["total_history_events"]

            with pytest.raises(ServerError, match="task_not_found"):
                page = await client.workflow_task_history(
                    task_id="workflow-task-01",
                    next_history_page_token="history-page-2",
                    lease_owner="python-worker-1",
                    workflow_task_attempt=2,
                )


async def test_an_id_in_use_gives_its_handle(client: Client) -> None:
    handles = []
    for _ in range(2):
        try:
            handle = await client.start_workflow(
                workflow_type="greeter",
                task_queue="default",
                workflow_id="existing-id",
                input=["world"],
            )
        except WorkflowAlreadyStarted:
            handle = client.get_workflow_handle("existing-id")
        except WorkflowNotFound:
            print("Workflow type not registered on any worker")
        handles.append(handle)
    first, second = handles
    assert first.run_id is not None
    assert second.run_id is None
    assert (await second.describe()).run_id == first.run_id
    await first.terminate()


def test_the_blocking_client(url: str, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = SyncClient(url, token=token)

    handle = client.start_workflow(
        workflow_type="greeter",
        task_queue="default",
        workflow_id="sync-greeting-1",
        input=["world"],
    )

    execution = client.describe_workflow("sync-greeting-1")
    print(execution.status)

    assert capsys.readouterr().out == "pending\n"
    handle.terminate()
    client.close()


async def test_each_plane_has_a_token_and_a_namespace(tmp_path: Path) -> None:
    tokens = {
        "DW_OPERATOR_TOKEN": "team-orders-operator-token",
        "DW_WORKER_TOKEN": "team-orders-worker-token",
    }
    with ServerProcess(tmp_path / "state.db", token="admin", environment=tokens) as server:
        url = server.url
        async with Client(url, token="admin") as admin:
            await admin.create_namespace("team-orders")
        client = Client(
            url,
            control_token="team-orders-operator-token",
            worker_token="team-orders-worker-token",
            namespace="team-orders",
        )
        async with client:
            handle = await client.start_workflow(
                workflow_type="any", task_queue="default", workflow_id=uuid.uuid4().hex
            )
            await client.register_worker(
                worker_id="w", task_queue="default", supported_workflow_types=["any"]
            )
            task = await client.poll_workflow_task(worker_id="w", task_queue="default")
            assert task["workflow_id"] == handle.workflow_id
