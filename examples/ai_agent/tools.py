"""The tools, each an activity that takes a call of the model. Here the shop is made up.

A tool may be run twice, if its worker dies just before it reports. A real `refund_order` gives the
payment provider a key of its own for each call, so that the money is paid once.
"""

import json

from durable_workflow import NonRetryableError, activity

from .conversation import ToolCall

ORDERS = {"17": {"item": "lamp", "cents": 4900, "mail": "kim@example.com"}}


@activity.defn(name="find_order")
async def find_order(call: ToolCall) -> str:
    """Look up an order. The shop does not respond at first, as services do."""
    if activity.context().info.attempt_number == 1:
        raise ConnectionError("the shop did not respond")
    number: str = call["arguments"]["order"]
    if number not in ORDERS:
        raise NonRetryableError(f"there is no order {number}")
    return json.dumps(ORDERS[number])


@activity.defn(name="refund_order")
async def refund_order(call: ToolCall) -> str:
    """Pay the price of an order back."""
    return f"refunded {call['arguments']['cents'] / 100:.2f} for order {call['arguments']['order']}"


@activity.defn(name="send_mail")
async def send_mail(call: ToolCall) -> str:
    """Write to the customer."""
    return f"sent to {call['arguments']['to']}"


TOOLS = {"find_order", "refund_order", "send_mail"}
DANGEROUS = {"refund_order"}
