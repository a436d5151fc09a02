"""Running workers, and a server of one's own."""

from pathlib import Path
from typing import assert_type

from durable_workflow import Client, Worker, activity, workflow
from durable_workflow.server import embedded_server


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@workflow.defn(name="silent")
class Silent:
    def run(self) -> None:
        return None


async def serve(client: Client) -> None:
    worker = Worker(
        client,
        task_queue="default",
        workflows=[Silent],
        activities=[greet],
        max_concurrent_workflow_tasks=10,
        shutdown_timeout=30.0,
    )
    assert_type(worker.task_queue, str)
    assert_type(worker.worker_id, str)
    await worker.run()
    await worker.stop()


async def embed() -> None:
    async with embedded_server() as url:
        assert_type(url, str)
    async with embedded_server(db=Path("state.db"), port=0, token="secret") as url:
        assert_type(url, str)
