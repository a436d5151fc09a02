"""Histories that were fetched from a server say by themselves what their runs were started with."""

import asyncio
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import Client, Replayer, Worker, activity, workflow
from durable_workflow.replay_check import check_histories
from durable_workflow.server import embedded_server
from durable_workflow.workflow import CompleteWorkflow, ContinueAsNew, WorkflowContext

Steps = Generator[Any, Any, Any]


@activity.defn(name="fetched.greet")
def greet(name: str) -> str:
    return f"Hello, {name}!"


@workflow.defn(name="fetched.child")
class Child:
    def run(self, ctx: WorkflowContext, name: str) -> Steps:
        return (yield ctx.schedule_activity("fetched.greet", [name]))


@workflow.defn(name="fetched.parent")
class Parent:
    """Once with a child, and once more as the next of its chain."""

    def run(self, ctx: WorkflowContext, name: str, greeting: str | None = None) -> Steps:
        if greeting is not None:
            return f"{greeting} ({name})"
        greeting = yield ctx.start_child_workflow("fetched.child", [name])
        return ctx.continue_as_new(name, greeting)


@workflow.defn(name="fetched.nothing")
class WithoutInput:
    def run(self, ctx: WorkflowContext) -> Steps:
        return (yield ctx.schedule_activity("fetched.greet", ["nobody"]))


WORKFLOWS = [Parent, Child, WithoutInput]


@pytest.fixture(scope="module")
def fetched() -> list[dict[str, Any]]:
    """The histories of a parent, the next of its chain, its child, and a run without input."""

    async def record() -> list[dict[str, Any]]:
        async with (
            embedded_server(token="secret") as url,
            Client(url, token="secret") as client,
        ):
            worker = Worker(client, task_queue="q", workflows=WORKFLOWS, activities=[greet])
            working = asyncio.create_task(worker.run())
            try:
                await run_to_its_end(client, "fetched.parent", ["Ada"])
                await run_to_its_end(client, "fetched.nothing", None)
            finally:
                await worker.stop()
                await working
            runs = [run for cls in WORKFLOWS for run in await runs_of(client, cls)]
            return [await client.get_history(*run) for run in runs]

    return asyncio.run(record())


async def runs_of(client: Client, cls: type) -> list[tuple[str, str]]:
    """The runs of a type, oldest first."""
    listed = await client.list_workflows(workflow_type=getattr(cls, "__workflow_name__", ""))
    return sorted((run.workflow_id, str(run.run_id)) for run in listed.executions)


async def run_to_its_end(client: Client, workflow_type: str, arguments: list[Any] | None) -> None:
    handle = await client.start_workflow(
        workflow_type=workflow_type, task_queue="q", workflow_id=workflow_type, input=arguments
    )
    await handle.result(timeout=30)


def test_a_replayer_finds_type_and_input_in_fetched_histories(
    fetched: list[dict[str, Any]],
) -> None:
    replayer = Replayer(workflows=WORKFLOWS)
    last = [replayer.replay(history).commands[-1] for history in fetched]
    assert [
        command.result if isinstance(command, CompleteWorkflow) else type(command)
        for command in last
    ] == [ContinueAsNew, "Hello, Ada! (Ada)", "Hello, Ada!", "Hello, nobody!"]
    assert [replayer.replay(history["events"]).commands[-1] for history in fetched] == last


def test_the_check_needs_nothing_beside_fetched_histories(
    fetched: list[dict[str, Any]], tmp_path: Path
) -> None:
    for number, history in enumerate(fetched):
        (tmp_path / f"{number}.json").write_text(json.dumps(history))
    report = check_histories([tmp_path], WORKFLOWS, processes=1)
    assert [(run.verdict, run.reason) for run in report.runs] == [("ok", "none")] * 4
