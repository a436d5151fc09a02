"""What a worker fleet may do with dw-worker."""

from durable_workflow import Worker, activity
from durable_workflow._meet import WorkerClient


@activity.defn(name="double")
def double(number: int) -> int:
    return 2 * number


async def serve(client: WorkerClient) -> None:
    worker = Worker(client, task_queue="default", activities=[double])
    await worker.run()
