"""Limits of what waits, of a run's whole size, and of one request that makes many runs.

Each at its value and one beyond. What is refused has written nothing.
"""

from __future__ import annotations

import functools
import http.client
import itertools
import json
import operator
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.harness.payloads import JsonObject, as_object
from integration.harness.processes import ServerProcess
from integration.harness.waiting import eventually
from integration.harness.wire import Answer, Wire

_QUERIES = _POLLS = 3
_ATTRIBUTE_BYTES = 120
_EVENTS = 8
_FIRES = 4
_BUFFERED = 3
SMALL = {
    "DW_QUERY_TASK_MAX_PENDING_PER_QUEUE": str(_QUERIES),
    "DW_MAX_WAITING_POLLS": str(_POLLS),
    "DW_LIMIT_SEARCH_ATTRIBUTE_BYTES": str(_ATTRIBUTE_BYTES),
    "DW_LIMIT_MEMO_BYTES": "100",
    "DW_LIMIT_HISTORY_EVENTS": str(_EVENTS),
    "DW_SCHEDULE_MAX_BACKFILL": str(_FIRES),
    "DW_SCHEDULE_MAX_BUFFERED": str(_BUFFERED),
    "DW_QUERY_TASK_TIMEOUT": "20",
    "DW_WORKER_POLL_TIMEOUT": "20",
}
NEW = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    db = tmp_path_factory.mktemp("load") / "state.db"
    with ServerProcess(db, environment=SMALL) as server:
        yield server


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[Wire]:
    with Wire(server.url) as wire:
        yield wire


def begun(wire: Wire) -> JsonObject:
    """The leased first task of a new run, whose queue is its own."""
    name = f"w-{next(NEW)}"
    wire.register(name, queue=name)
    wire.start(name, workflow_type="t", queue=name)
    return wire.poll("workflow", name, queue=name)


def completed(wire: Wire, task: JsonObject, *commands: JsonObject) -> Answer:
    body = {
        "lease_owner": task["lease_owner"],
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": list(commands),
    }
    return wire.send("POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)


def runs(wire: Wire) -> int:
    return int(wire.send("GET", "/api/workflows?page_size=200").need()["workflow_count"])


def test_attributes_of_a_run_together(wire: Wire) -> None:
    def upsert(size: int) -> dict[str, Any]:
        # {"a":"xx"} as compact JSON.
        return {"type": "upsert_search_attributes", "attributes": {"a": "x" * (size - 8)}}

    task = begun(wire)
    beyond = completed(wire, task, upsert(_ATTRIBUTE_BYTES + 1))
    assert (beyond.status, beyond.reason) == (422, "structural_limit_exceeded")
    assert beyond.body["limit_kind"] == "search_attribute_size"
    assert beyond.body["current_value"] == _ATTRIBUTE_BYTES + 1
    assert beyond.body["configured_limit"] == _ATTRIBUTE_BYTES
    assert len(wire.history(task["workflow_id"], task["run_id"])) == 2
    assert wire.describe(task["workflow_id"])["search_attributes"] == {}

    completed(wire, task, upsert(_ATTRIBUTE_BYTES)).need()
    assert wire.describe(task["workflow_id"])["search_attributes"] == {
        "a": "x" * (_ATTRIBUTE_BYTES - 8)
    }


@pytest.mark.parametrize(
    ("field", "most"), [("search_attributes", _ATTRIBUTE_BYTES), ("memo", 100)]
)
def test_what_a_run_begins_with_is_bounded_too(wire: Wire, field: str, most: int) -> None:
    def start(size: int) -> Answer:
        body = {"workflow_id": f"w-{next(NEW)}", "workflow_type": "t", "task_queue": "idle"}
        value = {"a": "x" * (size - len('{"a":""}'))}
        return wire.send("POST", "/api/workflows", {**body, field: value})

    start(most).need(201)
    before = runs(wire)
    beyond = start(most + 1)
    assert (beyond.status, beyond.reason) == (422, "validation_failed"), beyond.body
    assert [*beyond.body["errors"]] == [field]
    assert runs(wire) == before


def test_events_of_a_run(wire: Wire) -> None:
    """Two are there; the completion adds as many as are left, or one more."""
    effect = {"type": "record_side_effect", "result": "1"}
    for beyond in (0, 1):
        task = begun(wire)
        completed(wire, task, *[effect] * (_EVENTS - 2 + beyond)).need()
        run = wire.describe(task["workflow_id"])
        if not beyond:
            assert run["status"] in ("running", "waiting")
            continue
        assert run["status"] == "failed"
        assert run["failure"]["reason"] == "history_limit_exceeded"
        last = wire.history(task["workflow_id"], task["run_id"])[-1]
        assert last["event_type"] == "WorkflowFailed"
        assert last["payload"]["structural_limit_kind"] == "history_event_count"


def test_bytes_of_a_run(wire: Wire, tmp_path: Path) -> None:
    """A run is as large as the limit, or a byte larger."""
    task = begun(wire)
    effect = {"type": "record_side_effect", "result": "1"}
    completed(wire, task, effect).need()
    [size] = sizes(wire.describe(task["workflow_id"]))
    for beyond in (0, 1):
        limit = {"DW_LIMIT_HISTORY_BYTES": str(size - beyond)}
        path = tmp_path / f"{beyond}.db"
        with ServerProcess(path, environment=limit) as server, Wire(server.url) as small:
            name = task["workflow_id"]
            small.register(name, queue=name)
            small.start(name, workflow_type="t", queue=name)
            completed(small, small.poll("workflow", name, queue=name), effect).need()
            run = small.describe(name)
            if not beyond:
                assert sizes(run) == [size]
                assert run["status"] in ("running", "waiting")
                continue
            assert run["status"] == "failed"
            assert run["failure"]["reason"] == "history_limit_exceeded"


def sizes(value: Any) -> list[int]:
    """The sizes of a history that are somewhere in an answer."""
    members = as_object(value)
    if members is None:
        return []
    found = [each for inner in members.values() for each in sizes(inner)]
    return [*found, *([members["history_size_bytes"]] if "history_size_bytes" in members else [])]


def at_once(url: str, calls: int, path: str, body: JsonObject) -> list[Future[httpx.Response]]:
    """So many requests, each held by the server, on threads of their own."""
    pool = ThreadPoolExecutor(calls)
    with Wire(url) as wire:
        headers = wire.headers(path)

    def call(number: int) -> httpx.Response:
        sent = {
            key: f"{value}{number}" if key == "worker_id" else value for key, value in body.items()
        }
        return httpx.post(f"{url}{path}", json=sent, headers=headers, timeout=60)

    futures = [pool.submit(call, number) for number in range(calls)]
    pool.shutdown(wait=False)
    return futures


def refused_and_held(calls: list[Future[httpx.Response]], refused: int) -> list[httpx.Response]:
    """The answers of those that are refused, which come while the others are held."""
    answers = [call.result() for call in itertools.islice(as_completed(calls, 20), refused)]
    assert [call.done() for call in calls].count(True) == refused
    return answers


@pytest.mark.parametrize("beyond", [0, 1])
def test_queries_that_wait_for_a_queue(wire: Wire, beyond: int) -> None:
    name = f"w-{next(NEW)}"
    wire.register(name, queue=name, capabilities=["query_tasks"])
    wire.start(name, workflow_type="t", queue=name)
    calls = at_once(wire.url, _QUERIES + beyond, f"/api/workflows/{name}/query/q", {})
    for answer in refused_and_held(calls, beyond):
        assert answer.status_code == 429
        assert answer.json()["reason"] == "query_task_queue_full"
    for _ in range(_QUERIES):
        poll = {"worker_id": name, "task_queue": name}
        task = wire.send("POST", "/api/worker/query-tasks/poll", poll).need()["task"]
        report = {"lease_owner": name, "query_task_attempt": 1, "result": 1}
        where = f"/api/worker/query-tasks/{task['query_task_id']}/complete"
        wire.send("POST", where, report).need()
    assert sorted(call.result().status_code for call in calls) == [200] * _QUERIES + [429] * beyond


@pytest.mark.parametrize("beyond", [0, 1])
def test_polls_that_are_held(wire: Wire, beyond: int) -> None:
    queue = f"q-{next(NEW)}"
    for number in range(_POLLS + 1):
        wire.register(f"{queue}-{number}", queue=queue)
    poll = {"worker_id": f"{queue}-", "task_queue": queue}
    calls = at_once(wire.url, _POLLS + beyond, "/api/worker/workflow-tasks/poll", poll)
    for answer in refused_and_held(calls, beyond):
        assert (answer.status_code, answer.json()["reason"]) == (429, "too_many_polls")
        assert answer.headers["retry-after"] == "1"
    for number in range(_POLLS):
        wire.start(f"{queue}-{number}", workflow_type="t", queue=queue)
    # Each that was held has its task; who was refused has none, so none is lost.
    tasks = [call.result().json()["task"] for call in calls if call.result().status_code == 200]
    assert {task["workflow_id"] for task in tasks} == {f"{queue}-{n}" for n in range(_POLLS)}


def test_units_that_wait_for_the_disk(tmp_path: Path) -> None:
    """Who is refused has begun nothing; who is not has."""
    one = {"DW_MAX_WAITING_UNITS": "1"}
    with ServerProcess(tmp_path / "state.db", environment=one) as server, Wire(server.url) as wire:
        wire.start("alone", workflow_type="t", queue="q")
        path = "/api/workflows"
        body = json.dumps({"workflow_type": "t", "task_queue": "q"}).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in wire.headers(path).items())
        count = 40
        request = f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        address = server.url.removeprefix("http://").split(":")
        sockets = [socket.create_connection((address[0], int(address[1]))) for _ in range(count)]
        for each in sockets:
            each.sendall(request.encode() + body[:-1])
        for each in sockets:
            each.sendall(body[-1:])  # all of them are read in a turn of the loop or two
        answers = [httpx_answer(each) for each in sockets]
        refused = [answer for answer in answers if answer[0] != 201]
        assert refused
        assert {answer[:2] for answer in refused} == {(503, "server_busy")}
        begun = {answer[2] for answer in answers if answer[0] == 201}
        found = wire.send("GET", "/api/workflows?page_size=200").need()["workflows"]
        assert {each["workflow_id"] for each in found} == begun | {"alone"}


def httpx_answer(connection: socket.socket) -> tuple[int, str | None, str | None]:
    """Status, reason and workflow id of one answer."""
    with connection:
        response = http.client.HTTPResponse(connection)
        response.begin()
        if response.status != 201:
            assert response.headers["retry-after"]
        body = json.loads(response.read())
        return response.status, body.get("reason"), body.get("workflow_id")


def schedule(wire: Wire, policy: str) -> str:
    name = f"s-{next(NEW)}"
    body = {
        "schedule_id": name,
        # Each minute of an hour that is not now.
        "spec": {"cron_expressions": ["* 0 1 1 *"]},
        "action": {"workflow_type": "t", "task_queue": "idle"},
        "overlap_policy": policy,
    }
    wire.send("POST", "/api/schedules", body).need(201)
    return name


def test_fires_of_a_backfill(wire: Wire) -> None:
    name = schedule(wire, "allow_all")

    def backfill(minutes: int) -> Answer:
        window = {
            "start_time": "2026-01-01T00:00:30Z",
            "end_time": f"2026-01-01T00:{minutes:02}:30Z",
        }
        return wire.send("POST", f"/api/schedules/{name}/backfill", window)

    before = runs(wire)
    beyond = backfill(_FIRES + 1)
    assert (beyond.status, beyond.reason) == (422, "validation_failed"), beyond.body
    assert [*beyond.body["errors"]] == ["end_time"]
    assert runs(wire) == before
    started = backfill(_FIRES).need()["results"]
    assert [each["outcome"] for each in started] == ["started"] * _FIRES
    assert runs(wire) == before + _FIRES


@pytest.mark.parametrize(("policy", "most"), [("buffer_all", _BUFFERED), ("buffer_one", 1)])
async def test_fires_that_wait_for_the_last_one_to_end(wire: Wire, policy: str, most: int) -> None:
    name = schedule(wire, policy)

    def trigger() -> JsonObject:
        return wire.send("POST", f"/api/schedules/{name}/trigger", {}).need()

    def described() -> JsonObject:
        return wire.send("GET", f"/api/schedules/{name}").need()

    async def counted() -> int:
        return runs(wire)

    before = runs(wire)
    assert trigger()["outcome"] == "triggered"
    found = [trigger() for _ in range(most)]
    assert [each["outcome"] for each in found] == ["buffered"] * most
    assert [each["buffer_depth"] for each in found] == [*range(1, most + 1)]
    beyond = trigger()
    assert beyond["outcome"] == "buffer_full"
    assert "workflow_id" not in beyond
    info = described()["info"]
    assert len(info["buffered_actions"]) == most
    assert (info["skipped_trigger_count"], info["last_skip_reason"]) == (1, "buffer_full")
    assert runs(wire) == before + 1
    # Each that was kept starts when the one before it ends, and the refused one never does.
    for started in range(1, most + 1):
        [latest, *_] = described()["info"]["recent_actions"][::-1]
        path = f"/api/workflows/{latest['workflow_id']}/terminate"
        wire.send("POST", path, {}).need()
        await eventually(counted, functools.partial(operator.eq, before + 1 + started))
    assert described()["info"]["buffered_actions"] == []
