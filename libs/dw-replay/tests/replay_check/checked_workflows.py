"""Workflows that are checked in processes of their own; some of them behave badly there."""

import os
import time
from collections.abc import Generator
from typing import Any

from durable_workflow import workflow
from durable_workflow.workflow import WorkflowContext

Steps = Generator[Any, Any, Any]


@workflow.defn(name="order")
class Order:
    def run(self, ctx: WorkflowContext, order_id: str) -> Steps:
        print("charging", order_id)
        paid = yield ctx.schedule_activity("charge", [order_id])
        return {"paid": paid}


@workflow.defn(name="endless")
class Endless:
    def run(self, ctx: WorkflowContext) -> Steps:
        while True:
            time.sleep(0.01)
        yield ctx.start_timer(1)


@workflow.defn(name="exiting")
class Exiting:
    def run(self, ctx: WorkflowContext) -> Steps:
        os._exit(3)
        yield ctx.start_timer(1)


@workflow.defn(name="unstable")
class Unstable:
    asked = 0

    def run(self, ctx: WorkflowContext) -> Steps:
        Unstable.asked += 1
        yield ctx.schedule_activity(f"work-{Unstable.asked}", [])


WORKFLOWS: list[type] = [Order, Endless, Exiting, Unstable]


def exit_at_once() -> list[type]:
    os._exit(3)
