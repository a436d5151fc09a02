# The programs stand in the guide's own words.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, type-arg"
# pyright: basic
"""The user guide's chapter on defining activities, and what it says of cancellation."""

import asyncio
from dataclasses import dataclass

import pytest

from durable_workflow import (
    ActivityCancelled,
    Client,
    NonRetryableError,
    WorkflowFailed,
    activity,
    workflow,
)
from integration.guide.conftest import serving


@workflow.defn(name="one-activity")
class OneActivity:
    def run(self, ctx, name: str, *args):
        return (yield ctx.schedule_activity(name, list(args), retry_policy={"max_attempts": 3}))


async def test_an_activity_does_io(client: Client) -> None:
    @dataclass
    class Sent:
        id: str

    class Mailer:
        async def send(self, *, to: str, subject: str, body: str) -> Sent:
            await asyncio.sleep(0)
            return Sent(f"{subject} to {to}: {body}")

    some_email_client = Mailer()

    @activity.defn(name="send_email")
    async def send_email(to: str, subject: str, body: str) -> dict:
        # Activities can do I/O: HTTP calls, database queries, etc.
        response = await some_email_client.send(to=to, subject=subject, body=body)
        return {"message_id": response.id, "sent": True}

    async with serving(client, workflows=[OneActivity], activities=[send_email]):
        handle = await client.start_workflow(
            workflow_type="one-activity", task_queue="default", input=["send_email", "a", "b", "c"]
        )
        assert await handle.result(timeout=30) == {"message_id": "b to a: c", "sent": True}


async def test_an_activity_reads_its_context_and_heartbeats(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    async def process(item: int) -> None:
        await asyncio.sleep(0)

    @activity.defn(name="long_running_task")
    async def long_running_task(items: list) -> dict:
        ctx = activity.context()

        print(f"Attempt #{ctx.info.attempt_number}")
        print(f"Task queue: {ctx.info.task_queue}")

        for i, item in enumerate(items):
            # Check for cancellation
            if ctx.is_cancelled:
                return {"partial": True, "processed": i}

            await process(item)

            # Heartbeat to keep the task alive
            await ctx.heartbeat({"progress": i + 1, "total": len(items)})

        return {"processed": len(items)}

    async with serving(client, workflows=[OneActivity], activities=[long_running_task]):
        handle = await client.start_workflow(
            workflow_type="one-activity",
            task_queue="default",
            input=["long_running_task", [1, 2, 3]],
        )
        assert await handle.result(timeout=30) == {"processed": 3}
    assert capsys.readouterr().out == "Attempt #1\nTask queue: default\n"


async def test_a_non_retryable_error_ends_the_activity(client: Client) -> None:
    calls: list[dict] = []

    @activity.defn(name="validate")
    async def validate(data: dict) -> dict:
        if "required_field" not in data:
            raise NonRetryableError("Missing required_field")
        return data

    @activity.defn(name="validate_and_count")
    async def counted(data: dict) -> dict:
        calls.append(data)
        return await validate(data)

    async with serving(client, workflows=[OneActivity], activities=[validate, counted]):
        good, bad = [
            await client.start_workflow(
                workflow_type="one-activity", task_queue="default", input=[name, data]
            )
            for name, data in (("validate", {"required_field": 1}), ("validate_and_count", {}))
        ]
        assert await good.result(timeout=30) == {"required_field": 1}
        with pytest.raises(WorkflowFailed, match="Missing required_field"):
            await bad.result(timeout=30)
    assert calls == [{}]


async def test_an_activity_cleans_up_when_it_is_cancelled(client: Client) -> None:
    begun, cleaned = asyncio.Event(), asyncio.Event()

    async def process(item: int) -> None:
        begun.set()
        await asyncio.sleep(0.01)  # what one item takes

    async def cleanup_partial_state() -> None:
        cleaned.set()

    @activity.defn(name="long_task")
    async def long_task(items: list) -> dict:
        ctx = activity.context()
        try:
            for i, item in enumerate(items):
                await process(item)
                await ctx.heartbeat({"progress": i + 1})
            return {"done": True}
        except ActivityCancelled:
            await cleanup_partial_state()
            raise

    async with serving(client, workflows=[OneActivity], activities=[long_task]):
        handle = await client.start_workflow(
            workflow_type="one-activity",
            task_queue="default",
            input=["long_task", list(range(3000))],
        )
        await asyncio.wait_for(begun.wait(), 30)
        await handle.cancel()
        await asyncio.wait_for(cleaned.wait(), 30)
    assert (await handle.describe()).status == "cancelled"
