"""Activities whose external storage cannot be reached for a moment."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from durable_workflow import Client, Worker, activity
from durable_workflow.errors import WorkflowFailed
from durable_workflow.external_storage import ExternalPayloadCache, LocalFilesystemExternalStorage
from durable_workflow.server import embedded_server

QUEUE = "outages"
LARGE = "x" * 5_000


class Away(LocalFilesystemExternalStorage):
    """Refuses as many calls as `refusals` says, and then works."""

    refusals = 0

    def _refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("the bucket is away")

    def get(self, uri: str) -> bytes:
        self._refuse()
        return super().get(uri)

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        self._refuse()
        return super().put(data, sha256=sha256, codec=codec)


@activity.defn(name="take")
async def take(text: str) -> int:
    return len(text)


@activity.defn(name="give")
async def give() -> str:
    return LARGE


@pytest.fixture
async def storage(tmp_path: Path) -> Away:
    return Away(tmp_path / "payloads")


@pytest.fixture
async def client(tmp_path: Path, storage: Away) -> AsyncIterator[Client]:
    """A client whose worker serves the queue with the storage that goes away."""
    own = LocalFilesystemExternalStorage(storage.root)
    async with (
        embedded_server() as url,
        Client(url, external_storage=own, external_storage_threshold_bytes=1000) as client,
    ):
        worker = Worker(
            client,
            task_queue=QUEUE,
            activities=[take, give],
            external_storage=storage,
            external_storage_cache=ExternalPayloadCache(),
        )
        running = asyncio.create_task(worker.run())
        yield client
        await worker.stop()
        await running


CASES = pytest.mark.parametrize(
    ("name", "arguments", "result", "what"),
    [
        ("take", [LARGE], 5_000, "cannot fetch activity arguments from external storage"),
        ("give", [], LARGE, "activity result cannot be stored"),
    ],
)


@CASES
async def test_another_attempt_finds_the_storage_again(
    client: Client, storage: Away, name: str, arguments: list[str], result: object, what: str
) -> None:
    storage.refusals = 1
    handle = await client.start_activity(
        activity_type=name,
        task_queue=QUEUE,
        input=arguments,
        retry_policy={"max_attempts": 2, "backoff_seconds": [0]},
    )
    assert await handle.result() == result
    assert (await handle.describe()).attempt_count == 2


@CASES
async def test_the_failure_says_what_the_storage_raised(
    client: Client, storage: Away, name: str, arguments: list[str], result: object, what: str
) -> None:
    storage.refusals = 1
    handle = await client.start_activity(activity_type=name, task_queue=QUEUE, input=arguments)
    with pytest.raises(WorkflowFailed, match=f"^{what}: the bucket is away$") as failed:
        await handle.result()
    assert failed.value.exception_class == "ConnectionError"
