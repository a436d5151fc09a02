"""The model, as an activity. This one is a few rules, so that the example says the same each time.

For a real one, call your provider in `call_model` and translate what it returns into a `Message`.
Turn off the retries of the provider's client: those of the activity outlive a restart.
"""

import asyncio
import json
import re
from typing import Any

from durable_workflow import activity

from .conversation import Message, said_by_model

SECONDS_OF_THOUGHT = 0.2


@activity.defn(name="call_model")
async def call_model(messages: list[Message]) -> Message:
    """Return what the model says next: an answer, or calls of tools."""
    await asyncio.sleep(SECONDS_OF_THOUGHT)
    return next_message(messages)


def next_message(messages: list[Message]) -> Message:
    """A support agent by rules: it looks up the order, refunds it, and tells the customer."""
    results = [message["content"] for message in messages if message["role"] == "tool"]
    number = re.search(r"\d+", messages[0]["content"])
    if number is None:
        return said_by_model("Which order is it about?")
    match results:
        case []:
            return calling(results, "find_order", order=number[0])
        case [order] if order.startswith("{"):
            return calling(
                results, "refund_order", order=number[0], cents=json.loads(order)["cents"]
            )
        case [refused]:
            return said_by_model(f"I am sorry, I cannot help: {refused}.")
        case [order, refund] if refund.startswith("refunded"):
            return calling(results, "send_mail", to=json.loads(order)["mail"], text=refund)
        case [_, refused]:
            return said_by_model(f"I am sorry, you get no refund: {refused}.")
        case _:
            return said_by_model(f"Done. {results[1].capitalize()}, and a mail is on its way.")


def calling(results: list[str], tool: str, **arguments: Any) -> Message:
    """The message that calls a tool."""
    return said_by_model(
        "", {"id": f"call-{len(results) + 1}", "tool": tool, "arguments": arguments}
    )
