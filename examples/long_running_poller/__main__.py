"""Wait for a file, for days if need be: python -m long_running_poller PATH"""

import asyncio
import os
import sys
from pathlib import Path

from durable_workflow import Client
from durable_workflow.client import WorkflowHandle

from .workflows import Found

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")


async def longest_history(client: Client, handle: WorkflowHandle) -> tuple[int, int]:
    """How many runs the workflow took, and how many events the longest history has."""
    runs = (await handle.list_runs()).runs
    histories = [await client.get_history(handle.workflow_id, run.run_id) for run in runs]
    return len(runs), max(len(history["events"]) for history in histories)


async def main(file: Path) -> None:
    """Start the workflow, or find it if it was started before, and wait for its result."""
    async with Client(URL) as client:
        handle = await client.start_workflow(
            workflow_type="wait-for-file",
            task_queue="files",
            workflow_id=f"wait-for-{file.name}",
            input=[str(file)],
            duplicate_policy="use-existing",
        )
        print(f"waiting for {file.name}", flush=True)
        found: Found = await handle.result(timeout=24 * 3600, result_type=Found)
        runs, events = await longest_history(client, handle)
        print(f"{file.name} has {found['size']} bytes: {found['polls']} polls in {runs} runs,")
        print(f"and no history is longer than {events} events")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1]).resolve()))
