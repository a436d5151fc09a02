"""What the clients of the pages ask for: served by a worker of its own while their programs run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from durable_workflow import activity, workflow
from durable_workflow.workflow import WorkflowContext


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"Hello, {name}!"


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx: WorkflowContext, name: str) -> Generator[Any, Any, Any]:
        greeting = yield ctx.schedule_activity("greet", [name])
        return greeting


@workflow.defn(name="report")
class Report:
    def run(self, ctx: WorkflowContext, subject: str) -> str:
        return f"all about {subject}"


WORKFLOWS = [Greeter, Report]
ACTIVITIES = [greet]
