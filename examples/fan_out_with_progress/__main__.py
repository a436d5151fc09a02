"""Make the thumbnails of an album, and watch it: python -m fan_out_with_progress [ALBUM]"""

import asyncio
import os
import sys

from durable_workflow import Client, QueryFailed
from durable_workflow.client import WorkflowHandle

from .workflows import Progress

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")
PHOTOS = [f"photo-{number:02}" for number in range(1, 25)]


async def watch(handle: WorkflowHandle) -> None:
    """Print the progress each time it has moved, until all is done."""
    last = None
    while True:
        try:
            progress: Progress = await handle.query("progress")
        except QueryFailed:
            continue  # no worker answered in time: the workflow is safe, its progress unknown
        if progress != last:
            print(f"{progress['done']} of {progress['total']}", flush=True)
        if progress["total"] and progress["done"] == progress["total"]:
            return
        last = progress
        await asyncio.sleep(0.1)


async def main(album: str) -> None:
    """Start the workflow of an album, or find it if it was started before."""
    async with Client(URL) as client:
        handle = await client.start_workflow(
            workflow_type="make-thumbnails",
            task_queue="photos",
            workflow_id=f"album-{album}",
            input=[PHOTOS],
            duplicate_policy="use-existing",
        )
        await watch(handle)
        thumbnails = await handle.result(result_type=list[str])
        print(f"{album}: {len(thumbnails)} thumbnails, {thumbnails[0]} to {thumbnails[-1]}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["holiday"]))
