"""Retention: an expired run is gone at one stroke, then its rows go, and others stay untouched."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.records import run_deletion
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import ArchiveWorkflow, UpdateNamespace
from durable_workflow.server.services import archiving, namespaces, retention
from durable_workflow.server.store import Store, Tx
from durable_workflow.server.views import history

DAY = 86_400
RETRIED = {"max_attempts": 2, "backoff_seconds": [1]}


def store_of(server: Any) -> Store:
    store: Store = server.store
    return store


async def closed_run(server: Any, commands: Any, workflow_id: str = "wf") -> str:
    """A closed run with something of everything: an activity, a timer, a signal, an update."""
    run_id: str = (await server.start(workflow_id)).body["run_id"]
    await server.signal("go", workflow_id=workflow_id)
    await server.decide(commands.activity(retry_policy=RETRIED), commands.timer(1))
    failed = await server.activity()
    await server.fail_activity(failed)
    await server.pass_time(5)
    await server.complete_activity(await server.activity())
    await server.decide(commands.done())
    assert (await server.describe(workflow_id))["status"] == "completed"
    return run_id


async def rows_of(store: Store, run_id: str) -> dict[str, int]:
    """How many rows of each kind there are: deleting them says so, and is taken back."""

    class Counted(Exception):
        def __init__(self, counts: dict[str, int]) -> None:
            self.counts = counts

    def count(tx: Tx) -> None:
        counts = dict.fromkeys(run_deletion.KINDS, 0)
        while True:
            deleted = run_deletion.delete_rows(tx, run_id)
            for kind, number in deleted.items():
                counts[kind] += number
            if "runs" in deleted:
                raise Counted(counts)

    with pytest.raises(Counted) as counted:
        await store.run(count)
    return {kind: number for kind, number in counted.value.counts.items() if number}


async def test_an_expired_run_goes_with_everything(server: Any, commands: Any) -> None:
    run_id = await closed_run(server, commands)
    rows = await rows_of(server.store, run_id)
    assert {"history_events", "workflow_tasks", "activity_attempts", "commands"} <= rows.keys()
    server.clock.advance(31 * DAY)

    status = await store_of(server).read(lambda read: retention.status(read, "default"))
    assert status["expired_run_ids"] == [run_id]
    assert (status["expired_run_count"], status["scan_pressure"]) == (1, False)

    passed = (await retention.run_pass(server.store, "default")).body
    assert (passed["processed"], passed["pruned"]) == (1, 1)
    [result] = passed["results"]
    assert result["history_events_deleted"] == rows["history_events"]
    assert result["tasks_deleted"] == rows["workflow_tasks"] + rows["activity_executions"]
    assert await rows_of(server.store, run_id) == {}
    with pytest.raises(Refused) as refused:
        await server.describe()
    assert refused.value.reason == "instance_not_found"
    # Its id is free again.
    assert (await server.start("wf")).form == "created"


async def test_a_removed_run_is_gone_for_everybody_before_its_rows_are(
    server: Any, commands: Any
) -> None:
    await server.start("wf")
    accepted = await server.update("add", request_id="u")
    await server.signal("go", request_id="s")
    task = await server.task()
    await server.complete(task, commands.activity(), answered(accepted))
    activity = await server.activity()
    await server.complete_activity(activity)
    last = await server.task()
    await server.complete(last, commands.done())
    run_id = (await server.describe())["run_id"]

    await store_of(server).run(lambda tx: retention.remove(tx, "default", run_id))

    assert (await server.listed())["workflows"] == []
    for refusing in (
        server.describe(),
        server.runs(),
        server.page(workflow_id="wf", run_id=run_id),
        server.signal("go", request_id="s"),
        server.update_now(accepted.body["update_id"]),
        server.complete_activity(activity),
        server.complete(last, commands.done()),
    ):
        with pytest.raises(Refused) as refused:
            await refusing
        assert refused.value.reason in {
            "instance_not_found",
            "run_not_found",
            "task_not_found",
        }, refused.value.reason
    # The next run of the id begins with nothing of it, though its rows are there.
    await server.start("wf")
    again = await server.update("add", request_id="u")
    assert again.body["update_id"] != accepted.body["update_id"]
    assert again.body["update_status"] == "accepted"
    await retention.sweep(server.store)
    assert await rows_of(server.store, run_id) == {}
    assert (await server.update_now(again.body["update_id"])).body["update_status"] == "accepted"


async def test_what_is_open_unknown_or_elsewhere_stays(server: Any, commands: Any) -> None:
    open_run = (await server.start("open")).body["run_id"]
    closed = await closed_run(server, commands)
    passed = await retention.run_pass(
        server.store, "default", run_ids=[open_run, closed, "unknown", closed]
    )
    assert [(each["run_id"], each.get("reason")) for each in passed.body["results"]] == [
        (open_run, "run_not_terminal"),
        (closed, None),
        ("unknown", "run_not_found"),
    ]
    other = await closed_run(server, commands, "other")
    elsewhere = await retention.run_pass(server.store, "elsewhere", run_ids=[other])
    assert elsewhere.body["results"][0]["reason"] == "run_not_found"
    assert (await server.describe("other"))["status"] == "completed"


async def test_the_days_are_those_of_the_namespace(
    server: Any, commands: Any, clock: ManualClock
) -> None:
    await closed_run(server, commands)
    clock.advance(10 * DAY)
    await server.start("young")
    assert await retention.remove_expired(server.store) == 0
    shorter = UpdateNamespace(name="default", retention_days=9)
    await store_of(server).run(lambda tx: namespaces.update(tx, shorter))
    assert await retention.remove_expired(server.store) == 1
    assert [row["workflow_id"] for row in (await server.listed())["workflows"]] == ["young"]


async def test_an_archived_run_stays(server: Any, commands: Any) -> None:
    run_id = await closed_run(server, commands)
    await server.run(archiving.archive, server.caller, ArchiveWorkflow(workflow_id="wf"))
    server.clock.advance(400 * DAY)
    status = await store_of(server).read(lambda read: retention.status(read, "default"))
    assert status["expired_run_ids"] == []
    assert await retention.remove_expired(server.store) == 0
    passed = await retention.run_pass(server.store, "default", run_ids=[run_id])
    assert passed.body["results"][0]["reason"] == "run_archived"
    assert len(await server.events()) > 0


async def test_the_current_run_may_go_before_an_older_one(server: Any, commands: Any) -> None:
    first = (await server.start("wf")).body["run_id"]
    await server.decide(commands.again())
    second = (await server.describe())["run_id"]
    await server.decide(commands.done())
    await retention.run_pass(server.store, "default", run_ids=[second])
    assert (await server.describe())["run_id"] == first
    assert [run["run_id"] for run in (await server.runs())["runs"]] == [first]
    await retention.run_pass(server.store, "default", run_ids=[first])
    with pytest.raises(Refused):
        await server.describe()


async def test_a_child_outlives_its_removed_parent(server: Any, commands: Any) -> None:
    parent = (await server.start("wf")).body["run_id"]
    await server.decide(commands.child(parent_close_policy="abandon"))
    child = await server.task()
    await server.close("terminate", "wf")
    await retention.run_pass(server.store, "default", run_ids=[parent])
    await server.complete(child, commands.done())
    assert (await server.describe(child["workflow_id"]))["status"] == "completed"


async def test_a_history_is_not_shown_in_part(server: Any, commands: Any) -> None:
    run_id = await closed_run(server, commands)

    def begin(tx: Tx) -> None:
        retention.remove(tx, "default", run_id)
        tx.all("delete_run_closed_history", run_id=run_id, most=1, most_bytes=1)

    upto = len(await server.events())
    await store_of(server).run(begin)
    with pytest.raises(Refused):
        await history.events(server.store, run_id, 0, upto)


def answered(accepted: Any) -> dict[str, Any]:
    result = {"codec": "json", "blob": "1"}
    return {"type": "complete_update", "update_id": accepted.body["update_id"], "result": result}
