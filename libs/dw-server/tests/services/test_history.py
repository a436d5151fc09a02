"""Reading histories that are long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.querying import PendingQueries, asking, offering
from durable_workflow.server.records import history, workers
from durable_workflow.server.requests import ArchiveWorkflow, PollTask, QueryWorkflow
from durable_workflow.server.services import archiving
from durable_workflow.server.store.protocol import Read, Store


def sent(body: Any) -> Any:
    """A body as it is on the wire."""
    return msgspec.json.decode(msgspec.json.encode(body))


async def long_history(server: Any, commands: Any, events: int) -> None:
    server.limit(command_batch_size=0)
    await server.start()
    await server.decide(*[commands.side_effect()] * events)


async def test_others_have_their_turn_while_a_long_history_is_read(
    server: Any, commands: Any, turns: Callable[[], int]
) -> None:
    # The first two events are read by themselves, then a thousand at a time.
    await long_history(server, commands, 3001)
    before = turns()
    assert len(await server.events()) == 3003
    assert turns() >= before + 3


async def test_a_long_history_comes_whole_and_in_pages(server: Any, commands: Any) -> None:
    await long_history(server, commands, 2500)
    run_id = (await server.describe())["run_id"]
    whole = await server.page(workflow_id="wf", run_id=run_id)
    sizes: list[tuple[int, bool]] = []
    paged: list[Any] = []
    while len(paged) < 2502:
        page = await server.page(workflow_id="wf", run_id=run_id, after=len(paged), page_size=1001)
        sizes.append((len(page["events"]), page["next_page_token"] is None))
        paged += page["events"]
    assert sizes == [(1001, False), (1001, False), (500, True)]
    assert paged == whole["events"]
    assert whole["next_page_token"] is None


async def test_what_is_added_while_a_history_is_read_is_left_to_the_next_page(
    server: Any, commands: Any
) -> None:
    await long_history(server, commands, 2500)
    reading = asyncio.create_task(server.events())
    await asyncio.sleep(0)
    await server.signal()
    assert len(await reading) == 2502
    assert len(await server.events()) == 2503


async def test_others_have_their_turn_while_a_question_about_a_long_history_is_handed_out(
    server: Any,
    commands: Any,
    store: Store,
    clock: ManualClock,
    ids: UlidSource,
    turns: Callable[[], int],
) -> None:
    await long_history(server, commands, 3000)
    queries = PendingQueries(server.settings, clock.now, lambda: ids.new(clock.now()))
    asked = QueryWorkflow(workflow_id="wf", query_name="state")
    query = await store.read(
        lambda read: asking.prepare(read, "default", asked, server.settings, {"w"})
    )
    answer = asyncio.create_task(queries.ask(query, 60, lambda: None))
    await asyncio.sleep(0)
    worker = await store.read(lambda read: workers.find(read, "default", "w"))
    assert worker is not None

    before = turns()
    task = await offering.claim(store, queries, PollTask(worker_id="w", task_queue="q"), worker)
    assert task is not None
    assert turns() >= before + 3
    sequences = [event["sequence"] for event in sent(task)["history_events"]]
    assert sequences == list(range(1, 3003))
    assert task["last_history_sequence"] == 3002
    answer.cancel()


async def test_a_history_reads_the_same_from_every_event_on(server: Any, commands: Any) -> None:
    """In the rows of its units, and in those that it has when its run has closed."""
    await server.start()
    for _ in range(3):
        await server.decide(commands.activity())
        await server.complete_activity(await server.activity())
    for closes in (False, True):
        if closes:
            await server.decide(commands.done())
        whole = await server.events()
        run_id = whole[0]["payload"]["workflow_run_id"]
        for after in range(len(whole)):
            page = await server.page(workflow_id="wf", run_id=run_id, after=after)
            assert page["events"] == whole[after:]
            one = await server.page(workflow_id="wf", run_id=run_id, after=after, page_size=1)
            assert one["events"] == whole[after : after + 1]


async def test_the_failures_of_a_short_run_are_found_when_it_has_closed(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.activity())
    await server.fail_activity(await server.activity(), non_retryable=True)
    run_id = (await server.describe())["run_id"]
    types = ["ActivityFailed", "WorkflowFailed"]

    def newest(read: Read) -> list[str]:
        found = history.newest(read, run_id, 0, types, 9)
        return [msgspec.json.decode(record)["event_type"] for record in found]

    assert await server.store.read(newest) == ["ActivityFailed"]
    await server.decide(commands.failed())
    assert await server.store.read(newest) == ["WorkflowFailed", "ActivityFailed"]


async def test_a_history_is_packed_when_it_is_long_or_has_ended(
    open_sqlite: Callable[..., Store],
    server_class: Any,
    commands: Any,
    clock: ManualClock,
    tmp_path: Path,
) -> None:
    """A short one is packed when it ends: until then each of its rows would be packed twice."""
    server = await server_class(open_sqlite(str(tmp_path / "state.db")), clock).open()

    async def is_packed(statement: str, workflow_id: str) -> list[bool]:
        run_id = (await server.describe(workflow_id))["run_id"]

        def look(read: Read) -> list[bool]:
            return [kept[:1] != b"{" for _, _, kept in read.all(statement, run_id=run_id)]

        found: list[bool] = await server.store.read(look)
        return found

    await server.start("short")
    await server.decide(commands.activity())
    await server.complete_activity(await server.activity())
    assert await is_packed("open_history", "short") == [False] * 4
    open_events = await server.events("short")
    await server.decide(commands.done())
    assert await is_packed("open_history", "short") == []
    assert await is_packed("closed_history", "short") == [True]
    assert (await server.events("short"))[: len(open_events)] == open_events

    await server.start("long")
    for _ in range(100):
        await server.decide(*[commands.side_effect()] * 2)
    are_packed = await is_packed("open_history", "long")
    assert are_packed == sorted(are_packed)
    assert 80 < sum(are_packed) < len(are_packed) == 101


async def test_what_is_recorded_after_the_end_comes_behind_the_packed_events(
    server: Any, commands: Any
) -> None:
    await server.start()
    await server.decide(commands.done())
    before = await server.events()
    request = ArchiveWorkflow(workflow_id="wf", reason="audit")
    await server.run(archiving.archive, server.caller, request)
    after = await server.events()
    assert after[: len(before)] == before
    assert [event["sequence"] for event in after] == list(range(1, len(after) + 1))
    assert len(after) > len(before)


async def test_newest_events_are_not_looked_for_by_a_type_that_is_not_found(server: Any) -> None:
    def look(read: Read) -> list[bytes]:
        return history.newest(read, "run", 0, ["ActivityCompleted", "MarkerRecorded"], 1)

    with pytest.raises(ValueError, match="MarkerRecorded"):
        await server.store.read(look)
