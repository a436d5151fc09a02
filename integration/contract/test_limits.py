"""Every limit at its value and one beyond: the one is done, the other refused and nothing written.

A server of its own has small limits, so that hitting them costs nothing. Those of the
specification's defaults are held by the tests of settings.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from integration.harness.payloads import envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

LIMITS = {
    "DW_MAX_PAYLOAD_BYTES": "20000",
    "DW_MAX_MEMO_BYTES": "200",
    "DW_MAX_SEARCH_ATTRIBUTE_KEY_LENGTH": "12",
    "DW_MAX_SEARCH_ATTRIBUTE_VALUE_BYTES": "30",
    "DW_MAX_OPERATION_NAME_LENGTH": "16",
    "DW_LIMIT_PENDING_ACTIVITIES": "3",
    "DW_LIMIT_PENDING_CHILDREN": "3",
    "DW_LIMIT_PENDING_TIMERS": "3",
    "DW_LIMIT_PENDING_SIGNALS": "3",
    "DW_LIMIT_PENDING_UPDATES": "3",
    "DW_LIMIT_COMMAND_BATCH_SIZE": "7",
    "DW_LIMIT_PAYLOAD_BYTES": "5000",
    "DW_LIMIT_EVENTS_PER_TRANSACTION": "9",
    "DW_MAX_SEARCH_ATTRIBUTES": "4",
    "DW_WORKER_POLL_TIMEOUT": "0",
}
NEW = itertools.count()


class Limit(NamedTuple):
    """One limit.

    Attributes:
        send: Sends what is as large as the number says: to a run, or to a new one.
        most: The largest number that is taken.
        refused: Status, reason, and the field that is at fault or the kind of limit.
    """

    name: str
    send: Callable[[Wire, int], Answer]
    most: int
    refused: tuple[int, str, str]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    db = tmp_path_factory.mktemp("limits") / "state.db"
    with ServerProcess(db, environment=LIMITS) as server, Wire(server.url) as wire:
        wire.register("w", queue="q")
        yield wire


def begun(wire: Wire, queue: str = "q") -> str:
    workflow_id = f"w-{next(NEW)}"
    wire.start(workflow_id, workflow_type="t", queue=queue)
    return workflow_id


def start(**fields: Any) -> Callable[[Wire], Answer]:
    def send(wire: Wire) -> Answer:
        body = {"workflow_id": f"w-{next(NEW)}", "workflow_type": "t", "task_queue": "other"}
        return wire.send("POST", "/api/workflows", body | fields)

    return send


def starting(make: Callable[[int], dict[str, Any]]) -> Callable[[Wire, int], Answer]:
    return lambda wire, size: start(**make(size))(wire)


def repeated(path: str, body: dict[str, Any]) -> Callable[[Wire, int], Answer]:
    """So many commands on one new run; the answer to the last one."""

    def send(wire: Wire, count: int) -> Answer:
        workflow_id = begun(wire)
        wire.poll("workflow", "w", queue="q")
        where = f"/api/workflows/{workflow_id}/{path}"
        return [wire.send("POST", where, body) for _ in range(count)][-1]

    return send


def completing(make: Callable[[int], list[dict[str, Any]]]) -> Callable[[Wire, int], Answer]:
    def send(wire: Wire, size: int) -> Answer:
        workflow_id = begun(wire)
        task = wire.poll("workflow", "w", queue="q")
        assert task["workflow_id"] == workflow_id
        body = {
            "lease_owner": "w",
            "workflow_task_attempt": task["workflow_task_attempt"],
            "commands": make(size),
        }
        answer = wire.send("POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)
        if answer.status != 200:
            where = f"/api/workflows/{workflow_id}/runs/{task['run_id']}/history"
            events = wire.send("GET", where).need()["events"]
            assert [each["event_type"] for each in events] == ["StartAccepted", "WorkflowStarted"]
        wire.send("POST", f"/api/workflows/{workflow_id}/terminate", {})
        return answer

    return send


def many(command: dict[str, Any]) -> Callable[[Wire, int], Answer]:
    return completing(lambda count: [{**command, "n": number} for number in range(count)])


def sized(size: int) -> dict[str, str]:
    """A payload whose blob has so many bytes."""
    return {"codec": "json", "blob": '"' + "x" * (size - 2) + '"'}


def of_bytes(size: int) -> dict[str, str]:
    """An object of so many bytes as compact JSON."""
    return {"a": "x" * (size - len('{"a":""}'))}


def body_of(wire: Wire, size: int) -> Answer:
    body = {"workflow_id": f"w-{next(NEW)}", "workflow_type": "t", "filler": ""}
    empty = len(json.dumps(body).encode())
    text = json.dumps(body | {"filler": "x" * (size - empty)}).encode()
    assert len(text) == size
    return wire.send("POST", "/api/workflows", content=text)


def nested(wire: Wire, depth: int) -> Answer:
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return start(filler=value)(wire)


def named(path: str) -> Callable[[Wire, int], Answer]:
    def send(wire: Wire, length: int) -> Answer:
        workflow_id = begun(wire, "idle")
        return wire.send("POST", f"/api/workflows/{workflow_id}/{path}/{'n' * length}", {})

    return send


def creating(
    path: str, body: dict[str, Any], make: Callable[[int], dict[str, Any]]
) -> Callable[[Wire, int], Answer]:
    """Something new."""
    return lambda wire, size: wire.send("POST", f"/api/{path}", body | make(size))


def scheduling(make: Callable[[int], dict[str, Any]]) -> Callable[[Wire, int], Answer]:
    body = {
        "spec": {"cron_expressions": ["0 0 1 1 *"]},
        "action": {"workflow_type": "t"},
        "paused": True,
    }
    return creating("schedules", body, make)


def terminating(wire: Wire, length: int) -> Answer:
    where = f"/api/workflows/{begun(wire, 'idle')}/terminate"
    return wire.send("POST", where, {"reason": "r" * length})


def with_key(wire: Wire, length: int) -> Answer:
    body = {"workflow_type": "t", "task_queue": "other"}
    headers = {"Idempotency-Key": f"{next(NEW):0{length}}"}
    return wire.send("POST", "/api/workflows", body, headers=headers)


def defining(wire: Wire, count: int) -> Answer:
    """So many definitions in a new namespace; the answer to the last one."""
    namespace = f"n-{next(NEW)}"
    wire.send("POST", "/api/namespaces", {"name": namespace}).need(201)
    headers = {"X-Namespace": namespace}
    return [
        wire.send(
            "POST", "/api/search-attributes", {"name": f"A{each}", "type": "int"}, headers=headers
        )
        for each in range(count)
    ][-1]


def registering(make: Callable[[int], dict[str, Any]]) -> Callable[[Wire, int], Answer]:
    def send(wire: Wire, size: int) -> Answer:
        body = {"worker_id": "other", "task_queue": "other", "runtime": "python"}
        return wire.send("POST", "/api/worker/register", body | make(size))

    return send


def invalid(field: str) -> tuple[int, str, str]:
    return 422, "validation_failed", field


def structural(status: int, kind: str) -> tuple[int, str, str]:
    return status, "structural_limit_exceeded", kind


ACTIVITY = {"type": "schedule_activity", "activity_type": "a", "queue": "q"}
TIMER = {"type": "start_timer", "delay_seconds": 60}
EFFECT = {"type": "record_side_effect", "result": envelope(1)["blob"]}
# Three events each.
CHILD = {"type": "start_child_workflow", "workflow_type": "c", "queue": "elsewhere"}
ROWS = [
    Limit("body", body_of, 20_000, (413, "payload_too_large", "")),
    Limit("depth of a body", nested, 128, (400, "malformed_json", "")),
    Limit("memo", starting(lambda n: {"memo": of_bytes(n)}), 200, invalid("memo")),
    Limit(
        "key of an attribute",
        starting(lambda n: {"search_attributes": {"k" * n: 1}}),
        12,
        invalid("search_attributes"),
    ),
    Limit(
        "value of an attribute",
        starting(lambda n: {"search_attributes": {"k": "v" * n}}),
        30,
        invalid("search_attributes"),
    ),
    Limit(
        "workflow id",
        starting(lambda n: {"workflow_id": f"{next(NEW):0{n}}"}),
        128,
        invalid("workflow_id"),
    ),
    Limit(
        "workflow type",
        starting(lambda n: {"workflow_type": "t" * n}),
        255,
        invalid("workflow_type"),
    ),
    Limit("queue", starting(lambda n: {"task_queue": "q" * n}), 255, invalid("task_queue")),
    Limit(
        "business key", starting(lambda n: {"business_key": "k" * n}), 255, invalid("business_key")
    ),
    Limit(
        "fairness key", starting(lambda n: {"fairness_key": "k" * n}), 64, invalid("fairness_key")
    ),
    Limit("priority", starting(lambda n: {"priority": n}), 9, invalid("priority")),
    Limit(
        "fairness weight",
        starting(lambda n: {"fairness_weight": n}),
        1000,
        invalid("fairness_weight"),
    ),
    Limit("name of a signal", named("signal"), 16, invalid("signal_name")),
    Limit("name of an update", named("update"), 16, invalid("update_name")),
    Limit(
        "signals of a run",
        repeated("signal/go", {}),
        3,
        structural(409, ""),
    ),
    Limit("updates of a run", repeated("update/go", {}), 3, structural(409, "")),
    Limit("activities of a run", many(ACTIVITY), 3, structural(422, "pending_activity_count")),
    Limit("timers of a run", many(TIMER), 3, structural(422, "pending_timer_count")),
    Limit("children of a run", many(CHILD), 3, structural(422, "pending_child_count")),
    Limit("commands of a completion", many(EFFECT), 7, structural(422, "command_batch_size")),
    Limit(
        "events of a completion",
        completing(lambda n: [CHILD, CHILD, *[EFFECT] * (n - 6)]),
        9,
        structural(422, "history_transaction_size"),
    ),
    Limit(
        "types of a registration",
        registering(lambda n: {"supported_workflow_types": [f"t{each}" for each in range(n)]}),
        2000,
        invalid("supported_workflow_types"),
    ),
    Limit(
        "capabilities of a registration",
        registering(lambda n: {"capabilities": [f"c{each}" for each in range(n)]}),
        100,
        invalid("capabilities"),
    ),
    Limit(
        "figures of a process",
        registering(lambda n: {"process_metrics": of_bytes(n)}),
        16_384,
        invalid("process_metrics"),
    ),
    Limit(
        "interval of heartbeats",
        registering(lambda n: {"heartbeat_interval_seconds": n}),
        3600,
        invalid("heartbeat_interval_seconds"),
    ),
    Limit("reason of a termination", terminating, 1000, invalid("reason")),
    Limit("idempotency key", with_key, 255, invalid("idempotency_key")),
    Limit("definitions of attributes", defining, 4, (422, "search_attribute_limit_reached", "")),
    Limit(
        "bytes of a payload in a command",
        completing(lambda n: [{"type": "complete_workflow", "result": sized(n)}]),
        5000,
        structural(422, "payload_size"),
    ),
    Limit(
        "name of a namespace",
        creating("namespaces", {}, lambda n: {"name": f"{next(NEW):0{n}}"}),
        128,
        invalid("name"),
    ),
    Limit(
        "description of a namespace",
        creating("namespaces", {}, lambda n: {"name": f"d{next(NEW)}", "description": "d" * n}),
        1000,
        invalid("description"),
    ),
    Limit(
        "days of retention",
        creating("namespaces", {}, lambda n: {"name": f"r{next(NEW)}", "retention_days": n}),
        365,
        invalid("retention_days"),
    ),
    Limit(
        "id of a schedule",
        scheduling(lambda n: {"schedule_id": f"{next(NEW):0{n}}"}),
        128,
        invalid("schedule_id"),
    ),
    Limit(
        "expressions of a schedule",
        scheduling(lambda n: {"spec": {"cron_expressions": ["@yearly"] * n}}),
        100,
        invalid("spec"),
    ),
    Limit(
        "memo of a schedule",
        scheduling(lambda n: {"memo": of_bytes(n)}),
        200,
        (422, "memo_too_large", ""),
    ),
    Limit("jitter", scheduling(lambda n: {"jitter_seconds": n}), 3600, invalid("jitter_seconds")),
    Limit("note of a schedule", scheduling(lambda n: {"note": "n" * n}), 1000, invalid("note")),
    Limit("runtime", registering(lambda n: {"runtime": "r" * n}), 64, invalid("runtime")),
]


@pytest.mark.parametrize("limit", ROWS, ids=lambda limit: limit.name)
def test_a_limit_is_reached_and_not_passed(wire: Wire, limit: Limit) -> None:
    before = runs(wire)
    at = limit.send(wire, limit.most)
    assert at.status < 300, (at.status, at.body)
    between = runs(wire)
    beyond = limit.send(wire, limit.most + 1)

    status, reason, what = limit.refused
    assert (beyond.status, beyond.reason) == (status, reason), beyond.body
    if reason == "validation_failed":
        assert any(field.startswith(what) for field in beyond.body["errors"]), beyond.body
    elif what:
        assert beyond.body["limit_kind"] == what
    # A start that is refused leaves no run; the other rows make their own, at and beyond alike.
    begins = limit.send.__qualname__.split(".")[0] in ("starting", "body_of", "nested")
    if begins:
        assert (between - before, runs(wire) - between) == (1, 0)


def runs(wire: Wire) -> int:
    found = wire.send("GET", "/api/workflows?page_size=200").need()
    return int(found["workflow_count"])
