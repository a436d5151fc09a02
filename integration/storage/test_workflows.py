"""Workflows with large payloads, from the client through server and worker to the store."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.errors import InvalidArgument, ServerError, WorkflowNotFound
from durable_workflow.external_storage import ExternalStorageDriver
from durable_workflow.retry_policy import TransportRetryPolicy
from durable_workflow.workflow import WorkflowContext
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually
from integration.storage.stores import PLACE, Store

QUEUE = "large"
THRESHOLD = 1000
Steps = Generator[Any, Any, Any]


def large(letter: str) -> str:
    return letter * 20_000


@activity.defn(name="large-result")
async def result_of(text: str) -> str:
    return text.upper()


@workflow.defn(name="large-values")
class LargeValues:
    """Is given a large value in each way, and gives large ones back."""

    def __init__(self) -> None:
        self.signalled: list[str] = []
        self.updated: list[str] = []

    def run(self, ctx: WorkflowContext, given: str) -> Steps:
        of_activity = yield ctx.schedule_activity("large-result", [given])
        yield ctx.wait_condition(lambda: bool(self.signalled and self.updated), key="both")
        return [given, of_activity, *self.signalled, *self.updated]

    @workflow.signal("tell")
    def tell(self, text: str) -> None:
        self.signalled.append(text)

    @workflow.update("give")
    def give(self, text: str) -> str:
        self.updated.append(text)
        return text.upper()

    @workflow.query("told")
    def told(self, suffix: str) -> str:
        return "".join(self.signalled) + suffix


class Watched:
    """A driver that counts what is read, and knows what it stored."""

    def __init__(self, storage: ExternalStorageDriver) -> None:
        self._storage = storage
        self._reads = 0
        self.stored: set[str] = set()

    async def times_read(self) -> int:
        return self._reads

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        uri = self._storage.put(data, sha256=sha256, codec=codec)
        self.stored.add(uri)
        return uri

    def get(self, uri: str) -> bytes:
        self._reads += 1
        return self._storage.get(uri)

    def delete(self, uri: str) -> None:
        self._storage.delete(uri)


@pytest.fixture
def server(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the credentials of the store."""
    state = tmp_path_factory.mktemp("server") / "state.db"
    with ServerProcess(state, environment=store.environment) as server:
        yield server


@pytest.fixture
async def client(server: ServerProcess, storage: ExternalStorageDriver) -> AsyncIterator[Client]:
    async with Client(
        server.url, external_storage=storage, external_storage_threshold_bytes=THRESHOLD
    ) as client:
        yield client


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"tests/{request.node.name}".replace("[", "-").replace("]", "")


@pytest.fixture
def storage(store: Store, prefix: str) -> ExternalStorageDriver:
    return store.open(prefix=prefix)


@asynccontextmanager
async def working(client: Client, storage: ExternalStorageDriver) -> AsyncGenerator[None]:
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[LargeValues],
        activities=[result_of],
        external_storage=storage,
        external_storage_threshold_bytes=THRESHOLD,
    )
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        await task


async def set_policy(client: Client, store: Store, prefix: str) -> None:
    config = {"bucket": PLACE, "prefix": prefix}
    await client.set_namespace_external_storage("default", driver=store.driver, config=config)


async def run_all(client: Client, workflow_id: str) -> str:
    """Run the workflow with every kind of large value; its run id."""
    handle = await client.start_workflow(
        workflow_type="large-values", task_queue=QUEUE, workflow_id=workflow_id, input=[large("i")]
    )
    await client.signal_workflow(workflow_id, "tell", args=[large("s")])
    asked = await client.query_workflow(workflow_id, "told", args=[large("q")])
    assert asked == large("s") + large("q")
    updated = await client.update_workflow(
        workflow_id, "give", args=[large("u")], wait_for="completed"
    )
    assert updated == large("U")
    output = await client.get_result(handle, timeout=60)
    assert output == [large("i"), large("I"), large("s"), large("u")]
    assert handle.run_id is not None
    return handle.run_id


def references_in(value: Any) -> set[str]:
    """The URIs of all references in a document."""
    return set(re.findall(r'"uri": "([^"]+)"', json.dumps(value)))


async def test_a_policy_is_probed_in_the_store(
    client: Client, store: Store, prefix: str, storage: ExternalStorageDriver
) -> None:
    await set_policy(client, store, prefix)
    told = await client.test_external_storage(small_payload_bytes=1, large_payload_bytes=1_000_000)
    assert (told.status, told.driver) == ("passed", store.driver)
    for payload in (told.small_payload, told.large_payload):
        assert payload is not None
        assert (payload.wrote, payload.read, payload.verified) == (True, True, True)
        assert payload.reference_uri is not None
        assert f"{PLACE}/{prefix}/storage-probe/" in payload.reference_uri
        with pytest.raises(FileNotFoundError):
            storage.get(payload.reference_uri)


async def test_a_probe_of_a_bucket_that_is_not_there_says_so(client: Client, store: Store) -> None:
    config = {"bucket": "elsewhere"}
    await client.set_namespace_external_storage("default", driver=store.driver, config=config)
    with pytest.raises(InvalidArgument, match="could not be kept") as refused:
        await client.test_external_storage()
    said = str(refused.value)
    assert said.endswith(". (storage_driver_unavailable)")


class Misleading:
    """A driver that says that it stored everything in a bucket that is not there."""

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        return f"s3://elsewhere/{codec}/{sha256[:2]}/{sha256}"

    def get(self, uri: str) -> bytes:
        raise FileNotFoundError(uri)

    def delete(self, uri: str) -> None:
        """Nothing is there."""


@pytest.mark.parametrize("store", ["s3"], indirect=True)
async def test_a_start_with_a_payload_of_such_a_bucket_is_told_the_providers_error(
    client: Client, store: Store
) -> None:
    config = {"bucket": "elsewhere"}
    await client.set_namespace_external_storage("default", driver=store.driver, config=config)
    async with Client(
        client.base_url,
        external_storage=Misleading(),
        external_storage_threshold_bytes=1,
        retry_policy=TransportRetryPolicy(max_attempts=1),
    ) as misled:
        with pytest.raises(ServerError, match="NoSuchBucket") as refused:
            await misled.start_workflow(
                workflow_type="t", workflow_id="misled", task_queue="q", input=["x"]
            )
    assert refused.value.reason() == "external_payload_unavailable"
    with pytest.raises(WorkflowNotFound):
        await client.describe_workflow("misled")


async def test_every_large_value_goes_through_the_store_and_with_its_run(
    client: Client, store: Store, prefix: str, storage: ExternalStorageDriver
) -> None:
    await set_policy(client, store, prefix)
    watched = Watched(storage)
    async with working(client, watched):
        run_id = await run_all(client, "all-large")
        # The activity's argument and result, the results of query and update, and the output.
        assert len(watched.stored) == 5
        history = await client.get_history("all-large", run_id)
        text = json.dumps(history)
        assert len(text) < 20_000, "a large value stands in the history"
        kept = references_in(history)
        # Of the input, the activity's argument and result, the signal, the update and its result,
        # and the output; equal bytes are one object.
        assert len(kept) >= 6
        assert all(storage.get(uri) for uri in kept)
    told = await client.retention_pass(run_ids=[run_id])
    [row] = told["results"]
    assert row["outcome"] == "pruned"
    assert row["external_payloads_deleted"] >= len(kept)
    for uri in kept:
        with pytest.raises(FileNotFoundError):
            storage.get(uri)


async def test_another_worker_replays_what_is_in_the_store(
    client: Client, store: Store, prefix: str, storage: ExternalStorageDriver
) -> None:
    await set_policy(client, store, prefix)
    async with working(client, storage):
        handle = await client.start_workflow(
            workflow_type="large-values", task_queue=QUEUE, workflow_id="moves", input=[large("i")]
        )
        await client.signal_workflow("moves", "tell", args=[large("s")])
        asked = await client.query_workflow("moves", "told", args=["!"])
        assert asked == large("s") + "!"
    async with working(client, storage):
        await client.update_workflow("moves", "give", args=[large("u")], wait_for="completed")
        output = await client.get_result(handle, timeout=60)
    assert output == [large("i"), large("I"), large("s"), large("u")]


async def test_a_payload_that_is_changed_is_refused_by_the_server(
    client: Client, store: Store, prefix: str, storage: ExternalStorageDriver
) -> None:
    await set_policy(client, store, prefix)

    class Tampered:
        """Stores, and has somebody else change the object."""

        def put(self, data: bytes, *, sha256: str, codec: str) -> str:
            uri = storage.put(data, sha256=sha256, codec=codec)
            store.overwrite(uri, bytes([data[0] ^ 1]) + data[1:])
            return uri

        def get(self, uri: str) -> bytes:
            return storage.get(uri)

        def delete(self, uri: str) -> None:
            storage.delete(uri)

    async with Client(
        str(client.base_url),
        external_storage=Tampered(),
        external_storage_threshold_bytes=THRESHOLD,
    ) as tampering:
        with pytest.raises(InvalidArgument, match="hash does not match"):
            await tampering.start_workflow(
                workflow_type="large-values",
                task_queue=QUEUE,
                workflow_id="tampered",
                input=[large("i")],
            )


async def test_a_changed_payload_fails_the_task_and_not_the_workflow(
    client: Client, store: Store, storage: ExternalStorageDriver
) -> None:
    handle = await client.start_workflow(
        workflow_type="large-values", task_queue=QUEUE, workflow_id="spoiled", input=[large("i")]
    )
    assert handle.run_id is not None
    [uri] = references_in(await client.get_history("spoiled", handle.run_id))
    data = storage.get(uri)
    store.overwrite(uri, bytes([data[0] ^ 1]) + data[1:])
    watched = Watched(storage)
    async with working(client, watched):
        await eventually(watched.times_read, lambda times: times >= 1)
        store.overwrite(uri, data)
        await client.signal_workflow("spoiled", "tell", args=["s"])
        await client.update_workflow("spoiled", "give", args=["u"], wait_for="accepted")
        output = await client.get_result(handle, timeout=60)
    assert output == [large("i"), large("I"), "s", "u"]
