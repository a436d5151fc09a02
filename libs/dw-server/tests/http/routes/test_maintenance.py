"""Passes of upkeep over HTTP: 200, and 207 with the same body where an item has failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import pytest

from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.services import maintenance, retention

from .conftest import CONTROL

Json = dict[str, Any]
Wire: TypeAlias = Any

COUNTERS = {
    "activity-timeouts": {"processed", "enforced", "skipped", "failed", "results"},
    "retention": {"processed", "pruned", "skipped", "failed", "results"},
    "repair": {
        "connection",
        "queue",
        "run_ids",
        "instance_id",
        "respect_throttle",
        "throttled",
        "selected_existing_task_candidates",
        "selected_missing_task_candidates",
        "selected_total_candidates",
        "repaired_existing_tasks",
        "repaired_missing_tasks",
        "dispatched_tasks",
        "existing_task_failures",
        "missing_run_failures",
        "deadline_expired_candidates",
        "deadline_expired_tasks_created",
        "deadline_expired_failures",
        "activity_timeout_candidates",
        "activity_timeouts_enforced",
        "activity_timeout_failures",
        "selected_command_contract_candidates",
        "backfilled_command_contracts",
        "command_contract_backfill_unavailable",
        "command_contract_failures",
    },
}


async def passed(wire: Wire, what: str, body: Json) -> httpx.Response:
    answer: httpx.Response = await wire.http.post(
        f"/api/system/{what}/pass", json=body, headers=CONTROL
    )
    found = answer.json()
    assert set(found) == COUNTERS[what]
    assert "control_plane" not in found
    assert answer.headers["X-Durable-Workflow-Control-Plane-Version"] == "2"
    return answer


async def closed(wire: Wire) -> str:
    run_id: str = await wire.start()
    result = {"codec": "json", "blob": "1"}
    await wire.complete(await wire.task(), {"type": "complete_workflow", "result": result})
    return run_id


async def scheduled(wire: Wire) -> str:
    """The execution of an activity that waits for a worker."""
    run_id = await wire.start()
    await wire.complete(
        await wire.task(),
        {"type": "schedule_activity", "activity_type": "a", "arguments": None},
    )
    history = await wire.http.get(f"/api/workflows/wf/runs/{run_id}/history", headers=CONTROL)
    [execution] = [
        event["payload"]["activity_execution_id"]
        for event in history.json()["events"]
        if event["event_type"] == "ActivityScheduled"
    ]
    return str(execution)


async def opened(wire: Wire) -> str:
    run_id: str = await wire.start()
    return run_id


def failing_on(item: str, whole: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but for one item."""

    def fail(*args: Any, **named: Any) -> Any:
        given = [*args, *named.values()]
        if item in given or item in [getattr(each, "execution_id", None) for each in given]:
            raise ValueError("boom")
        return whole(*args, **named)

    return fail


FAULTS: dict[str, tuple[Any, str]] = {
    "retention": (retention, "remove"),
    "activity-timeouts": (maintenance, "_time_out"),
    "repair": (maintenance, "repair_run"),
}
ITEMS: dict[str, tuple[str, Callable[[Wire], Awaitable[str]]]] = {
    "retention": ("run_ids", closed),
    "activity-timeouts": ("execution_ids", scheduled),
    "repair": ("run_ids", opened),
}


def failures_of(body: Json) -> list[Json]:
    """What a pass says of the items that failed."""
    if "results" in body:
        assert body["failed"] == len([row for row in body["results"] if row["outcome"] == "error"])
        return [row for row in body["results"] if row["outcome"] == "error"]
    found: list[Json] = body["existing_task_failures"]
    return found


@pytest.mark.parametrize("what", FAULTS)
async def test_a_pass_with_a_failed_item_answers_207_and_the_item_is_there_for_the_next(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    field, make = ITEMS[what]
    item = await make(wire)
    with monkeypatch.context() as broken:
        module, name = FAULTS[what]
        broken.setattr(module, name, failing_on(item, getattr(module, name)))
        partial = await passed(wire, what, {field: [item, "unknown"]})
    assert partial.status_code == 207
    [failure] = failures_of(partial.json())
    assert item in failure.values()
    assert "ValueError: boom" in failure.values()
    if what != "repair":
        assert partial.json()["processed"] == 2
        assert partial.json()["skipped"] == 1

    again = await passed(wire, what, {field: [item, "unknown"]})
    assert (again.status_code, failures_of(again.json())) == (200, [])


@pytest.mark.parametrize("what", FAULTS)
async def test_a_pass_with_nothing_to_do_has_zero_counters(wire: Wire, what: str) -> None:
    answer = await passed(wire, what, {})
    assert answer.status_code == 200
    body = answer.json()
    assert {value for value in body.values() if type(value) is int} == {0}
    assert [value for value in body.values() if value] == []


async def test_no_other_route_answers_207(wire: Wire) -> None:
    document = (await wire.http.get("/api/openapi.json")).json()
    found = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "207" in operation["responses"]
    }
    passes = {(route.method, route.path) for route in ROUTES if route.template.endswith("/pass")}
    assert found == passes
    assert len(passes) == 3
