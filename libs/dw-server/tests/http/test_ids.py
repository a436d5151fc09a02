"""One rule for ids, wherever they stand: the space around them counts for nothing."""

from __future__ import annotations

import re

import httpx
import pytest

from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Route

HEADERS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}
# The name of an adapter is no id, and what is wrong with it is an outcome.
WITH_IDS = [
    route for route in ROUTES if "{" in route.template and route.operation != "send_bridge_event"
]
# What a body needs for the id to be all that is wrong.
WORKER = {"worker_id": "w", "task_queue": "q", "runtime": "python"}


def path(route: Route, ids: str) -> str:
    """The route's path with `ids` for each id, and "go" for the names that authors give."""
    named = re.sub(r"\{(signal|query|update)_name\}", "go", route.template)
    return "/api" + re.sub(r"\{\w+\}", ids, named)


@pytest.mark.parametrize("route", WITH_IDS, ids=lambda route: f"{route.method} {route.template}")
async def test_a_blank_id_in_a_path_is_refused_by_name(
    client: httpx.AsyncClient, route: Route
) -> None:
    answer = await client.request(route.method, path(route, "%20%09"), headers=HEADERS)
    ids = set(re.findall(r"\{(\w+)\}", route.template)) - {
        "signal_name",
        "query_name",
        "update_name",
    }
    assert (answer.status_code, answer.json()["reason"]) == (422, "validation_failed")
    assert set(answer.json()["errors"]) >= ids


async def test_a_blank_id_is_refused_after_login_and_namespace(guarded: httpx.AsyncClient) -> None:
    stranger = await guarded.get("/api/workflows/%20", headers=HEADERS)
    login = {"Authorization": "Bearer o", "X-Namespace": "nowhere"}
    lost = await guarded.get("/api/workflows/%20", headers=HEADERS | login)
    assert (stranger.status_code, lost.json()["reason"]) == (401, "namespace_not_found")


async def test_a_padded_id_is_found_on_every_route(client: httpx.AsyncClient) -> None:
    start = {"workflow_id": " a ", "workflow_type": "t", "task_queue": " q "}
    started = (await client.post("/api/workflows", json=start, headers=HEADERS)).json()
    assert started["workflow_id"] == "a"
    await client.post("/api/worker/register", json=WORKER, headers=HEADERS)
    poll = {"worker_id": " w ", "task_queue": " q "}
    polled = await client.post("/api/worker/workflow-tasks/poll", json=poll, headers=HEADERS)
    task = polled.json()["task"]
    assert task["workflow_id"] == "a"
    renewed = await client.post(
        f"/api/worker/workflow-tasks/%20{task['task_id']}%20/heartbeat",
        json={"lease_owner": " w ", "workflow_task_attempt": task["workflow_task_attempt"]},
        headers=HEADERS,
    )
    assert renewed.status_code == 200

    await client.post("/api/namespaces", json={"name": "a"}, headers=HEADERS)
    alone = {"activity_id": " alone ", "activity_type": "t", "task_queue": "q"}
    await client.post("/api/activities", json=alone, headers=HEADERS)
    attribute = {"name": "a", "type": "int"}
    await client.post("/api/search-attributes", json=attribute, headers=HEADERS)

    await client.post("/api/worker/register", json=WORKER | {"worker_id": " a "}, headers=HEADERS)
    schedule = {
        "schedule_id": " a ",
        "spec": {"cron_expressions": ["0 2 1 1 *"]},
        "action": {"workflow_type": "t", "task_queue": "q"},
    }
    await client.post("/api/schedules", json=schedule, headers=HEADERS)

    for route in WITH_IDS:
        if route.operation == "set_external_storage" or route.operation.endswith("_build"):
            continue  # it wants a driver, or a build
        if route.operation in {"delete_schedule", "backfill_schedule"}:
            continue  # others want the schedule still, or it wants a time
        if route.plane == "worker" or route.operation in {"query_workflow", "update_workflow"}:
            continue  # of tasks, or answered by workers
        if route.operation == "terminate_workflow":
            continue  # one of the two routes that close it is enough
        padded = path(route, "%20a%20").replace("/runs/%20a%20", f"/runs/%20{started['run_id']}%20")
        if "{activity_id}" in route.template:
            padded = path(route, "%20alone%20")
        answer = await client.request(route.method, padded, headers=HEADERS)
        closed = answer.json().get("reason") == "run_not_active"
        assert answer.status_code in {200, 202} or closed, (route.template, answer.text)


async def test_a_signal_keeps_the_space_in_its_name(client: httpx.AsyncClient) -> None:
    start = {"workflow_id": "a", "workflow_type": "t"}
    await client.post("/api/workflows", json=start, headers=HEADERS)
    sent = await client.post("/api/workflows/a/signal/%20go%20", headers=HEADERS)
    blank = await client.post("/api/workflows/a/signal/%20", headers=HEADERS)
    assert sent.json()["signal_name"] == " go "
    assert (blank.status_code, list(blank.json()["errors"])) == (422, ["signal_name"])
