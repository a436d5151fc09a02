"""No route finds, shows or changes what is in another namespace: each is walked with its ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.server.api import Operation
from durable_workflow.server.app import create_app
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Route
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.services import namespaces
from durable_workflow.server.settings import Settings

Json = dict[str, Any]
VERSIONS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}
HOME, ELSEWHERE = "default", "elsewhere"
OF_NO_NAMESPACE = {
    "/health",
    "/ready",
    "/cluster/info",
    "/metrics",
    "/openapi.json",
    "/namespaces",
    "/namespaces/{namespace}",
    "/namespaces/{namespace}/external-storage",
}
# Of queues each name is one: a test below holds them to their namespace.
OF_QUEUES = {route.template for route in ROUTES if route.template.startswith("/task-queues/")}
NAMESPACED = [route for route in ROUTES if route.template not in OF_NO_NAMESPACE]


SCHEDULE = {
    "schedule_id": "nightly",
    "spec": {"cron_expressions": ["0 2 1 1 *"]},
    "action": {"workflow_type": "t", "task_queue": "q"},
}


class Wire:
    """One server with two namespaces, of which one has something of everything."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.run_id = ""
        # A leased task of each kind, and the attempt that came before the activity's.
        self.tasks: dict[str, Json] = {}
        self.past_attempt = ""
        self.asking: asyncio.Task[httpx.Response] | None = None

    async def call(
        self, method: str, path: str, body: Json | None = None, *, namespace: str = HOME
    ) -> httpx.Response:
        headers = VERSIONS | {"X-Namespace": namespace}
        sent = body if method == "POST" else None
        return await self.http.request(method, f"/api{path}", json=sent, headers=headers)

    async def work(self, path: str, body: Json, *, namespace: str = HOME) -> Json:
        body = {"worker_id": "w", "session": "s", "lease_owner": "w", "task_queue": "q"} | body
        answer = await self.call("POST", f"/worker/{path}", body, namespace=namespace)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def settle(self, namespace: str) -> tuple[str, Json]:
        """A run that waits for an activity, and the task of that activity, leased to a worker."""
        await self.work(
            "register",
            {"runtime": "python", "capabilities": ["query_tasks"]},
            namespace=namespace,
        )
        start = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q"}
        started = await self.call("POST", "/workflows", start, namespace=namespace)
        task = await self.poll("workflow", namespace)
        command: Json = {
            "type": "schedule_activity",
            "activity_type": "a",
            "retry_policy": {"max_attempts": 3, "backoff_seconds": []},
        }
        body = {"workflow_task_attempt": 1, "commands": [command]}
        await self.work(f"workflow-tasks/{task['task_id']}/complete", body, namespace=namespace)
        return started.json()["run_id"], await self.poll("activity", namespace)

    async def poll(self, kind: str, namespace: str = HOME) -> Json:
        task = (await self.work(f"{kind}-tasks/poll", {}, namespace=namespace))["task"]
        assert task is not None
        return dict(task)

    async def fill(self) -> None:
        self.run_id, first = await self.settle(HOME)
        self.past_attempt = first["activity_attempt_id"]
        failure = {"activity_attempt_id": self.past_attempt, "failure": {"message": "again"}}
        await self.work(f"activity-tasks/{first['task_id']}/fail", failure)
        self.tasks["activity"] = await self.poll("activity")
        await self.call("POST", "/workflows/wf/signal/go", {})
        await self.call("POST", "/search-attributes", {"name": "Tier", "type": "keyword"})
        alone = {"activity_id": "alone", "activity_type": "a", "task_queue": "elsewhere"}
        await self.call("POST", "/activities", alone)
        await self.call("POST", "/schedules", SCHEDULE)
        start = {"workflow_id": "second", "workflow_type": "t", "task_queue": "q"}
        await self.call("POST", "/workflows", start)
        self.tasks["workflow"] = await self.poll("workflow")
        self.asking = asyncio.create_task(self.call("POST", "/workflows/wf/query/state", {}))
        self.tasks["query"] = await self.poll("query")

    async def seen(self) -> list[Any]:
        """What the namespace shows of itself."""
        shown: list[Any] = [(await self.call("GET", "/search-attributes")).json()]
        for workflow in ("wf", "second"):
            described = (await self.call("GET", f"/workflows/{workflow}")).json()
            run = f"/workflows/{workflow}/runs/{described['run_id']}/history"
            shown += [described, (await self.call("GET", run)).json()]
        for path in ("/schedules", "/schedules/nightly", "/schedules/nightly/history"):
            shown.append((await self.call("GET", path)).json())
        return shown


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    server = Server(Settings(db=":memory:", long_poll_timeout=5))
    await server.start()
    await server.store.run(lambda tx: namespaces.ensure_default(tx, ELSEWHERE))
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(transport=transport, base_url="http://t", timeout=30) as http:
        wire = Wire(http)
        await wire.fill()
        yield wire
        if wire.asking is not None:
            wire.asking.cancel()
            await asyncio.gather(wire.asking, return_exceptions=True)
    await server.stop()


OWNED = {"lease_owner": "w"}
FAILURE = {"failure": {"message": "no"}}
# What is sent to each route that names something in its path. A new route needs its row.
BODIES: dict[str, Json] = {
    "/activities/{activity_id}": {},
    "/bridge-adapters/webhook/{adapter}": {
        "action": "signal_workflow",
        "idempotency_key": "k",
        "target": {"workflow_id": "wf", "signal_name": "go"},
    },
    "/workflows/{workflow_id}": {},
    "/workflows/{workflow_id}/runs": {},
    "/workflows/{workflow_id}/debug": {},
    "/workflows/{workflow_id}/runs/{run_id}": {},
    "/workflows/{workflow_id}/runs/{run_id}/history": {},
    "/workflows/{workflow_id}/runs/{run_id}/debug": {},
    "/workflows/{workflow_id}/signal/{signal_name}": {},
    "/workflows/{workflow_id}/query/{query_name}": {},
    "/workflows/{workflow_id}/update/{update_name}": {},
    "/workflows/{workflow_id}/cancel": {},
    "/workflows/{workflow_id}/terminate": {},
    "/workflows/{workflow_id}/repair": {},
    "/workflows/{workflow_id}/archive": {},
    "/workflows/{workflow_id}/runs/{run_id}/signal/{signal_name}": {},
    "/workflows/{workflow_id}/runs/{run_id}/query/{query_name}": {},
    "/workflows/{workflow_id}/runs/{run_id}/update/{update_name}": {},
    "/workflows/{workflow_id}/runs/{run_id}/history/export": {},
    "/workflows/{workflow_id}/runs/{run_id}/cancel": {},
    "/workflows/{workflow_id}/runs/{run_id}/terminate": {},
    "/search-attributes/{name}": {},
    "/workers/{worker_id}": {},
    "/schedules/{schedule_id}": {},
    "/schedules/{schedule_id}/pause": {},
    "/schedules/{schedule_id}/resume": {},
    "/schedules/{schedule_id}/trigger": {},
    "/schedules/{schedule_id}/backfill": {"start_time": "2026-01-01", "end_time": "2026-01-02"},
    "/schedules/{schedule_id}/history": {},
    "/worker/workflow-tasks/{task_id}/history": OWNED,
    "/worker/workflow-tasks/{task_id}/complete": OWNED
    | {"commands": [{"type": "complete_workflow"}]},
    "/worker/workflow-tasks/{task_id}/fail": OWNED | FAILURE,
    "/worker/workflow-tasks/{task_id}/heartbeat": OWNED,
    "/worker/activity-tasks/{task_id}/complete": OWNED | {"result": serializer.envelope(1, "json")},
    "/worker/activity-tasks/{task_id}/fail": OWNED | FAILURE,
    "/worker/activity-tasks/{task_id}/heartbeat": OWNED,
    "/worker/query-tasks/{query_task_id}/complete": OWNED | {"result": 1},
    "/worker/query-tasks/{query_task_id}/fail": OWNED | FAILURE,
}
# The others, which a test below or of their own holds to their namespace. So does a new one.
WITHOUT_IDS = {
    "GET /system/repair",
    "POST /system/repair/pass",
    "GET /system/activity-timeouts",
    "POST /system/activity-timeouts/pass",
    "GET /system/retention",
    "POST /system/retention/pass",
    "GET /system/metrics",
    "GET /system/operator-metrics",
    "GET /workers",
    "GET /task-queues",
    "POST /storage/test",
    "GET /search-attributes",
    "POST /search-attributes",
    "GET /activities",
    "POST /activities",
    "GET /schedules",
    "POST /schedules",
    "GET /workflows",
    "POST /workflows",
    "POST /worker/register",
    "POST /worker/heartbeat",
    "POST /worker/deregister",
    "GET /worker/stream",
    "POST /worker/workflow-tasks/poll",
    "POST /worker/activity-tasks/poll",
    "POST /worker/query-tasks/poll",
}


def request_of(route: Route, wire: Wire) -> tuple[str, Json]:
    """The path of a route and a body for it, with ids that are in use in the other namespace."""
    body = dict(BODIES[route.template])
    ids = {"activity_id": "alone", "workflow_id": "wf", "run_id": wire.run_id, "worker_id": "w"}
    ids |= {
        "adapter": "hooks",
        "name": "Tier",
        "signal_name": "go",
        "query_name": "state",
        "update_name": "change",
    }
    ids["schedule_id"] = "nightly"
    for kind, task in wire.tasks.items():
        if f"/{kind}-tasks/" in route.template:
            ids["task_id"] = task.get("task_id", "")
            ids["query_task_id"] = task.get("query_task_id", "")
            named = ("workflow_task_attempt", "activity_attempt_id", "query_task_attempt")
            body |= {name: task[name] for name in named if name in task}
            if route.template.endswith("/history"):
                body["next_history_page_token"] = "c3RhcnQ="
    return route.template.format(**ids), body


def test_every_route_is_walked(operations: dict[str, Operation[Any]]) -> None:
    named = {route.template for route in NAMESPACED if "{" in route.template}
    others = {f"{r.method} {r.template}" for r in NAMESPACED if "{" not in r.template}

    assert {route.template for route in ROUTES if not operations[route.operation].namespaced} == (
        OF_NO_NAMESPACE
    )
    assert named - OF_QUEUES == set(BODIES)
    assert others == WITHOUT_IDS


async def test_no_route_finds_what_is_in_another_namespace(wire: Wire) -> None:
    before = await wire.seen()

    for route in NAMESPACED:
        if "{" not in route.template or route.template in OF_QUEUES:
            continue
        path, body = request_of(route, wire)
        answer = await wire.call(route.method, path, body, namespace=ELSEWHERE)
        if route.operation == "send_bridge_event":
            assert answer.json()["reason"] == "unknown_target"
            continue
        assert answer.status_code == 404, (route.template, answer.text)
        assert answer.json()["reason"].endswith("_not_found"), route.template

    assert await wire.seen() == before
    # The leases are untouched: each task is still its worker's to complete.
    for route in NAMESPACED:
        if route.template.endswith("_id}/complete"):
            path, body = request_of(route, wire)
            answer = await wire.call(route.method, path, body)
            assert answer.status_code == 200, (route.template, answer.text)
    assert wire.asking is not None
    assert (await wire.asking).json()["result"] == 1


async def test_a_run_is_not_found_under_the_same_workflow_id_of_another_namespace(
    wire: Wire,
) -> None:
    await wire.settle(ELSEWHERE)

    for route in NAMESPACED:
        if "{run_id}" in route.template:
            path, body = request_of(route, wire)
            answer = await wire.call(route.method, path, body, namespace=ELSEWHERE)
            # Commands say of every run that is not the current one that they cannot reach it.
            assert answer.status_code in (404, 409), (route.template, answer.text)
            assert answer.json()["reason"] in (
                "run_not_found",
                "historical_run_command_rejected",
            )


@pytest.mark.parametrize("verb", ["complete", "fail", "heartbeat"])
@pytest.mark.parametrize("attempt", ["current", "past"])
async def test_an_attempt_is_not_found_by_a_task_of_another_namespace(
    wire: Wire, verb: str, attempt: str
) -> None:
    _, task = await wire.settle(ELSEWHERE)
    theirs = wire.past_attempt
    if attempt == "current":
        theirs = wire.tasks["activity"]["activity_attempt_id"]
    path = f"/worker/activity-tasks/{task['task_id']}/{verb}"
    body = OWNED | FAILURE | {"result": None, "activity_attempt_id": theirs}

    answer = await wire.call("POST", path, body, namespace=ELSEWHERE)

    assert (answer.status_code, answer.json()["reason"]) == (404, "attempt_not_found")


async def test_a_past_attempt_is_recognised_at_home_alone(wire: Wire) -> None:
    first = wire.tasks["activity"]
    path = f"/worker/activity-tasks/{first['task_id']}/complete"
    body = OWNED | {"result": None, "activity_attempt_id": wire.past_attempt}

    at_home = await wire.call("POST", path, body)
    elsewhere = await wire.call("POST", path, body, namespace=ELSEWHERE)

    assert (at_home.status_code, at_home.json()["reason"]) == (409, "task_mismatch")
    assert (elsewhere.status_code, elsewhere.json()["reason"]) == (404, "task_not_found")


async def test_lists_and_workers_of_another_namespace_are_not_there(wire: Wire) -> None:
    listed = await wire.call("GET", "/workflows", namespace=ELSEWHERE)
    assert listed.json()["workflows"] == []
    listed = await wire.call("GET", "/activities", namespace=ELSEWHERE)
    assert listed.json()["activities"] == []
    listed = await wire.call("GET", "/schedules", namespace=ELSEWHERE)
    assert listed.json()["schedules"] == []

    body = {"worker_id": "w", "task_queue": "q"}
    for path in ("heartbeat", "workflow-tasks/poll", "activity-tasks/poll", "query-tasks/poll"):
        answer = await wire.call("POST", f"/worker/{path}", body, namespace=ELSEWHERE)
        assert answer.json()["reason"] == "worker_not_registered", path
    # The same ids may be used here, for something else.
    created = await wire.call("POST", "/schedules", SCHEDULE, namespace=ELSEWHERE)
    assert created.status_code == 201
    start = {"workflow_id": "wf", "workflow_type": "other", "task_queue": "q"}
    started = await wire.call("POST", "/workflows", start, namespace=ELSEWHERE)
    assert started.status_code == 201
    alone = {"activity_id": "alone", "activity_type": "other", "task_queue": "r"}
    assert (await wire.call("POST", "/activities", alone, namespace=ELSEWHERE)).status_code == 201
    await wire.work("register", {"runtime": "python"}, namespace=ELSEWHERE)
    assert (await wire.poll("workflow", ELSEWHERE))["run_id"] == started.json()["run_id"]


async def test_queues_workers_and_builds_of_another_namespace_are_not_there(wire: Wire) -> None:
    for path, member in (("/workers", "workers"), ("/task-queues", "task_queues")):
        assert (await wire.call("GET", path, namespace=ELSEWHERE)).json()[member] == []
    queue = (await wire.call("GET", "/task-queues/q", namespace=ELSEWHERE)).json()
    assert (queue["pollers"], queue["current_leases"]) == ([], [])
    builds = "/task-queues/q/build-ids"
    assert (await wire.call("GET", builds, namespace=ELSEWHERE)).json()["build_ids"] == []
    for verb in ("drain", "promote", "resume", "drain"):
        path = f"{builds}/{verb}"
        answer = await wire.call("POST", path, {"build_id": None}, namespace=ELSEWHERE)
        assert answer.status_code == 200
    [at_home] = (await wire.call("GET", builds)).json()["build_ids"]
    assert (at_home["drain_intent"], at_home["promoted_at"]) == ("active", None)


async def test_a_goodbye_frees_nothing_of_the_same_worker_in_another_namespace(wire: Wire) -> None:
    worker = {"worker_id": "v", "session": "s"}
    await wire.work("register", {"runtime": "python"} | worker)
    await wire.call("POST", "/workflows", {"workflow_type": "t", "task_queue": "q"})
    assert (await wire.work("workflow-tasks/poll", worker))["task"] is not None

    elsewhere = await wire.work("deregister", worker, namespace=ELSEWHERE)
    at_home = await wire.work("deregister", worker)

    assert (elsewhere["deregistered"], elsewhere["released_tasks"]) == (False, 0)
    assert (at_home["deregistered"], at_home["released_tasks"]) == (True, 1)
