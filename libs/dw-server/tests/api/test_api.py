"""The operations without any carrier: a call is made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from durable_workflow.server.api import Api, Call, Credentials, Origin
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.settings import AuthSettings, Settings

WORKER = {"worker_id": "w", "task_queue": "q", "runtime": "python", "lease_owner": "w"}


class Peer:
    """The other end of a call that comes from nowhere."""

    def __init__(self) -> None:
        self.leaves: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def gone(self) -> asyncio.Future[None]:
        return self.leaves

    def has_left(self) -> bool:
        return self.leaves.done()

    def origin(self) -> Origin:
        return Origin(method="TEST", path="nowhere")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    auth = AuthSettings(worker_token="w", operator_token="o")
    server = Server(Settings(db=":memory:", long_poll_timeout=5, auth=auth))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def api(server: Server) -> Api:
    return server.api


async def ask(
    api: Api,
    name: str,
    document: dict[str, Any],
    names: dict[str, str] | None = None,
    *,
    peer: Peer | None = None,
    namespace: str = "",
) -> Reply:
    """Ask as the role that may."""
    operation = api.operations[name]
    token = b"w" if "worker" in operation.roles else b"o"
    call = Call(
        document=document,
        names=names or {},
        principal=api.admit(operation, Credentials(token, None, b"")),
        namespace=await api.find_namespace(operation, namespace),
        peer=peer or Peer(),
    )
    return await api.ask(operation, call)


async def test_a_workflow_is_started_and_completed(api: Api) -> None:
    await ask(api, "register_worker", WORKER)
    started = await ask(
        api, "start_workflow", {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q"}
    )
    task = (await ask(api, "poll_workflow_task", WORKER)).body["task"]
    commands = [{"type": "complete_workflow", "result": None}]
    report = WORKER | {"workflow_task_attempt": task["workflow_task_attempt"], "commands": commands}
    await ask(api, "complete_workflow_task", report, {"task_id": task["task_id"]})
    described = await ask(api, "describe_workflow", {}, {"workflow_id": "wf"})

    assert task["run_id"] == started.body["run_id"]
    assert described.body["status"] == "completed"


async def test_a_role_calls_what_it_may_and_nobody_else_does(api: Api) -> None:
    start, health = api.operations["start_workflow"], api.operations["check_health"]

    assert api.admit(start, Credentials(b"o", None, b"")).role == "operator"
    with pytest.raises(Refused, match="forbidden"):
        api.admit(start, Credentials(b"w", None, b""))
    with pytest.raises(Refused, match="unauthorized"):
        api.admit(start, Credentials(None, None, b""))
    assert api.admit(health, Credentials(None, None, b"")).role == ""


async def test_a_namespace_must_exist_where_the_call_is_about_one(api: Api) -> None:
    start, cluster = api.operations["start_workflow"], api.operations["describe_cluster"]

    assert await api.find_namespace(start, "") == "default"
    assert await api.find_namespace(start, "Default") == "default"
    assert await api.find_namespace(cluster, "nowhere") == "nowhere"
    with pytest.raises(Refused, match="namespace_not_found"):
        await api.find_namespace(start, "nowhere")


async def test_a_poll_ends_when_its_caller_goes(api: Api) -> None:
    await ask(api, "register_worker", WORKER)
    peer = Peer()
    polling = asyncio.create_task(ask(api, "poll_workflow_task", WORKER, peer=peer))
    await asyncio.sleep(0)
    peer.leaves.set_result(None)
    async with asyncio.timeout(4):
        assert (await polling).body == {"task": None}

    await ask(api, "start_workflow", {"workflow_type": "t", "task_queue": "q"})
    assert (await ask(api, "poll_workflow_task", WORKER, peer=peer)).body == {"task": None}
    assert (await ask(api, "poll_workflow_task", WORKER)).body["task"] is not None


async def test_a_command_is_recorded_with_where_it_came_from(api: Api) -> None:
    start = {"workflow_id": "wf", "workflow_type": "t"}
    run_id = (await ask(api, "start_workflow", start)).body["run_id"]
    names = {"workflow_id": "wf", "run_id": run_id}
    history = await ask(api, "read_history", {}, names)

    assert b'"nowhere"' in msgspec.json.encode(history.body["events"])
