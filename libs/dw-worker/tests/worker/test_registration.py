"""Which servers a worker works for, and what it tells them."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
import copy
import logging
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import ServerError, Unauthorized
from durable_workflow.worker import Worker, _polling

Change = Callable[[dict[str, Any]], Any]


@workflow.defn(name="w")
class W:
    def run(self, ctx: Any) -> int:
        return 1


def _activity() -> None: ...


def _control_plane(**changes: Any) -> Change:
    return lambda info: info["control_plane"].update(changes)


def _contract(**changes: Any) -> Change:
    return lambda info: info["control_plane"]["request_contract"].update(changes)


def _protocol(**changes: Any) -> Change:
    return lambda info: info["worker_protocol"].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        _control_plane(version=2),
        _contract(version="1"),
        _protocol(version="1.2"),
        lambda info: info.update(version="0.0.1"),
        lambda info: info["auth_composition_contract"].update(more=1),
    ],
)
async def test_compatible_servers_are_accepted(server: Any, change: Change) -> None:
    change(server.info)
    await Worker(server, task_queue="q", workflows=[W])._register()
    assert server.count("register_worker") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda info: info.pop("control_plane"),
        _control_plane(version="3"),
        _control_plane(version=None),
        _control_plane(request_contract=None),
        _contract(schema="other"),
        _contract(version=2),
        _contract(version=True),
        lambda info: info.pop("worker_protocol"),
        _protocol(version="1.0"),
        _protocol(version="2.1"),
        _protocol(version="next"),
        _protocol(version=None),
        lambda info: info.pop("auth_composition_contract"),
        lambda info: info["auth_composition_contract"].update(schema="other"),
    ],
)
async def test_incompatible_servers_are_refused(server: Any, change: Change) -> None:
    change(server.info)
    with pytest.raises(RuntimeError, match=r"^Server compatibility error: "):
        await Worker(server, task_queue="q", workflows=[W]).run()
    assert server.count("register_worker") == 0
    assert server.count("poll_workflow_task") == 0


@pytest.mark.parametrize("info", [None, [], "text"])
async def test_cluster_info_that_is_no_object_is_refused(server: Any, info: Any) -> None:
    server.info = info
    with pytest.raises(RuntimeError, match="control_plane"):
        await Worker(server, task_queue="q")._register()


@pytest.mark.parametrize("error", [ServerError(404, {}), ServerError(302, {}), ValueError("HTML")])
async def test_a_server_that_gives_another_answer_is_an_error(
    server: Any, error: Exception
) -> None:
    def refuse() -> None:
        raise error

    server.on["get_cluster_info"] = refuse
    with pytest.raises(RuntimeError, match="unable to read /api/cluster/info"):
        await asyncio.wait_for(Worker(server, task_queue="q").run(), 5)


@pytest.mark.parametrize("method", ["get_cluster_info", "register_worker"])
async def test_a_refused_login_is_raised_as_it_is(server: Any, method: str) -> None:
    def refuse(**_: Any) -> None:
        raise Unauthorized("no")

    server.on[method] = refuse
    with pytest.raises(Unauthorized):
        await asyncio.wait_for(Worker(server, task_queue="q").run(), 5)


NOT_THERE_YET = [
    ConnectionError("refused"),
    TimeoutError(),
    ServerError(429, {"retry_after": 0}),
    ServerError(500, {}),
    ServerError(503, {}),
]


@pytest.mark.parametrize("method", ["get_cluster_info", "register_worker"])
@pytest.mark.parametrize("error", NOT_THERE_YET, ids=repr)
async def test_a_server_that_is_not_there_yet_is_waited_for(
    server: Any,
    method: str,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_polling, "_FIRST_PAUSE_SECONDS", 0.001)
    server.base_url = "http://not.there:8080"

    def refuse(**_: Any) -> None:
        if server.count(method) <= 3:
            raise error

    server.on[method] = refuse
    worker = Worker(server, task_queue="q")
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(worker.run())
        await server.until(lambda: server.count("poll_workflow_task"))
    await worker.stop()
    await running
    [warning] = [each for each in caplog.messages if "http://not.there:8080" in each]
    assert type(error).__name__ in warning


async def test_a_worker_that_waits_for_its_server_can_be_stopped(server: Any) -> None:
    def refuse() -> None:
        raise ConnectionError("refused")

    server.on["get_cluster_info"] = refuse
    worker = Worker(server, task_queue="q")
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("get_cluster_info"))
    await worker.stop()
    await asyncio.wait_for(running, 5)
    assert server.count("register_worker") == 0


async def test_run_until_waits_for_its_server_within_its_timeout(server: Any) -> None:
    server.base_url = "http://not.there:8080"

    def refuse() -> None:
        raise ConnectionError("refused")

    server.on["get_cluster_info"] = refuse
    with pytest.raises(TimeoutError, match=r"http://not\.there:8080 cannot be reached: refused"):
        await Worker(server, task_queue="q").run_until(workflow_id="w", timeout=0.05)


async def test_run_until_does_not_wait_for_an_answer_beyond_its_timeout(server: Any) -> None:
    server.on["get_cluster_info"] = asyncio.Event().wait
    with pytest.raises(TimeoutError, match="cannot be reached"):
        await Worker(server, task_queue="q").run_until(workflow_id="w", timeout=0.05)


async def test_registration_says_what_the_worker_can_run(server: Any) -> None:
    worker = Worker(
        server,
        task_queue="q",
        workflows=[W],
        activities=[_activity],
        worker_id="w-1",
        build_id="b-1",
        max_concurrent_workflow_tasks=3,
        max_concurrent_activity_tasks=4,
    )
    await worker._register()
    (sent,) = server.calls["register_worker"]
    metrics = sent.pop("process_metrics")
    assert sent == {
        "worker_id": "w-1",
        "task_queue": "q",
        "build_id": "b-1",
        "supported_workflow_types": ["w"],
        "supported_activity_types": ["_activity"],
        "workflow_definition_fingerprints": worker.workflow_definition_fingerprints,
        "max_concurrent_workflow_tasks": 3,
        "max_concurrent_activity_tasks": 4,
        "task_slots": {"workflow_available": 3, "activity_available": 4},
    }
    assert metrics["process_uptime_seconds"] == 0


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({}, None),
        ({"query_tasks": "true"}, None),
        ({"query_tasks": True}, ["query_tasks"]),
        (
            {"query_tasks": True, "extensions": {"sticky_history": 1, "update_validation": 1}},
            ["query_tasks", "sticky_history", "update_validation"],
        ),
        ({"extensions": {"sticky_history": 1, "update_validation": 1}}, ["sticky_history"]),
        ({"extensions": {"sticky_history": 2, "other": 1}}, None),
        ({"extensions": ["sticky_history"]}, None),
    ],
)
async def test_capabilities_are_what_both_sides_know(
    server: Any, info: Any, capabilities: dict[str, Any], expected: list[str] | None
) -> None:
    server.info = info(**capabilities)
    await Worker(server, task_queue="q", workflows=[W])._register()
    assert server.calls["register_worker"][0].get("capabilities") == expected


async def test_a_worker_without_a_cache_does_not_offer_sticky_history(
    server: Any, info: Any
) -> None:
    server.info = info(extensions={"sticky_history": 1})
    await Worker(server, task_queue="q", workflows=[W], max_cached_workflows=0)._register()
    assert "capabilities" not in server.calls["register_worker"][0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(30, 35.0), (50, 55.0), ("60", 65.0), (True, 35.0), (0, 35.0), ("soon", 35.0), (None, 35.0)],
)
async def test_long_polls_are_waited_for(
    server: Any, info: Any, value: Any, expected: float
) -> None:
    server.info = info(long_poll_timeout=value)
    worker = Worker(server, task_queue="q", workflows=[W])
    await worker._register()
    assert worker._pollers.poll_timeout == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"heartbeat_interval_seconds": 10}, 10.0),
        ({"heartbeat_interval_seconds": 0}, 60.0),
        ({"heartbeat_interval_seconds": True}, 60.0),
        ({"heartbeat_interval_seconds": "5"}, 60.0),
        (None, 60.0),
    ],
)
async def test_the_servers_heartbeat_interval_is_adopted(
    server: Any, reply: Any, expected: float
) -> None:
    server.register_reply = reply
    worker = Worker(server, task_queue="q", workflows=[W])
    await worker._register()
    assert worker._heartbeat_interval == expected


async def test_a_worker_that_was_forgotten_registers_again(server: Any, info: Any) -> None:
    def forget(**_: Any) -> None:
        server.on.pop("poll_workflow_task")
        server.info = copy.deepcopy(info(extensions={"sticky_history": 1}))
        raise ServerError(412, {"reason": "worker_not_registered"})

    server.on["poll_workflow_task"] = forget
    worker = Worker(server, task_queue="q", workflows=[W])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("register_worker") == 2)
    assert server.calls["register_worker"][1]["capabilities"] == ["sticky_history"]
    run = server.start("w")
    await server.until(lambda: run.status == "completed")
    await worker.stop()
    await running


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_worker_that_stops_registers_no_more(server: Any, cancelled: bool) -> None:
    """It waits for a server that may never answer, and nobody would look at what comes of it."""
    unanswered = asyncio.Event()

    def forget(**_: Any) -> None:
        server.on["register_worker"] = lambda **_: unanswered.wait()
        raise ServerError(412, {"reason": "worker_not_registered"})

    server.on["poll_workflow_task"] = forget
    before = asyncio.all_tasks()
    worker = Worker(server, task_queue="q", workflows=[W])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("register_worker") == 2)
    if cancelled:
        running.cancel()
    else:
        await worker.stop()
    await running
    assert asyncio.all_tasks() == before


async def test_a_heartbeat_of_a_forgotten_worker_registers_it_again(server: Any) -> None:
    def forget(**_: Any) -> None:
        raise ServerError(404, {"reason": "worker_not_registered"})

    server.on["heartbeat_worker"] = forget
    worker = Worker(server, task_queue="q", workflows=[W])
    await worker._heartbeats.beat()
    assert server.count("register_worker") == 1
