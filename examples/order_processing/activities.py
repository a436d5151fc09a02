"""The activities: where an order meets the outside world. Here that world is made up.

Each may run more than once for the same order, as activities do, and answers the same each time:
against a real warehouse or a real bank the order id would be the idempotency key.
"""

from collections.abc import Callable
from typing import Any

from durable_workflow import NonRetryableError, activity

from .orders import Item, Order


@activity.defn(name="validate_order")
def validate_order(order: Order) -> Order:
    """Refuse an order that can never succeed. A plain function: it runs in a thread."""
    if not order["items"]:
        raise NonRetryableError(f"{order['order_id']} has no items")
    return order


@activity.defn(name="reserve_item")
async def reserve_item(order_id: str, item: Item) -> str:
    """Set one item aside in the warehouse and return the reservation."""
    return f"{order_id}/{item['sku']}x{item['quantity']}"


@activity.defn(name="release_item")
async def release_item(reservation: str) -> str:
    """Put one item back, and return the reservation that it was set aside under."""
    return reservation


@activity.defn(name="charge_card")
async def charge_card(order: Order, amount_cents: int) -> str:
    """Take the money. The gateway times out as often as the order says, and then answers."""
    if order.get("card_declined"):
        raise NonRetryableError(f"the card of {order['customer']} was declined")
    if activity.context().info.attempt_number <= order["gateway_failures"]:
        raise TimeoutError("the payment gateway did not answer")
    return f"paid-{order['order_id']}-{amount_cents}"


@activity.defn(name="ship_order")
async def ship_order(order_id: str) -> str:
    """Hand the parcel over and return its tracking number."""
    return f"track-{order_id}"


@activity.defn(name="send_receipt")
async def send_receipt(order_id: str, customer: str) -> str:
    """Mail the receipt."""
    return f"receipt-{order_id} to {customer}"


ACTIVITIES: list[Callable[..., Any]] = [
    validate_order,
    reserve_item,
    release_item,
    charge_card,
    ship_order,
    send_receipt,
]
