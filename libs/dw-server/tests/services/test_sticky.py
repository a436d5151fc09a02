"""The worker that keeps a run's machine is offered its tasks first, and gets what is new."""

from __future__ import annotations

import json
from typing import Any

from durable_workflow.server.notices import Notice, ReadyTask, TaskReady
from durable_workflow.server.requests import HistoryPage, TaskOwner
from durable_workflow.server.services import workflow_tasks


async def kept(server: Any, commands: Any) -> dict[str, Any]:
    """A run whose machine worker w keeps, with a ready task."""
    await server.register("w", capabilities=["sticky_history"])
    await server.start()
    task: dict[str, Any] = await server.task()
    await server.complete(task, commands.activity(), keep_history=True)
    await server.complete_activity(await server.activity())
    return task


async def test_the_keeper_gets_only_what_it_has_not_seen(server: Any, commands: Any) -> None:
    await kept(server, commands)
    task = await server.task()
    assert task["history_after_sequence"] == 2
    assert [event["sequence"] for event in task["history_events"]] == [3, 4, 5]
    assert task["total_history_events"] == 5
    assert task["next_history_page_token"] is None
    page = HistoryPage(
        owner=TaskOwner(task_id=task["task_id"], lease_owner="w", attempt=1),
        token=task["full_history_token"],
    )
    body = await server.run(workflow_tasks.history_page, "default", page)
    assert [event["sequence"] for event in json.loads(bytes(body["history_events"]))] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert body["next_history_page_token"] is None


async def test_others_get_the_whole_history_once_the_offer_is_over(
    server: Any, commands: Any, notices: list[Notice]
) -> None:
    await kept(server, commands)
    await server.register("v")
    await server.pass_time(1.9)
    assert await server.poll("v") is None
    [offered] = [notice.task for notice in notices if isinstance(notice, TaskReady)][-1:]
    assert offered is not None
    assert offered.keeper == "w"
    ready = offered.task_id
    notices.clear()
    await server.pass_time(0.1)
    assert [notice.task for notice in notices if isinstance(notice, TaskReady)] == [
        ReadyTask(ready, "flow")
    ]
    task = await server.task("v")
    assert "history_after_sequence" not in task
    assert len(task["history_events"]) == 5


async def test_the_keeper_may_come_late(server: Any, commands: Any) -> None:
    await kept(server, commands)
    await server.pass_time(5)
    assert (await server.task())["history_after_sequence"] == 2


async def test_a_machine_is_not_counted_on_after_trouble(server: Any, commands: Any) -> None:
    await kept(server, commands)
    await server.fail(await server.task())
    await server.pass_time(1)
    task = await server.task()
    assert "history_after_sequence" not in task
    await server.complete(task, commands.timer(1), keep_history=True)
    await server.pass_time(1)
    await server.task()
    await server.pass_time(31)
    assert "history_after_sequence" not in await server.task()


async def test_a_machine_that_is_not_kept_is_not_counted_on(server: Any, commands: Any) -> None:
    await kept(server, commands)
    await server.decide(commands.timer(1))
    await server.pass_time(1)
    assert "history_after_sequence" not in await server.task()


async def test_a_silent_keeper_does_not_hold_the_run_up(server: Any, commands: Any) -> None:
    await kept(server, commands)
    await server.pass_time(60)
    await server.register("v")
    task = await server.task("v")
    assert "history_after_sequence" not in task
    assert [event["sequence"] for event in task["history_events"]] == [1, 2, 3, 4, 5]


async def test_a_worker_that_does_not_know_the_extension_gets_everything(
    server: Any, commands: Any
) -> None:
    await kept(server, commands)
    await server.register("w")  # The same id, restarted with another release.
    task = await server.task()
    assert "history_after_sequence" not in task
    assert len(task["history_events"]) == 5
