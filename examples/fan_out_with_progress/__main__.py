"""Make the thumbnails of an album, and watch it: python -m fan_out_with_progress [ALBUM]"""

import asyncio
import os
import sys

from durable_workflow import Client, QueryFailed
from durable_workflow.client import WorkflowHandle

from .workflows import Progress

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")
PHOTOS = [f"photo-{number:02}" for number in range(1, 25)]
DAY = 24 * 3600


async def progress_of(handle: WorkflowHandle) -> str | None:
    """How far the workflow is; None while no worker is there to say it."""
    try:
        progress: Progress = await handle.query("progress")
    except QueryFailed:
        return None
    return f"{progress['done']} of {progress['total']}"


async def watch(handle: WorkflowHandle) -> list[str]:
    """Print the progress each time it has moved, and return the result of the workflow."""
    result: asyncio.Task[list[str]] = asyncio.create_task(handle.result(timeout=DAY))
    shown = None
    over = False
    while not over:
        over = result.done()  # before the query, so that the last one sees all that was done
        progress = await progress_of(handle)
        if progress not in (None, shown):
            print(progress, flush=True)
            shown = progress
        await asyncio.wait({result}, timeout=0.1)
    return await result


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
        thumbnails = await watch(handle)
        print(f"{album}: {len(thumbnails)} thumbnails, {thumbnails[0]} to {thumbnails[-1]}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["holiday"]))
