"""Every method, driven twice: with as little as it takes, and with everything it takes."""

import asyncio
import csv
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from durable_workflow.client import Client
from durable_workflow.client import _routes as routes
from durable_workflow.metrics import (
    CLIENT_REQUEST_DURATION_SECONDS,
    CLIENT_REQUESTS,
    InMemoryMetrics,
)

from .methods import CASES, WORKER, Case

# Asynchronous, and made of calls of others, or of none.
COMPOSITE = {
    "aclose",
    "execute_workflow",
    "get_result",
    "get_activity_result",
    "iter_schedule_history",
    "iter_workflows",
}

ENCODED = {
    "{name}": "n%2F1",
    "{task_queue}": "q%2F1",
    "{worker_id}": "k%2F1",
    "{workflow_id}": "w%2F1",
    "{run_id}": "r%2F1",
    "{activity_id}": "a%2F1",
    "{adapter}": "d%2F1",
    "{schedule_id}": "s%2F1",
    "{task_id}": "t1",
}


def path_of(route: str) -> str:
    return "/api" + re.sub(r"\{\w+\}", lambda found: ENCODED[found[0]], route)


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.content else None


@pytest.mark.parametrize("name", CASES)
async def test_what_it_sends(
    name: str,
    make_client: Callable[..., Client],
    answers: list[httpx.Response | Exception],
    requests: list[httpx.Request],
) -> None:
    case, metrics = CASES[name], InMemoryMetrics()
    client = make_client(metrics=metrics)
    for in_full in (False, True) if case.is_called_in_full else (False,):
        requests.clear()
        answers.append(httpx.Response(200, json={}))
        await case.call(client, name, in_full=in_full)
        [request] = requests
        url = urlsplit(str(request.url))
        assert request.method == case.http
        assert url.path == path_of(case.route)
        assert set(parse_qs(url.query)) == set(case.query if in_full else ())
        body = body_of(request)
        if case.has_body:
            assert set(body) == {*case.required, *(case.optional if in_full else ())}
        else:
            assert body is None
        assert ("x-durable-workflow-protocol-version" in request.headers) == (case.plane == WORKER)
    assert {labels for _, labels in metrics.histograms} == {key[1] for key in metrics.counters}
    assert {name for name, _ in metrics.histograms} == {CLIENT_REQUEST_DURATION_SECONDS}
    for key, labels in metrics.counters:
        assert key == CLIENT_REQUESTS
        assert dict(labels) == {
            "method": case.http,
            "route": case.route,
            "plane": case.plane,
            "status_code": "200",
            "outcome": "ok",
        }


def test_every_method_stands_in_the_table() -> None:
    asynchronous = {
        name
        for name, member in inspect.getmembers(Client)
        if not name.startswith("_")
        and (inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member))
    }
    assert asynchronous == CASES.keys() | COMPOSITE


def test_the_routes_of_all_methods_are_known_by_their_paths() -> None:
    assert {case.route for case in CASES.values()} == set(routes.Route)
    for case in CASES.values():
        assert routes.route_of(path_of(case.route).removeprefix("/api")) == case.route


# --- the published map ----------------------------------------------------------------

# Decided otherwise, or added: method, column, what we have in place of the map's.
DIFFERENT: dict[tuple[str, str], set[str]] = {
    # The server chooses an id where there is none, and there is no limit where none is given.
    ("start_workflow", "body_required_keys"): {"workflow_type", "task_queue", "input"},
    # One for each call, so that a repetition is known as one.
    ("signal_workflow", "body_required_keys"): {"request_id"},
    # The result is asked for unless the caller says otherwise.
    ("update_workflow", "body_required_keys"): {"request_id", "wait_for"},
}


# Of the extensions to the protocol, which the map does not know.
EXTENSIONS = {
    "complete_workflow_task": {"keep_history"},
    "register_worker": {"session"},
    "heartbeat_worker": {"session", "held_tasks", "wait_seconds"},
}
# Methods that the map does not have.
OURS = {"debug_workflow", "debug_workflow_run", "heartbeat_workflow_task", "release_worker"}


def rows(spec: Path) -> dict[str, dict[str, str]]:
    with (spec / "client-http-map.tsv").open(newline="") as file:
        return {row["client_method"]: row for row in csv.DictReader(file, delimiter="\t")}


def keys_in(cell: str) -> set[str]:
    """The top-level keys that a cell of the map names."""
    if cell in {"no body", "{}"}:
        return set()
    added = re.findall(r"\(\+ (\w+)\)", cell)
    plain = re.sub(r"\([^)]*\)|\{[^}]*\}", "", cell)
    names = {part.strip().split(".")[0] for part in plain.split(",")}
    return ({name for name in names if name} | set(added)) - {"failure"}


def test_the_map_names_the_same_methods(spec: Path) -> None:
    asked = {name for name, row in rows(spec).items() if row["http_method"] not in {"-"}}
    composite = {name for name, row in rows(spec).items() if row["http_method"] == "composite"}
    assert asked - composite == CASES.keys() - OURS


def test_each_is_sent_as_the_map_says(spec: Path) -> None:
    table = rows(spec)
    for name in sorted(CASES.keys() - OURS):
        assert_sent_as(name, CASES[name], table[name])


def assert_sent_as(name: str, case: Case, row: dict[str, str]) -> None:
    assert case.http == row["http_method"], name
    assert f"/api{case.route}" == row["path_template"], name
    assert case.plane == row["plane"], name
    assert set(case.query) == keys_in(row["query_params"]), name
    if case.http == "GET":
        return
    required = DIFFERENT.get((name, "body_required_keys"), keys_in(row["body_required_keys"]))
    both = required | keys_in(row["body_required_keys"]) | keys_in(row["body_optional_keys"])
    assert set(case.required) - {"failure"} == required, name
    sent = {*case.required, *case.optional} - {"failure"}
    assert sent == both | EXTENSIONS.get(name, set()), name


async def test_the_methods_can_be_used_side_by_side(
    client: Client, answers: list[httpx.Response | Exception], requests: list[httpx.Request]
) -> None:
    answers += [httpx.Response(200, json={"workflow_id": "w"}) for _ in range(20)]
    await asyncio.gather(*(client.describe_workflow(f"w{n}") for n in range(20)))
    assert {request.url.path for request in requests} == {f"/api/workflows/w{n}" for n in range(20)}
