"""A large payload that passes through a run is kept once, and is seen everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from durable_workflow.server.fields import Payload
from durable_workflow.server.records import run_deletion
from durable_workflow.server.records.large_strings import LARGE
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import CompleteWorkflowTask, TaskOwner
from durable_workflow.server.services import workflow_tasks
from durable_workflow.server.slices import Slices
from durable_workflow.server.store import Store, Tx
from durable_workflow.server.store.sqlite._connection import connect

BLOB = "A" * (4 * LARGE)
ARGUMENTS = {"codec": "avro", "blob": BLOB + "IQ=="}
RESULT = {"codec": "avro", "blob": BLOB + "Ig=="}


def count(path: Path, sql: str) -> int:
    connection = connect(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=None, statement_cache=0)
    [(found,)] = connection.execute(sql).fetchall()
    connection.close()
    return int(str(found))


async def echo(server: Any, commands: Any) -> str:
    """A run whose only step gets the run's arguments, and whose output is the step's result."""
    arguments = Payload("avro", ARGUMENTS["blob"])
    run_id: str = (await server.start(arguments=arguments)).body["run_id"]
    task = await server.task()
    assert task["arguments"] == ARGUMENTS
    await server.complete(task, commands.activity(arguments=ARGUMENTS))
    given = await server.activity()
    assert given["arguments"] == ARGUMENTS
    await server.complete_activity(given, RESULT)
    task = await server.task()
    assert task["history_events"][-1]["payload"]["result"] == RESULT["blob"]
    await server.complete(task, commands.done() | {"result": RESULT})
    return run_id


@pytest.mark.parametrize("reopened", [False, True])
async def test_each_is_kept_once_and_read_everywhere(
    open_sqlite: Callable[..., Store],
    server_class: Any,
    commands: Any,
    clock: Any,
    tmp_path: Path,
    reopened: bool,
) -> None:
    path = tmp_path / "state.db"
    store = open_sqlite(str(path))
    server = await server_class(store, clock).open()
    await echo(server, commands)
    if reopened:
        await store.close()
        server = server_class(open_sqlite(str(path)), clock)

    described = await server.describe()
    events = await server.events()

    assert described["input_envelope"] == ARGUMENTS
    assert described["output_envelope"] == RESULT
    started = next(each for each in events if each["event_type"] == "WorkflowStarted")
    assert started["payload"]["input_envelope"] == ARGUMENTS
    by_type = {event["event_type"]: event["payload"] for event in events}
    assert by_type["ActivityCompleted"]["result"] == RESULT["blob"]
    assert by_type["WorkflowCompleted"]["output"] == RESULT["blob"]
    assert count(path, "SELECT count(*) FROM large_strings") == 2
    for table, column in (
        ("history", "record"),
        ("closed_history", "record"),
        ("run_details", "coalesce(arguments, '') || coalesce(output, '')"),
        ("activities", "coalesce(arguments, '')"),
        ("activity_arguments", "coalesce(arguments, '')"),
    ):
        assert count(path, f"SELECT coalesce(max(length({column})), 0) FROM {table}") < 2000


async def test_the_size_of_a_history_counts_them_as_they_are_sent(
    server: Any, store: Store, commands: Any
) -> None:
    run_id = await echo(server, commands)
    run = await store.read(lambda read: read.one("run_by_id", run_id=run_id))
    assert run is not None
    events = await server.events()
    sent = sum(len(msgspec.json.encode(event)) for event in events)
    # The first event is sent with the arguments, which are not of the history.
    assert len(BLOB) * 2 < (await server.describe())["history_size_bytes"] < sent


async def test_what_fails_with_a_large_message_is_shown_with_it(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.activity())
    await server.fail_activity(await server.activity(), message=BLOB, details=RESULT)
    await server.decide(commands.done())
    [failed] = [e for e in await server.events() if e["event_type"] == "ActivityFailed"]
    assert failed["payload"]["message"] == BLOB
    assert failed["payload"]["exception"]["details"] == RESULT["blob"]


async def test_a_long_completion_with_large_payloads_is_prepared(
    open_sqlite: Callable[..., Store], server_class: Any, commands: Any, clock: Any
) -> None:
    """Else others would wait for all that it does, and not only for what it writes."""
    store = open_sqlite()
    server = await server_class(store, clock).open()
    await server.start()
    task = await server.task()
    blobs = [f"{number}{BLOB}" for number in range(5)]
    request = CompleteWorkflowTask(
        owner=TaskOwner(
            task_id=task["task_id"],
            lease_owner=task["lease_owner"],
            attempt=task["workflow_task_attempt"],
        ),
        commands=[commands.activity(arguments={"codec": "avro", "blob": blob}) for blob in blobs],
    )
    attempts: list[int] = []

    def work(tx: Tx) -> Slices[Reply]:
        attempts.append(1)
        return (yield from workflow_tasks.complete(tx, "default", request, server.settings))

    assert (await store.run_in_slices(work)).reason is None
    assert attempts == [1]
    given = [(await server.activity())["arguments"]["blob"] for _ in blobs]
    assert given == blobs


async def test_they_go_with_their_run(server: Any, store: Store, commands: Any) -> None:
    run_id = await echo(server, commands)
    deleted: dict[str, int] = {}

    def delete(tx: Tx) -> None:
        for kind, number in run_deletion.delete_rows(tx, run_id, until=float("inf")).items():
            deleted[kind] = number

    await store.run(delete)
    assert deleted["large_strings"] == 2
    assert deleted["runs"] == 1
