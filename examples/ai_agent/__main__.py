"""Ask the agent, or decide what it may do: python -m ai_agent [approve | refuse]"""

import asyncio
import json
import os
import sys

from durable_workflow import Client, QueryFailed
from durable_workflow.client import WorkflowHandle

from .conversation import Conversation, Message, ToolCall

URL = os.environ.get("DURABLE_WORKFLOW_SERVER_URL", "http://127.0.0.1:8080")
WORKFLOW_ID = "conversation-with-kim"
DAY = 24 * 3600
REQUEST = "Please refund order 17, the lamp arrived broken."


def shown(call: ToolCall) -> str:
    return f"{call['tool']} {json.dumps(call['arguments'])}"


def show(message: Message) -> None:
    """Print one message."""
    said = [message["content"]] if message["content"] else []
    for text in [*said, *map(shown, message["calls"])]:
        print(f"{message['role']}: {text}", flush=True)


async def conversation_of(handle: WorkflowHandle) -> Conversation:
    """The conversation until now; an empty one while no worker is there to say it."""
    try:
        conversation: Conversation = await handle.query("conversation")
    except QueryFailed:
        return {"messages": [], "waits_for": None}
    return conversation


async def follow(handle: WorkflowHandle) -> None:
    """Print the conversation as it goes on, until the workflow has ended."""
    result: asyncio.Task[str] = asyncio.create_task(handle.result(timeout=7 * DAY))
    seen = 0
    asked = None
    over = False
    while not over:
        over = result.done()  # before the query, so that the last one sees all that was said
        conversation = await conversation_of(handle)
        for message in conversation["messages"][seen:]:
            show(message)
        seen = max(seen, len(conversation["messages"]))
        waits_for = conversation["waits_for"]
        if waits_for is not None and waits_for["id"] != asked:
            print(f"{waits_for['tool']} waits for: python -m ai_agent approve", flush=True)
            asked = waits_for["id"]
        await asyncio.wait({result}, timeout=0.1)
    await result  # raises if the workflow has failed


async def ask(client: Client) -> None:
    """Begin the conversation, or follow the one that is under way."""
    handle = await client.start_workflow(
        workflow_type="support-agent",
        task_queue="agents",
        workflow_id=WORKFLOW_ID,
        input=[REQUEST],
        duplicate_policy="use-existing",
    )
    await follow(handle)


async def decide(client: Client, *, approved: bool) -> None:
    """Decide about the call that waits."""
    handle = client.get_workflow_handle(WORKFLOW_ID)
    call = (await conversation_of(handle))["waits_for"]
    if call is None:
        print("nothing waits for a decision")
        return
    await handle.signal("decide", [call["id"], approved])
    print(f"{'approved' if approved else 'refused'}: {shown(call)}")


async def main(command: str = "ask") -> None:
    async with Client(URL) as client:
        match command:
            case "ask":
                await ask(client)
            case "approve" | "refuse":
                await decide(client, approved=command == "approve")
            case _:
                sys.exit(__doc__)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
