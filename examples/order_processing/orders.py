"""What an order is, what becomes of it, and a supply of them to try things with."""

from typing import NotRequired, TypedDict


class Item(TypedDict):
    """One line of an order."""

    sku: str
    quantity: int
    unit_price_cents: int


class Order(TypedDict):
    """The input of the workflow, plain JSON.

    `gateway_failures` is how many times the payment gateway times out before it answers, and
    `packing_seconds` how long packing takes. A declined card ends the order.
    """

    order_id: str
    customer: str
    items: list[Item]
    gateway_failures: int
    packing_seconds: int
    card_declined: NotRequired[bool]


class OrderResult(TypedDict):
    """The output of the workflow, plain JSON."""

    order_id: str
    status: str
    reservations: list[str]
    released: list[str]
    total_cents: int
    payment: str
    tracking: str
    receipt: str


def make_order(number: int, *, packing_seconds: int = 1) -> Order:
    """Return order `number`, always the same one. Every third meets a gateway that fails once."""
    items: list[Item] = [
        {
            "sku": f"sku-{(number + line) % 7}",
            "quantity": 1 + (number * 3 + line) % 4,
            "unit_price_cents": 250 + 100 * ((number + line) % 5),
        }
        for line in range(1 + number % 4)
    ]
    return {
        "order_id": f"order-{number:04}",
        "customer": f"customer-{number % 13}@example.com",
        "items": items,
        "gateway_failures": 1 if number % 3 == 0 else 0,
        "packing_seconds": packing_seconds,
    }


def total_cents(items: list[Item]) -> int:
    """Return the price of all items together."""
    return sum(item["quantity"] * item["unit_price_cents"] for item in items)


def expected_result(order: Order) -> OrderResult:
    """Return what the workflow must answer for `order`, worked out without any workflow."""
    order_id = order["order_id"]
    total = total_cents(order["items"])
    reservations = [f"{order_id}/{item['sku']}x{item['quantity']}" for item in order["items"]]
    if order.get("card_declined"):
        return cancelled(order_id, reservations, total)
    return {
        "order_id": order_id,
        "status": "shipped",
        "reservations": reservations,
        "released": [],
        "total_cents": total,
        "payment": f"paid-{order_id}-{total}",
        "tracking": f"track-{order_id}",
        "receipt": f"receipt-{order_id} to {order['customer']}",
    }


def cancelled(order_id: str, reservations: list[str], total: int) -> OrderResult:
    """Return the result of an order that was not paid: everything was released, newest first."""
    return {
        "order_id": order_id,
        "status": "cancelled",
        "reservations": reservations,
        "released": reservations[::-1],
        "total_cents": total,
        "payment": "",
        "tracking": "",
        "receipt": "",
    }
