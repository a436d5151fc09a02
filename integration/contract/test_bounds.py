"""The bounds of fields that the specification names: taken at the value, refused one beyond.

What has a field beyond its bound is refused before anything else is looked at, so most requests
here name what does not exist: at the value they are refused for that, if at all.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

SCHEDULE: dict[str, Any] = {
    "spec": {"cron_expressions": ["0 0 1 1 *"]},
    "action": {"workflow_type": "t"},
    "paused": True,
}
WORKER = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
ACTIVITY = {"activity_type": "a", "task_queue": "idle"}
HEARTBEAT = {"activity_attempt_id": "a", "lease_owner": "w", "current": 1}
LEASE: dict[str, Any] = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": []}
BRIDGE = {"action": "start_workflow", "idempotency_key": "k", "target": {"workflow_type": "t"}}
POLICY = {"driver": "local", "enabled": True, "config": {"uri": "file:///x"}}


class Bound(NamedTuple):
    """One bound.

    Attributes:
        body: Is sent with the field set; None where the field stands in the query string.
        field: Its place in the body.
        most: How long its text may be, or with `number` how large it is.
    """

    method: str
    path: str
    body: dict[str, Any] | None
    field: str
    most: int
    number: bool = False


def post(path: str, body: dict[str, Any], **fields: int) -> list[Bound]:
    return [Bound("POST", path, body, field.replace("__", "."), n) for field, n in fields.items()]


def numbers(method: str, path: str, body: dict[str, Any] | None, **fields: int) -> list[Bound]:
    return [Bound(method, path, body, field, n, number=True) for field, n in fields.items()]


NONE = "/api/workflows/none"
TASKS = "/api/worker"
BOUNDS = [
    *post("/api/workflows", {"workflow_type": "t", "task_queue": "idle"}, task_queue=255),
    *post(f"{NONE}/signal/s", {}, request_id=255),
    *post(f"{NONE}/query/q", {}, request_id=255),
    *post(f"{NONE}/update/u", {}, request_id=255),
    *post(f"{NONE}/cancel", {}, reason=1000, request_id=255),
    *post(f"{NONE}/terminate", {}, reason=1000, request_id=255),
    *post(f"{NONE}/archive", {}, reason=1000, request_id=255),
    *post(f"{NONE}/repair", {}, request_id=255),
    *post("/api/namespaces", {"name": "other"}, description=1000),
    *numbers("POST", "/api/namespaces", {"name": "others"}, retention_days=365),
    *post("/api/schedules", SCHEDULE, note=1000, spec__timezone=64),
    *post("/api/schedules/none/pause", {}, note=1000),
    *post("/api/schedules/none/resume", {}, note=1000),
    *numbers("POST", "/api/schedules", SCHEDULE, jitter_seconds=3600),
    *post("/api/search-attributes", {"type": "int"}, name=128),
    *post(
        *("/api/activities", ACTIVITY),
        activity_type=255,
        task_queue=255,
        business_key=255,
    ),
    *post(f"{TASKS}/register", WORKER, worker_id=255, task_queue=255, runtime=64),
    *post(f"{TASKS}/register", WORKER, sdk_version=64, build_id=255),
    *numbers("POST", f"{TASKS}/register", WORKER, heartbeat_interval_seconds=3600),
    *post(f"{TASKS}/heartbeat", {}, worker_id=255),
    *post(f"{TASKS}/workflow-tasks/poll", WORKER, poll_request_id=255, build_id=255),
    *numbers("POST", f"{TASKS}/workflow-tasks/poll", WORKER, history_page_size=1000),
    *post(f"{TASKS}/workflow-tasks/none/complete", LEASE, lease_owner=255),
    *post(f"{TASKS}/activity-tasks/none/heartbeat", HEARTBEAT, message=280, unit=64),
    *post("/api/task-queues/q/build-ids/promote", {}, build_id=255),
    *post("/api/bridge-adapters/webhook/a", BRIDGE, idempotency_key=255),
    *post(
        *("/api/bridge-adapters/webhook/a", BRIDGE),
        target__workflow_type=255,
        target__task_queue=255,
        target__business_key=255,
        target__workflow_id=128,
    ),
    *numbers("POST", "/api/storage/test", {}, small_payload_bytes=1_048_576),
    *numbers("POST", "/api/storage/test", {}, large_payload_bytes=16_777_216),
    *numbers("GET", "/api/workflows", None, page_size=200),
    *numbers("GET", "/api/activities", None, page_size=200),
    *numbers("GET", f"{NONE}/runs/none/history", None, page_size=1000),
    *[
        Bound("PUT", "/api/namespaces/default/external-storage", POLICY, f"config.{name}", most)
        for name, most in {
            **{"uri": 2048, "bucket": 255, "disk": 255, "prefix": 1024, "region": 128},
            **{"endpoint": 2048, "auth_profile": 255},
        }.items()
    ],
]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    db = tmp_path_factory.mktemp("bounds") / "state.db"
    with (
        ServerProcess(db, environment={"DW_WORKER_POLL_TIMEOUT": "0"}) as server,
        Wire(server.url) as wire,
    ):
        wire.register("w", queue="q")
        yield wire


def sent(wire: Wire, bound: Bound, size: int) -> Answer:
    value: Any = size if bound.number else "x" * size
    if bound.body is None:
        return wire.send(bound.method, f"{bound.path}?{bound.field}={value}")
    body = copy.deepcopy(bound.body)
    *parents, last = bound.field.split(".")
    inner = body
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return wire.send(bound.method, bound.path, body)


def at_fault(answer: Answer) -> list[str]:
    return [*answer.body.get("errors", {})] if answer.status == 422 else []


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda each: f"{each.path} {each.field}")
def test_a_field_is_taken_at_its_bound_and_refused_beyond(wire: Wire, bound: Bound) -> None:
    beyond = sent(wire, bound, bound.most + 1)
    assert beyond.status == 422, beyond.body
    assert bound.field in at_fault(beyond), beyond.body
    at = sent(wire, bound, bound.most)
    assert at.status < 500, at.body
    # A text of so many letters may be no name of a time zone; it is not too long.
    said = [text for text in at.body.get("errors", {}).get(bound.field, ()) if "long" in text]
    assert not said if bound.field == "spec.timezone" else bound.field not in at_fault(at), at.body
