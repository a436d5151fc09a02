"""Archiving and repairing runs, as the services do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from durable_workflow.server.engine.state import READY
from durable_workflow.server.records import command_records, due, runs
from durable_workflow.server.records.due import DueItem
from durable_workflow.server.requests import ArchiveWorkflow, RepairWorkflow
from durable_workflow.server.services import archiving, repair
from durable_workflow.server.store.protocol import Read, Tx

T = TypeVar("T")


async def _look(server: Any, view: Callable[[Read], T]) -> T:
    seen: T = await server.store.read(view)
    return seen


async def _archive(server: Any, **fields: Any) -> Any:
    request = ArchiveWorkflow(workflow_id="wf", **fields)
    return await server.run(archiving.archive, server.caller, request)


async def _repair(server: Any) -> Any:
    return await server.run(repair.repair, server.caller, RepairWorkflow(workflow_id="wf"))


async def _end(server: Any) -> str:
    started = await server.start("wf")
    await server.decide({"type": "complete_workflow", "result": None})
    run_id: str = started.body["run_id"]
    return run_id


async def test_a_closed_run_is_archived_once_and_says_who_did_it(server: Any) -> None:
    run_id = await _end(server)
    first = await _archive(server, reason="audit")
    again = await _archive(server)
    assert (first.body["outcome"], first.body["reason"]) == ("archived", "audit")
    assert (again.body["outcome"], again.reason) == ("archive_not_needed", None)
    run = await _look(server, lambda read: runs.find(read, run_id))
    details = await _look(server, lambda read: runs.details(read, run_id))
    assert run is not None
    assert run.archived_at == server.clock.now()
    assert details.archive == {"command_id": first.body["command_id"], "reason": "audit"}
    types = [event["event_type"] for event in await server.events("wf")]
    assert types[-3:] == ["ArchiveRequested", "WorkflowArchived", "ArchiveRequested"]


async def test_an_archived_run_cannot_be_archived_by_its_actions(server: Any) -> None:
    await _end(server)
    assert (await server.describe("wf"))["actions"]["can_archive"] is True
    await _archive(server)
    assert (await server.describe("wf"))["actions"]["can_archive"] is False


async def test_an_open_run_is_not_archived(server: Any) -> None:
    await server.start("wf")
    refused = await _archive(server)
    assert refused.reason == "run_not_closed"
    assert refused.body["outcome"] == "rejected_run_not_closed"


async def test_a_run_that_goes_on_needs_no_repair(server: Any) -> None:
    await server.start("wf")
    reply = await _repair(server)
    assert reply.body["outcome"] == "repair_not_needed"
    event = (await server.events("wf"))[-1]
    assert event["event_type"] == "RepairRequested"
    assert event["payload"]["liveness_state"] == "workflow_task_ready"


async def test_a_closed_run_is_not_repaired(server: Any) -> None:
    await _end(server)
    assert (await _repair(server)).reason == "run_not_active"


async def test_a_failed_task_is_offered_without_its_rest(server: Any) -> None:
    await server.start("wf")
    await server.fail(await server.task())
    assert await server.poll() is None
    assert (await _repair(server)).body["outcome"] == "repair_dispatched"
    assert await server.poll() is not None


async def test_what_was_set_aside_is_tried_at_once(server: Any) -> None:
    run_id = (await server.start("wf")).body["run_id"]
    item = DueItem("run", run_id, run_id)

    def rest(tx: Tx) -> None:
        due.set_aside(tx, item, failures=3, error="boom", until=tx.now + 60_000_000)

    await server.store.run(rest)
    assert (await _repair(server)).body["outcome"] == "repair_dispatched"
    assert not await _look(server, lambda read: due.rests(read, item))


async def test_a_run_without_anything_to_wait_for_gets_a_task(server: Any) -> None:
    run_id = (await server.start("wf")).body["run_id"]

    def strand(tx: Tx) -> None:
        run = runs.lock(tx, run_id)
        assert run is not None
        run.task_id = run.task_status = None
        runs.save(tx, run)

    await server.store.run(strand)
    assert (await _repair(server)).body["outcome"] == "repair_dispatched"
    run = await _look(server, lambda read: runs.find(read, run_id))
    assert run is not None
    assert run.task_status == READY


async def test_a_refused_command_keeps_what_its_caller_sent(server: Any) -> None:
    run_id = await _end(server)
    await server.signal("go", workflow_id="wf")
    stored = await _look(
        server, lambda read: command_records.of_run(read, run_id, after=0, most=10)
    )
    refused = next(each for each in stored if each.record.name == "signal")
    assert refused.record.payload is not None
