"""An update from the request to its end, with workers and waiting made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import UpdateWorkflow
from durable_workflow.server.services.updating import UpdateService


class Around:
    """What the service is given: a validator that says `refusal`, and a watch that runs `steps`."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.refusal: tuple[str, str] | None = None
        self.steps: list[Callable[[], Awaitable[Any]]] = []
        self.watched: list[tuple[str, float]] = []

    async def validate(self, namespace: str, request: UpdateWorkflow) -> tuple[str, str] | None:
        return self.refusal

    async def watch(
        self,
        run_id: str,
        look: Callable[[], Awaitable[Reply]],
        enough: Callable[[Reply], bool],
        timeout: float,
        gone: Callable[[], asyncio.Future[None]],
    ) -> Reply:
        self.watched.append((run_id, timeout))
        if self.steps:
            await self.steps.pop(0)()
        return await look()

    async def update(self, **fields: Any) -> Reply:
        service = UpdateService(
            self.server.store, self.server.settings, validate=self.validate, watch=self.watch
        )
        request = UpdateWorkflow(workflow_id="wf", update_name="add", **fields)
        return await service.update(
            self.server.caller, request, asyncio.get_running_loop().create_future
        )

    async def apply(self) -> None:
        task = await self.server.task()
        result = {"codec": "json", "blob": "5"}
        update_id = task["workflow_update_id"]
        command = {"type": "complete_update", "update_id": update_id, "result": result}
        await self.server.complete(task, command)


@pytest.fixture
async def around(server: Any, commands: Any) -> Around:
    await server.start()
    await server.decide(commands.wait("target"))
    return Around(server)


async def test_an_update_that_nobody_waits_for_is_only_accepted(around: Around) -> None:
    reply = await around.update()

    assert (reply.form, reply.body["update_status"]) == ("accepted", "accepted")
    assert reply.body["wait_timeout_seconds"] is None
    assert around.watched == []


@pytest.mark.parametrize("reason", ["update_rejected", "unknown_update"])
async def test_what_a_validator_refuses_is_recorded_and_in_no_history(
    around: Around, reason: str
) -> None:
    around.refusal = (reason, "no")
    reply = await around.update(wait_for="completed")

    assert (reply.reason, reply.body["message"]) == (reason, "no")
    assert "UpdateAccepted" not in await around.server.types()
    assert around.watched == []


async def test_who_waits_is_told_how_it_ended(around: Around) -> None:
    around.steps = [around.apply]
    reply = await around.update(wait_for="completed", wait_timeout_seconds=7)

    assert (reply.form, reply.reason, reply.body["result"]) == ("done", None, 5)
    assert reply.body["wait_timeout_seconds"] == 7
    [(_, timeout)] = around.watched
    assert 6 < timeout <= 7


async def test_who_waited_for_nothing_is_told_so(around: Around) -> None:
    reply = await around.update(wait_for="completed")

    assert (reply.form, reply.body["wait_timed_out"]) == ("accepted", True)
    assert reply.body["wait_timeout_seconds"] == around.server.settings.update_wait_seconds


async def test_an_update_is_followed_into_the_run_that_continues(
    server: Any, commands: Any
) -> None:
    await server.start()
    task = await server.task()
    around = Around(server)
    first = task["run_id"]
    around.steps = [lambda: server.complete(task, commands.again()), around.apply]
    reply = await around.update(wait_for="completed")

    current = (await server.describe())["run_id"]
    assert current != first
    assert [run_id for run_id, _ in around.watched] == [first, current]
    assert (reply.reason, reply.body["run_id"], reply.body["result"]) == (None, current, 5)
