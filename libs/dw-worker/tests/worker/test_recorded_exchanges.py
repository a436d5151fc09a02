"""The quickstart as the reference SDK ran it: the same tasks give the same answers."""

# pyright: reportPrivateUsage=false
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import activity, workflow
from durable_workflow.worker import Worker


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"hello, {name}"


@workflow.defn(name="greeter")
class Greeter:
    def run(self, ctx: Any, *args: Any) -> Generator[Any, Any, Any]:
        result = yield ctx.schedule_activity("greet", list(args))
        return result


@pytest.fixture
def recorded(exchanges: Path, load: Callable[[Path], Any]) -> Callable[[int], Any]:
    """Reads an exchange of the quickstart by its number."""
    folder = exchanges / "quickstart-0.4.84"
    return lambda number: load(next(folder.glob(f"{number:03}-*.json")))


@pytest.mark.parametrize(("poll", "completion"), [(6, 7), (12, 13)])
async def test_workflow_tasks_are_completed_as_recorded(
    server: Any, recorded: Callable[[int], Any], poll: int, completion: int
) -> None:
    task = recorded(poll)["response"]["body"]["task"]
    worker = Worker(
        server, task_queue="python-workers", workflows=[Greeter], worker_id=task["lease_owner"]
    )
    await worker._run_workflow_task(task)
    (sent,) = server.calls["complete_workflow_task"]
    assert sent.pop("task_id") == task["task_id"]
    assert sent == recorded(completion)["request"]["body"]


async def test_the_activity_is_completed_as_recorded(
    server: Any, pack: Any, recorded: Callable[[int], Any]
) -> None:
    task = recorded(9)["response"]["body"]["task"]
    worker = Worker(
        server, task_queue="python-workers", activities=[greet], worker_id=task["lease_owner"]
    )
    await worker._run_activity_task(task)
    (sent,) = server.calls["complete_activity_task"]
    body = recorded(10)["request"]["body"]
    assert pack(sent["result"], sent["codec"]) == body["result"]
    assert sent["activity_attempt_id"] == body["activity_attempt_id"]
    assert sent["lease_owner"] == body["lease_owner"]


async def test_the_recorded_server_is_compatible(
    server: Any, recorded: Callable[[int], Any]
) -> None:
    server.info = recorded(2)["response"]["body"]
    worker = Worker(server, task_queue="python-workers", workflows=[Greeter], activities=[greet])
    await worker._register()
    (sent,) = server.calls["register_worker"]
    body = recorded(3)["request"]["body"]
    # What the client adds, and what differs from process to process.
    assert set(body) - set(sent) == {"runtime", "sdk_version"}
    assert set(sent) - set(body) == {"build_id"}
    assert set(body["process_metrics"]) == set(sent["process_metrics"])
    for key in ("capabilities", "task_slots", "supported_workflow_types", "task_queue"):
        assert sent[key] == body[key]
