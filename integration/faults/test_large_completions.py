"""Completions of very many commands are taken whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow.server.records.history_rows import records_of
from integration.harness.payloads import JsonObject, envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

MANY = 1000  # the limit of one completion
QUEUE = "wide"


def activities(count: int = MANY) -> list[JsonObject]:
    one = {"type": "schedule_activity", "activity_type": "a", "arguments": envelope([1])}
    return [one] * count


def leased(wire: Wire, workflow_id: str) -> JsonObject:
    """The first task of a new workflow, leased to a worker that polls."""
    wire.register("w", queue=QUEUE)
    wire.start(workflow_id, workflow_type="wide", queue=QUEUE)
    return wire.poll("workflow", "w", queue=QUEUE)


def completion(task: JsonObject, commands: Sequence[JsonObject]) -> tuple[str, JsonObject]:
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    attempt = task["workflow_task_attempt"]
    return path, {
        "lease_owner": "w",
        "workflow_task_attempt": attempt,
        "commands": list(commands),
    }


def types_of(db: Path) -> list[str]:
    """The types of the events of the only run, whose history must be dense."""
    with closing(sqlite3.connect(db)) as connection:
        rows = connection.execute("SELECT events, record FROM history ORDER BY sequence").fetchall()
        [(last,)] = connection.execute("SELECT last_sequence FROM runs").fetchall()
    events = [json.loads(each) for count, kept in rows for each in records_of(count, kept)]
    assert [event["sequence"] for event in events] == list(range(1, last + 1))
    return [event["event_type"] for event in events]


def stored(db: Path) -> tuple[int, int]:
    """How many activities there are, and events that say so, of the only run."""
    with closing(sqlite3.connect(db)) as connection:
        [(found,)] = connection.execute("SELECT count(*) FROM activities").fetchall()
    return found, types_of(db).count("ActivityScheduled")


@pytest.mark.parametrize("after", [0.02, 0.06, 0.12])
def test_a_server_killed_meanwhile_has_all_of_it_or_nothing(tmp_path: Path, after: float) -> None:
    db = tmp_path / "state.db"

    def send(url: str, path: str, body: JsonObject) -> bool:
        """Whether the completion was acknowledged."""
        with Wire(url) as own:
            try:
                return own.send("POST", path, body).status == 200
            except httpx.HTTPError:
                return False

    with ServerProcess(db) as server, ThreadPoolExecutor(1) as threads:
        with Wire(server.url) as wire:
            task = leased(wire, "w-1")
        path, body = completion(task, activities())
        sent = threads.submit(send, server.url, path, body)
        time.sleep(after)  # not for anything: the moment of the kill is what is varied
        server.kill()
        acknowledged = sent.result(30)
        assert stored(db) in ([(MANY, MANY)] if acknowledged else [(0, 0), (MANY, MANY)])
        before = stored(db)
        server.start()
        with Wire(server.url) as wire:
            again = wire.send("POST", path, body)
        assert again.status == (409 if before[0] else 200), again
        server.process.stop()
    assert stored(db) == (MANY, MANY)


def test_signals_meanwhile_are_recorded_once_behind_all_of_it(tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    with (
        ServerProcess(db) as server,
        ThreadPoolExecutor(1) as threads,
        Wire(server.url) as wire,
        Wire(server.url) as other,
    ):
        path, body = completion(leased(wire, "w-1"), activities())
        sent: Future[Answer] = threads.submit(other.send, "POST", path, body)
        signals = 0
        while not sent.done():
            wire.send("POST", "/api/workflows/w-1/signal/go", {}).need(202)
            signals += 1
        assert sent.result().need()["outcome"] == "completed"
        assert server.process.stop() == 0
    assert signals > 1
    assert stored(db) == (MANY, MANY)
    types = types_of(db)
    kinds = [each for each in types if each in ("SignalReceived", "ActivityScheduled")]
    assert kinds.count("SignalReceived") == signals
    assert kinds[:MANY] == ["ActivityScheduled"] * MANY


def test_a_client_that_hangs_up_meanwhile_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    with ServerProcess(db) as server, Wire(server.url) as wire:
        path, body = completion(leased(wire, "w-1"), activities())
        content = json.dumps(body).encode()
        headers = wire.headers(path) | {"Host": "x", "Content-Length": str(len(content))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        again = wire.send("POST", path, body)
        assert again.status in (200, 409), again
        assert server.process.stop() == 0
    assert stored(db) == (MANY, MANY)


def test_two_completions_of_one_task_are_taken_once(tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    together = threading.Barrier(2)

    def send(url: str, path: str, body: Any) -> int:
        with Wire(url) as own:
            together.wait()
            return own.send("POST", path, body).status

    with ServerProcess(db) as server, ThreadPoolExecutor(2) as threads:
        with Wire(server.url) as wire:
            path, body = completion(leased(wire, "w-1"), activities())
        both = [threads.submit(send, server.url, path, body) for _ in range(2)]
        assert sorted(each.result(30) for each in both) == [200, 409]
        assert server.process.stop() == 0
    assert stored(db) == (MANY, MANY)
