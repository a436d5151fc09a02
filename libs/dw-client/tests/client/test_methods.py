"""Every method, driven twice: with as little as it takes, and with everything it takes."""

import asyncio
import csv
import inspect
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from durable_workflow.client import Client, ScheduleAction, ScheduleSpec
from durable_workflow.client import _routes as routes
from durable_workflow.metrics import CLIENT_REQUESTS, InMemoryMetrics

Invoke = Callable[[Client], Awaitable[Any]]

CONTROL, WORKER = "control", "worker"
SPEC = ScheduleSpec(cron_expressions=["0 * * * *"])
ACTION = ScheduleAction(workflow_type="t")
LEASE: dict[str, Any] = {"task_id": "t1", "lease_owner": "o", "workflow_task_attempt": 1}
QUERY: dict[str, Any] = {"query_task_id": "t1", "lease_owner": "o", "query_task_attempt": 1}
ATTEMPT: dict[str, Any] = {"task_id": "t1", "activity_attempt_id": "a1", "lease_owner": "o"}


@dataclass
class Case:
    """What a method sends.

    `required` is in the body of both calls, `optional` in that of the full one only; likewise
    `query` for parameters of the URL. `body` says whether there is a body at all.
    """

    http: str
    route: str
    call: Invoke
    full: Invoke | None = None
    required: set[str] = field(default_factory=set[str])
    optional: set[str] = field(default_factory=set[str])
    query: set[str] = field(default_factory=set[str])
    plane: str = CONTROL

    @property
    def has_body(self) -> bool:
        return self.http in {"POST", "PUT"}


CASES: dict[str, Case] = {
    "get_cluster_info": Case("GET", "/cluster/info", lambda c: c.get_cluster_info()),
    "health": Case("GET", "/health", lambda c: c.health()),
    "list_namespaces": Case("GET", "/namespaces", lambda c: c.list_namespaces()),
    "describe_namespace": Case("GET", "/namespaces/{name}", lambda c: c.describe_namespace("n/1")),
    "create_namespace": Case(
        "POST",
        "/namespaces",
        lambda c: c.create_namespace("n/1"),
        lambda c: c.create_namespace("n/1", description="d", retention_days=3),
        {"name", "description", "retention_days"},
    ),
    "update_namespace": Case(
        "PUT",
        "/namespaces/{name}",
        lambda c: c.update_namespace("n/1"),
        lambda c: c.update_namespace("n/1", description="d", retention_days=3),
        optional={"description", "retention_days"},
    ),
    "delete_namespace": Case("DELETE", "/namespaces/{name}", lambda c: c.delete_namespace("n/1")),
    "set_namespace_external_storage": Case(
        "PUT",
        "/namespaces/{name}/external-storage",
        lambda c: c.set_namespace_external_storage("n/1", driver="s3"),
        lambda c: c.set_namespace_external_storage(
            "n/1", driver="s3", enabled=False, threshold_bytes=5, config={"bucket": "b"}
        ),
        {"driver", "enabled"},
        {"threshold_bytes", "config"},
    ),
    "test_external_storage": Case(
        "POST",
        "/storage/test",
        lambda c: c.test_external_storage(),
        lambda c: c.test_external_storage(
            driver="s3", small_payload_bytes=1, large_payload_bytes=2
        ),
        optional={"driver", "small_payload_bytes", "large_payload_bytes"},
    ),
    "repair_status": Case("GET", "/system/repair", lambda c: c.repair_status()),
    "repair_pass": Case(
        "POST",
        "/system/repair/pass",
        lambda c: c.repair_pass(run_ids=[]),
        lambda c: c.repair_pass(run_ids=["r"], instance_id="w"),
        optional={"run_ids", "instance_id"},
    ),
    "retention_status": Case("GET", "/system/retention", lambda c: c.retention_status()),
    "retention_pass": Case(
        "POST",
        "/system/retention/pass",
        lambda c: c.retention_pass(run_ids=[]),
        lambda c: c.retention_pass(run_ids=["r"], limit=1),
        optional={"run_ids", "limit"},
    ),
    "activity_timeout_status": Case(
        "GET", "/system/activity-timeouts", lambda c: c.activity_timeout_status()
    ),
    "activity_timeout_pass": Case(
        "POST",
        "/system/activity-timeouts/pass",
        lambda c: c.activity_timeout_pass(execution_ids=[]),
        lambda c: c.activity_timeout_pass(execution_ids=["e"], limit=1),
        optional={"execution_ids", "limit"},
    ),
    "list_task_queues": Case("GET", "/task-queues", lambda c: c.list_task_queues()),
    "describe_task_queue": Case(
        "GET", "/task-queues/{task_queue}", lambda c: c.describe_task_queue("q/1")
    ),
    "list_task_queue_build_ids": Case(
        "GET",
        "/task-queues/{task_queue}/build-ids",
        lambda c: c.list_task_queue_build_ids("q/1"),
    ),
    "drain_task_queue_build_id": Case(
        "POST",
        "/task-queues/{task_queue}/build-ids/drain",
        lambda c: c.drain_task_queue_build_id("q/1", None),
        lambda c: c.drain_task_queue_build_id("q/1", "b"),
        {"build_id"},
    ),
    "promote_task_queue_build_id": Case(
        "POST",
        "/task-queues/{task_queue}/build-ids/promote",
        lambda c: c.promote_task_queue_build_id("q/1", None),
        lambda c: c.promote_task_queue_build_id("q/1", "b"),
        {"build_id"},
    ),
    "resume_task_queue_build_id": Case(
        "POST",
        "/task-queues/{task_queue}/build-ids/resume",
        lambda c: c.resume_task_queue_build_id("q/1", None),
        lambda c: c.resume_task_queue_build_id("q/1", "b"),
        {"build_id"},
    ),
    "list_search_attributes": Case(
        "GET", "/search-attributes", lambda c: c.list_search_attributes()
    ),
    "create_search_attribute": Case(
        "POST",
        "/search-attributes",
        lambda c: c.create_search_attribute("n/1", "int"),
        required={"name", "type"},
    ),
    "delete_search_attribute": Case(
        "DELETE", "/search-attributes/{name}", lambda c: c.delete_search_attribute("n/1")
    ),
    "list_workers": Case(
        "GET",
        "/workers",
        lambda c: c.list_workers(),
        lambda c: c.list_workers(task_queue="q 1", status="stale"),
        query={"task_queue", "status"},
    ),
    "describe_worker": Case("GET", "/workers/{worker_id}", lambda c: c.describe_worker("k/1")),
    "deregister_worker": Case(
        "DELETE", "/workers/{worker_id}", lambda c: c.deregister_worker("k/1")
    ),
    "start_workflow": Case(
        "POST",
        "/workflows",
        lambda c: c.start_workflow(workflow_type="t", task_queue="q"),
        lambda c: c.start_workflow(
            workflow_type="t",
            task_queue="q",
            workflow_id="w",
            input=[1],
            business_key="b",
            execution_timeout_seconds=60,
            run_timeout_seconds=30,
            duplicate_policy="allow",
            memo={"m": 1},
            search_attributes={"S": 1},
            priority=0,
            fairness_key="f",
            fairness_weight=2,
        ),
        {"workflow_type", "task_queue", "input"},
        {
            "workflow_id",
            "business_key",
            "execution_timeout_seconds",
            "run_timeout_seconds",
            "duplicate_policy",
            "memo",
            "search_attributes",
            "priority",
            "fairness_key",
            "fairness_weight",
        },
    ),
    "describe_workflow": Case(
        "GET", "/workflows/{workflow_id}", lambda c: c.describe_workflow("w/1")
    ),
    "list_workflows": Case(
        "GET",
        "/workflows",
        lambda c: c.list_workflows(),
        lambda c: c.list_workflows(
            workflow_type="t", status="running", query="a = 1", page_size=2, next_page_token="Mg=="
        ),
        query={"workflow_type", "status", "query", "page_size", "next_page_token"},
    ),
    "list_workflow_runs": Case(
        "GET", "/workflows/{workflow_id}/runs", lambda c: c.list_workflow_runs("w/1")
    ),
    "describe_workflow_run": Case(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}",
        lambda c: c.describe_workflow_run("w/1", "r/1"),
    ),
    "get_history": Case(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}/history",
        lambda c: c.get_history("w/1", "r/1"),
    ),
    "export_history": Case(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}/history/export",
        lambda c: c.export_history("w/1", "r/1"),
    ),
    "signal_workflow": Case(
        "POST",
        "/workflows/{workflow_id}/signal/{name}",
        lambda c: c.signal_workflow("w/1", "n/1", args=[]),
        lambda c: c.signal_workflow("w/1", "n/1", args=[1], request_id="r"),
        {"request_id"},
        {"input"},
    ),
    "query_workflow": Case(
        "POST",
        "/workflows/{workflow_id}/query/{name}",
        lambda c: c.query_workflow("w/1", "n/1", args=[]),
        lambda c: c.query_workflow("w/1", "n/1", args=[1]),
        optional={"input"},
    ),
    "update_workflow": Case(
        "POST",
        "/workflows/{workflow_id}/update/{name}",
        lambda c: c.update_workflow("w/1", "n/1", args=[]),
        lambda c: c.update_workflow(
            "w/1", "n/1", args=[1], wait_for="completed", wait_timeout_seconds=1, request_id="r"
        ),
        {"request_id"},
        {"input", "wait_for", "wait_timeout_seconds"},
    ),
    "cancel_workflow": Case(
        "POST",
        "/workflows/{workflow_id}/cancel",
        lambda c: c.cancel_workflow("w/1"),
        lambda c: c.cancel_workflow("w/1", reason="r"),
        optional={"reason"},
    ),
    "terminate_workflow": Case(
        "POST",
        "/workflows/{workflow_id}/terminate",
        lambda c: c.terminate_workflow("w/1"),
        lambda c: c.terminate_workflow("w/1", reason="r"),
        optional={"reason"},
    ),
    "repair_workflow": Case(
        "POST", "/workflows/{workflow_id}/repair", lambda c: c.repair_workflow("w/1")
    ),
    "archive_workflow": Case(
        "POST",
        "/workflows/{workflow_id}/archive",
        lambda c: c.archive_workflow("w/1"),
        lambda c: c.archive_workflow("w/1", reason="r"),
        optional={"reason"},
    ),
    "start_activity": Case(
        "POST",
        "/activities",
        lambda c: c.start_activity(activity_type="t", task_queue="q"),
        lambda c: c.start_activity(
            activity_type="t",
            task_queue="q",
            activity_id="a",
            activity_class="c",
            input=[],
            business_key="b",
            retry_policy={"max_attempts": 2},
            start_to_close_timeout_seconds=1,
            schedule_to_start_timeout_seconds=2,
            schedule_to_close_timeout_seconds=3,
            heartbeat_timeout_seconds=4,
        ),
        {"activity_type", "task_queue"},
        {
            "activity_id",
            "activity_class",
            "business_key",
            "input",
            "retry_policy",
            "start_to_close_timeout_seconds",
            "schedule_to_start_timeout_seconds",
            "schedule_to_close_timeout_seconds",
            "heartbeat_timeout_seconds",
        },
    ),
    "describe_activity": Case(
        "GET", "/activities/{activity_id}", lambda c: c.describe_activity("a/1")
    ),
    "list_activities": Case(
        "GET",
        "/activities",
        lambda c: c.list_activities(),
        lambda c: c.list_activities(status="failed", page_size=2, next_page_token="Mg=="),
        query={"status", "page_size", "next_page_token"},
    ),
    "send_webhook_bridge_event": Case(
        "POST",
        "/bridge-adapters/webhook/{adapter}",
        lambda c: c.send_webhook_bridge_event(
            "d/1", action="start_workflow", idempotency_key="k", target={}
        ),
        lambda c: c.send_webhook_bridge_event(
            "d/1",
            action="start_workflow",
            idempotency_key="k",
            target={"workflow_type": "t"},
            input={"i": 1},
            correlation={"c": 1},
        ),
        {"action", "idempotency_key", "target"},
        {"input", "correlation"},
    ),
    "create_schedule": Case(
        "POST",
        "/schedules",
        lambda c: c.create_schedule(spec=SPEC, action=ACTION),
        lambda c: c.create_schedule(
            schedule_id="s",
            spec=SPEC,
            action=ACTION,
            overlap_policy="skip",
            jitter_seconds=0,
            max_runs=1,
            memo={},
            search_attributes={},
            paused=True,
            note="n",
        ),
        {"spec", "action"},
        {
            "schedule_id",
            "overlap_policy",
            "jitter_seconds",
            "max_runs",
            "memo",
            "search_attributes",
            "paused",
            "note",
        },
    ),
    "list_schedules": Case("GET", "/schedules", lambda c: c.list_schedules()),
    "describe_schedule": Case(
        "GET", "/schedules/{schedule_id}", lambda c: c.describe_schedule("s/1")
    ),
    "update_schedule": Case(
        "PUT",
        "/schedules/{schedule_id}",
        lambda c: c.update_schedule("s/1"),
        lambda c: c.update_schedule(
            "s/1",
            spec=SPEC,
            action=ACTION,
            overlap_policy="skip",
            jitter_seconds=0,
            max_runs=1,
            memo={},
            search_attributes={},
            note="n",
        ),
        optional={
            "spec",
            "action",
            "overlap_policy",
            "jitter_seconds",
            "max_runs",
            "memo",
            "search_attributes",
            "note",
        },
    ),
    "pause_schedule": Case(
        "POST",
        "/schedules/{schedule_id}/pause",
        lambda c: c.pause_schedule("s/1"),
        lambda c: c.pause_schedule("s/1", note="n"),
        optional={"note"},
    ),
    "resume_schedule": Case(
        "POST",
        "/schedules/{schedule_id}/resume",
        lambda c: c.resume_schedule("s/1"),
        lambda c: c.resume_schedule("s/1", note="n"),
        optional={"note"},
    ),
    "trigger_schedule": Case(
        "POST",
        "/schedules/{schedule_id}/trigger",
        lambda c: c.trigger_schedule("s/1"),
        lambda c: c.trigger_schedule("s/1", overlap_policy="skip"),
        optional={"overlap_policy"},
    ),
    "delete_schedule": Case(
        "DELETE", "/schedules/{schedule_id}", lambda c: c.delete_schedule("s/1")
    ),
    "backfill_schedule": Case(
        "POST",
        "/schedules/{schedule_id}/backfill",
        lambda c: c.backfill_schedule("s/1", start_time="a", end_time="b"),
        lambda c: c.backfill_schedule("s/1", start_time="a", end_time="b", overlap_policy="skip"),
        {"start_time", "end_time"},
        {"overlap_policy"},
    ),
    "get_schedule_history": Case(
        "GET",
        "/schedules/{schedule_id}/history",
        lambda c: c.get_schedule_history("s/1"),
        lambda c: c.get_schedule_history("s/1", limit=1, after_sequence=0),
        query={"limit", "after_sequence"},
    ),
    "register_worker": Case(
        "POST",
        "/worker/register",
        lambda c: c.register_worker(worker_id="k", task_queue="q"),
        lambda c: c.register_worker(
            worker_id="k",
            task_queue="q",
            supported_workflow_types=["t"],
            workflow_definition_fingerprints={"t": "sha256:1"},
            supported_activity_types=["a"],
            max_concurrent_workflow_tasks=1,
            max_concurrent_activity_tasks=1,
            runtime="python",
            sdk_version="v",
            build_id="b",
            capabilities=["query_tasks", ""],
            task_slots={"workflow_available": 1},
            process_metrics={"p": 1},
            heartbeat_interval_seconds=10,
        ),
        {
            "worker_id",
            "task_queue",
            "runtime",
            "sdk_version",
            "supported_workflow_types",
            "supported_activity_types",
        },
        {
            "workflow_definition_fingerprints",
            "capabilities",
            "build_id",
            "max_concurrent_workflow_tasks",
            "max_concurrent_activity_tasks",
            "task_slots",
            "process_metrics",
            "heartbeat_interval_seconds",
        },
        plane=WORKER,
    ),
    "heartbeat_worker": Case(
        "POST",
        "/worker/heartbeat",
        lambda c: c.heartbeat_worker(worker_id="k", task_slots={}, process_metrics={}),
        lambda c: c.heartbeat_worker(
            worker_id="k",
            task_slots={"workflow_available": 1},
            process_metrics={"p": 1},
            heartbeat_interval_seconds=10,
        ),
        {"worker_id"},
        {"task_slots", "process_metrics", "heartbeat_interval_seconds"},
        plane=WORKER,
    ),
    **{
        f"poll_{kind}_task": Case(
            "POST",
            f"/worker/{kind}-tasks/poll",
            lambda c, kind=kind: getattr(c, f"poll_{kind}_task")(  # type: ignore[misc]
                worker_id="k", task_queue="q"
            ),
            required={"worker_id", "task_queue", "poll_request_id"},
            plane=WORKER,
        )
        for kind in ("workflow", "query", "activity")
    },
    "complete_workflow_task": Case(
        "POST",
        "/worker/workflow-tasks/{task_id}/complete",
        lambda c: c.complete_workflow_task(**LEASE, commands=[]),
        lambda c: c.complete_workflow_task(
            **LEASE,
            commands=[],
            keep_history=True,
        ),
        {"lease_owner", "workflow_task_attempt", "commands"},
        {"keep_history"},
        plane=WORKER,
    ),
    "fail_workflow_task": Case(
        "POST",
        "/worker/workflow-tasks/{task_id}/fail",
        lambda c: c.fail_workflow_task(**LEASE, message="m"),
        required={"lease_owner", "workflow_task_attempt", "failure"},
        plane=WORKER,
    ),
    "heartbeat_workflow_task": Case(
        "POST",
        "/worker/workflow-tasks/{task_id}/heartbeat",
        lambda c: c.heartbeat_workflow_task(**LEASE),
        required={"lease_owner", "workflow_task_attempt"},
        plane=WORKER,
    ),
    "workflow_task_history": Case(
        "POST",
        "/worker/workflow-tasks/{task_id}/history",
        lambda c: c.workflow_task_history(**LEASE, page_token="p"),
        required={"lease_owner", "workflow_task_attempt", "next_history_page_token"},
        plane=WORKER,
    ),
    "complete_query_task": Case(
        "POST",
        "/worker/query-tasks/{task_id}/complete",
        lambda c: c.complete_query_task(**QUERY, result=None),
        required={"lease_owner", "query_task_attempt", "result", "result_envelope"},
        plane=WORKER,
    ),
    "fail_query_task": Case(
        "POST",
        "/worker/query-tasks/{task_id}/fail",
        lambda c: c.fail_query_task(**QUERY, message="m"),
        required={"lease_owner", "query_task_attempt", "failure"},
        plane=WORKER,
    ),
    "complete_activity_task": Case(
        "POST",
        "/worker/activity-tasks/{task_id}/complete",
        lambda c: c.complete_activity_task(**ATTEMPT, result=None),
        required={"activity_attempt_id", "lease_owner", "result"},
        plane=WORKER,
    ),
    "fail_activity_task": Case(
        "POST",
        "/worker/activity-tasks/{task_id}/fail",
        lambda c: c.fail_activity_task(**ATTEMPT, message="m"),
        required={"activity_attempt_id", "lease_owner", "failure"},
        plane=WORKER,
    ),
    "heartbeat_activity_task": Case(
        "POST",
        "/worker/activity-tasks/{task_id}/heartbeat",
        lambda c: c.heartbeat_activity_task(**ATTEMPT),
        lambda c: c.heartbeat_activity_task(**ATTEMPT, details={}),
        {"activity_attempt_id", "lease_owner"},
        {"details"},
        plane=WORKER,
    ),
}

# Asynchronous, and made of calls of others, or of none.
COMPOSITE = {"aclose", "get_result", "get_activity_result", "iter_schedule_history"}

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


async def sent_by(
    invoke: Invoke,
    client: Client,
    answers: list[httpx.Response | Exception],
    requests: list[httpx.Request],
) -> httpx.Request:
    requests.clear()
    answers.append(httpx.Response(200, json={}))
    await invoke(client)
    [request] = requests
    return request


@pytest.mark.parametrize("name", CASES)
async def test_what_it_sends(
    name: str,
    make_client: Callable[..., Client],
    answers: list[httpx.Response | Exception],
    requests: list[httpx.Request],
) -> None:
    case, metrics = CASES[name], InMemoryMetrics()
    client = make_client(metrics=metrics)
    for invoke, is_full in ((case.call, False), (case.full or case.call, case.full is not None)):
        request = await sent_by(invoke, client, answers, requests)
        url = urlsplit(str(request.url))
        assert request.method == case.http
        assert url.path == path_of(case.route)
        assert set(parse_qs(url.query)) == (case.query if is_full else set())
        body = body_of(request)
        if case.has_body:
            assert set(body) == (case.required | case.optional if is_full else case.required)
        else:
            assert body is None
        assert ("x-durable-workflow-protocol-version" in request.headers) == (case.plane == WORKER)
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
    assert {case.route for case in CASES.values()} == set(routes.TEMPLATES)
    for case in CASES.values():
        assert routes.template_of(path_of(case.route).removeprefix("/api")) == case.route


# --- the published map ----------------------------------------------------------------

# Decided otherwise, or added: method, column, what we have in place of the map's.
DIFFERENT: dict[tuple[str, str], set[str]] = {
    # The server chooses an id where there is none, and there is no limit where none is given.
    ("start_workflow", "body_required_keys"): {"workflow_type", "task_queue", "input"},
    # One for each call, so that a repetition is known as one.
    ("signal_workflow", "body_required_keys"): {"request_id"},
    ("update_workflow", "body_required_keys"): {"request_id"},
}


# Of the extensions to the protocol, which the map does not know.
EXTENSIONS = {"complete_workflow_task": {"keep_history"}}


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
    assert asked - composite == CASES.keys() - {"heartbeat_workflow_task"}


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"heartbeat_workflow_task"}))
def test_it_is_sent_as_the_map_says(name: str, spec: Path) -> None:
    case, row = CASES[name], rows(spec)[name]
    assert case.http == row["http_method"]
    assert f"/api{case.route}" == row["path_template"]
    assert case.plane == row["plane"]
    assert case.query == keys_in(row["query_params"])
    if case.http == "GET":
        return
    required = DIFFERENT.get((name, "body_required_keys"), keys_in(row["body_required_keys"]))
    both = required | keys_in(row["body_required_keys"]) | keys_in(row["body_optional_keys"])
    assert case.required - {"failure"} == required
    assert (case.required | case.optional) - {"failure"} == both | EXTENSIONS.get(name, set())


async def test_the_methods_can_be_used_side_by_side(
    client: Client, answers: list[httpx.Response | Exception], requests: list[httpx.Request]
) -> None:
    answers += [httpx.Response(200, json={"workflow_id": "w"}) for _ in range(20)]
    await asyncio.gather(*(client.describe_workflow(f"w{n}") for n in range(20)))
    assert {request.url.path for request in requests} == {f"/api/workflows/w{n}" for n in range(20)}
