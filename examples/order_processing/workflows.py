"""The workflow: what happens to an order, in which order, written as if nothing ever crashed."""

from collections.abc import Generator
from typing import Any

from durable_workflow import ActivityFailed, ActivityRetryPolicy, workflow
from durable_workflow.workflow import WorkflowContext

from .orders import Order, OrderResult, cancelled, total_cents

PATIENT = ActivityRetryPolicy(max_attempts=20, initial_interval_seconds=1, backoff_coefficient=1)


@workflow.defn(name="process-order")
class ProcessOrder:
    """Validate, reserve every item at once, charge, pack, ship, and send the receipt."""

    def run(self, ctx: WorkflowContext, order: Order) -> Generator[Any, Any, OrderResult]:
        checked: Order = yield ctx.schedule_activity(
            "validate_order", [order], retry_policy=PATIENT
        )
        order_id = checked["order_id"]

        # A list is a fan-out: all reservations run side by side, results come in the list's order.
        reservations: list[str] = yield [
            ctx.schedule_activity("reserve_item", [order_id, item], retry_policy=PATIENT)
            for item in checked["items"]
        ]

        total = total_cents(checked["items"])
        try:
            payment: str = yield ctx.schedule_activity(
                "charge_card", [checked, total], retry_policy=PATIENT, start_to_close_timeout=30
            )
        except ActivityFailed:
            # Compensation: what was done is undone, newest first, and that outlives crashes too.
            for reservation in reversed(reservations):
                yield ctx.schedule_activity("release_item", [reservation], retry_policy=PATIENT)
            return cancelled(order_id, reservations, total)
        ctx.logger.info("%s is paid: %s", order_id, payment)

        # A durable timer: the server may restart meanwhile, the order is packed all the same.
        yield ctx.start_timer(seconds=checked["packing_seconds"])

        tracking: str = yield ctx.schedule_activity("ship_order", [order_id], retry_policy=PATIENT)
        receipt: str = yield ctx.schedule_activity(
            "send_receipt", [order_id, checked["customer"]], retry_policy=PATIENT
        )
        return {
            "order_id": order_id,
            "status": "shipped",
            "reservations": reservations,
            "released": [],
            "total_cents": total,
            "payment": payment,
            "tracking": tracking,
            "receipt": receipt,
        }


WORKFLOWS = [ProcessOrder]
