"""Send a large document through a workflow: python -m external_payloads"""

import asyncio
import json
import sys
from pathlib import Path

from durable_workflow import Client, ExternalPayloadIntegrityError
from durable_workflow.client import WorkflowHandle

from .storage import FOLDER, make_client

DOCUMENT = "All work and no play makes Jack a dull boy.\n" * 10_000


async def history_bytes(client: Client, handle: WorkflowHandle) -> int:
    """How large the history of a workflow is."""
    run = await handle.describe()
    history = await client.get_history(handle.workflow_id, run.run_id or "")
    return len(json.dumps(history))


def stored_bytes() -> list[int]:
    """The sizes of all payloads in the store, the largest first."""
    return sorted((f.stat().st_size for f in Path(FOLDER).rglob("*") if f.is_file()), reverse=True)


async def main() -> None:
    """Start the workflow, or find it if it was started before, and look at what it left."""
    async with make_client() as client:
        handle = await client.start_workflow(
            workflow_type="shout-document",
            task_queue="documents",
            workflow_id="document-1",
            input=[DOCUMENT],
            duplicate_policy="use-existing",
        )
        try:
            shouted: str = await handle.result()
        except ExternalPayloadIntegrityError as error:
            sys.exit(f"{handle.workflow_id}: {error}")
        print(f"sent {len(DOCUMENT)} characters, got {len(shouted)} back")
        print(f"in the store: {stored_bytes()} bytes")
        small = await history_bytes(client, handle) < 20_000
        print(f"in the history: {'less' if small else 'more'} than 20000 bytes")


if __name__ == "__main__":
    asyncio.run(main())
