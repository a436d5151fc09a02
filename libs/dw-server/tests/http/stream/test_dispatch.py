"""Who gets which task: streams and polls on one queue, with and without a backlog."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
ONE = {"workflow": 1}


async def poll_on(stage: Any, done: list[str], worker_id: str = "poller") -> None:
    """A worker that polls for one task at a time."""
    while True:
        task = await stage.poll(worker_id)
        if task is not None:
            done.append(worker_id)
            body = {
                "lease_owner": worker_id,
                "workflow_task_attempt": task["workflow_task_attempt"],
                "commands": [{"type": "complete_workflow"}],
            }
            path = f"/worker/workflow-tasks/{task['task_id']}/complete"
            assert (await stage.post(path, body)).status_code == 200


async def serve(peer: Any, done: list[str]) -> None:
    """A worker that completes what is pushed."""
    while True:
        task = await peer.task(seconds=60)
        done.append(peer.worker_id)
        await peer.complete(task, {"type": "complete_workflow"})


async def shares(stage: Any, *working: Any, count: int, done: list[str]) -> Counter[str]:
    tasks = [asyncio.create_task(each) for each in working]
    if any(each.__name__ == "poll_on" for each in working):
        await until(lambda: any(stage.server.dispatcher.held_polls()))
    for number in range(count):
        await stage.start(f"wf-{number}")
    await until(lambda: len(done) >= count)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return Counter(done)


async def test_a_poller_beside_a_stream_that_is_not_full_gets_its_share(stage: Any) -> None:
    peer = await stage.peer("streamer", slots={"workflow": 50})
    await stage.register("poller", "p", capabilities=[])
    done: list[str] = []
    found = await shares(stage, poll_on(stage, done), serve(peer, done), count=60, done=done)
    assert found["poller"] >= 18, found
    assert found["streamer"] >= 18, found


async def test_a_stream_that_uses_slots_gets_its_share_beside_a_poller_that_waits(
    stage: Any,
) -> None:
    peer = await stage.peer("streamer", slots={"workflow": 50})
    await stage.register("poller", "p", capabilities=[])
    done: list[str] = []
    polling = asyncio.create_task(poll_on(stage, done))
    [stream] = stage.server.dispatcher.streams
    for number in range(30):
        await until(lambda: any(stage.server.dispatcher.held_polls()))
        await stage.start(f"wf-{number}")
    await until(lambda: len(done) + len(stream.tasks("workflow")) == 30)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert 9 <= len(done) <= 21, "the stream reports nothing: it keeps what it got"
    await peer.task()


async def test_two_streams_share_by_used_slots(stage: Any) -> None:
    small = await stage.peer("small", slots={"workflow": 2})
    large = await stage.peer("large", slots={"workflow": 6})
    for number in range(8):
        await stage.start(f"wf-{number}")
    mine = [await small.task() for _ in range(2)]
    others = [await large.task() for _ in range(6)]
    assert len({task["workflow_id"] for task in mine + others}) == 8
    # All slots are used: nothing more is pushed, until one is free.
    await stage.start("one-more")
    assert await small.silent()
    await small.complete(mine[0])
    assert (await small.task())["workflow_id"] == "one-more"


async def test_a_poller_is_not_woken_for_what_it_may_not_take(stage: Any) -> None:
    peer = await stage.peer()
    await stage.register("poller", "p", supported_workflow_types=["other"], capabilities=[])
    polling = asyncio.create_task(stage.poll())
    await until(lambda: any(stage.server.dispatcher.held_polls()))
    claims = 0
    run = stage.server.store.run

    async def counted(work: Any, **keys: Any) -> Any:
        nonlocal claims
        claims += 1
        return await run(work, **keys)

    stage.server.store.run = counted
    await stage.start()
    await peer.task()
    assert claims == 1, "only the start is a unit: the claim is part of it, and no poll has looked"
    stage.server.store.run = run
    assert await polling is None


async def test_what_waited_is_pushed_by_priority_and_then_in_order_of_arrival(stage: Any) -> None:
    for number, priority in enumerate([5, 5, 1, 9, 5]):
        await stage.start(f"wf-{number}", priority=priority)
    peer = await stage.peer(slots=ONE)
    order: list[str] = []
    for _ in range(4):
        task = await peer.task()
        order.append(task["workflow_id"])
        if len(order) == 2:
            # New work does not overtake what waits.
            await stage.start("late", priority=5)
        await peer.complete(task)
    order.append((await peer.task())["workflow_id"])
    assert order == ["wf-2", "wf-0", "wf-1", "wf-4", "late"]


async def test_tasks_of_a_type_that_nobody_serves_hold_up_no_other(stage: Any) -> None:
    peer = await stage.peer(supported_workflow_types=["flow"])
    for number in range(5):
        await stage.start(f"other-{number}", workflow_type="other", priority=1)
    await stage.start()
    assert (await peer.task())["workflow_id"] == "wf"
    late = await stage.peer("late", "l", supported_workflow_types=["other"])
    found = {(await late.task())["workflow_id"] for _ in range(5)}
    assert found == {f"other-{number}" for number in range(5)}


async def test_more_slots_bring_what_waits_and_zeros_drain(stage: Any) -> None:
    peer = await stage.peer(slots={"workflow": 0})
    await stage.start()
    assert await peer.silent()
    await peer.send({"type": "slots", "workflow": 1, "activity": 0, "query": 0})
    task = await peer.task()
    await peer.send({"type": "slots", "workflow": 0, "activity": 0, "query": 0})
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    await peer.acknowledged(await peer.complete(task, schedule))
    await stage.start("another")
    assert await peer.silent()


async def test_a_run_goes_back_to_the_worker_that_keeps_its_machine(stage: Any) -> None:
    keeps = ["worker_stream", "sticky_history"]
    peers = {name: await stage.peer(name, "s", capabilities=keeps) for name in ("a", "b", "c")}
    await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    owners: list[str] = []
    for _ in range(4):
        kind, peer, task = await first(peers, "workflow")
        owners.append(peer.worker_id)
        assert kind == "workflow"
        assert ("history_after_sequence" in task) == (len(owners) > 1)
        await peer.complete(task, schedule, keep_history=True)
        _, other, activity = await first(peers, "activity")
        await other.complete_activity(activity)
    assert len(set(owners)) == 1


async def test_one_activity_goes_to_the_worker_that_keeps_the_machine_and_several_to_all(
    stage: Any,
) -> None:
    keeps = ["worker_stream", "sticky_history"]
    peers = {name: await stage.peer(name, "s", capabilities=keeps) for name in ("a", "b")}
    await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    _, keeper, task = await first(peers, "workflow")
    for _ in range(3):
        await keeper.complete(task, schedule, keep_history=True)
        _, peer, activity = await first(peers, "activity")
        assert peer is keeper
        await keeper.complete_activity(activity)
        task = await keeper.task()
    await keeper.complete(task, *[schedule] * 4, keep_history=True)
    for peer in peers.values():
        for _ in range(2):
            await peer.task("activity")


async def test_a_keeper_without_a_free_slot_is_not_waited_for(stage: Any) -> None:
    keeps = ["worker_stream", "sticky_history"]
    keeper = await stage.peer("keeper", "s", capabilities=keeps, slots={**ONE, "activity": 1})
    await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    await keeper.complete(await keeper.task(), schedule, keep_history=True)
    activity = await keeper.task("activity")
    await stage.start("fills-the-keeper")
    await keeper.task()
    other = await stage.peer("other", "s", capabilities=keeps, slots=ONE)
    await keeper.complete_activity(activity)

    task = await other.task(seconds=1)  # long before an offer to the keeper would end
    assert task["workflow_id"] == "wf"
    assert "history_after_sequence" not in task


async def test_signals_timers_and_children_push_as_completions_do(stage: Any) -> None:
    peer = await stage.peer()
    await stage.start("waits")
    await peer.complete(await peer.task(), {"type": "start_timer", "delay_seconds": 0})
    task = await peer.task()
    assert task["workflow_id"] == "waits"
    wait = {"type": "open_condition_wait", "condition_wait_id": "c"}
    await peer.complete(task, wait)
    await stage.post("/workflows/waits/signal/go", {})
    task = await peer.task()
    child = {"type": "start_child_workflow", "workflow_type": "flow", "task_queue": "q"}
    await peer.complete(task, child)
    of_child = await peer.task()
    assert of_child["workflow_id"] != "waits"
    await peer.complete(of_child)
    assert (await peer.task())["workflow_id"] == "waits"


async def test_an_activity_is_told_to_stop_when_its_run_ends(stage: Any) -> None:
    peer = await stage.peer()
    await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    await peer.complete(await peer.task(), schedule)
    activity = await peer.task("activity")
    await stage.post("/workflows/wf/terminate", {})
    cancel = await peer.next("cancel", seconds=1)
    assert cancel == {
        "type": "cancel",
        "kind": "activity",
        "task_id": activity["task_id"],
        "reason": "run_terminated",
    }
    number = await peer.complete_activity(activity)
    refused = await peer.next("refused")
    assert (refused["id"], refused["status"]) == (number, 409)


async def test_an_activity_whose_result_came_over_http_is_told_to_stop(stage: Any) -> None:
    peer = await stage.peer()
    await stage.start()
    schedule = {"type": "schedule_activity", "activity_type": "act", "queue": "q"}
    await peer.complete(await peer.task(), schedule)
    activity = await peer.task("activity")
    body = {
        "lease_owner": peer.worker_id,
        "activity_attempt_id": activity["activity_attempt_id"],
        "result": {"codec": "json", "blob": "1"},
    }
    path = f"/worker/activity-tasks/{activity['task_id']}/complete"
    assert (await stage.post(path, body)).status_code == 200
    cancel = await peer.next("cancel", seconds=1)
    assert cancel["task_id"] == activity["task_id"]


async def test_queries_are_pushed_and_answered_over_the_stream(stage: Any) -> None:
    peer = await stage.peer()
    await stage.start()
    task = await peer.task()
    asking = asyncio.create_task(stage.post("/workflows/wf/query/state", {}))
    query = await peer.task("query")
    assert query["query_name"] == "state"
    await peer.ask(
        "complete",
        kind="query",
        task_id=query["query_task_id"],
        attempt=query["query_task_attempt"],
        result=42,
    )
    assert (await asking).json()["result"] == 42
    await peer.acknowledged(await peer.complete(task))


async def first(peers: dict[str, Any], kind: str) -> tuple[str, Any, Json]:
    """The first task that any of some workers is pushed."""
    waiting = {asyncio.create_task(peer.next("task", seconds=10)): peer for peer in peers.values()}
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    [found] = done
    message = found.result()
    return message["kind"], waiting[found], message["task"]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to be so."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  nobody tells of it
            await asyncio.sleep(0.01)


async def test_a_task_for_the_keeper_of_a_machine_brings_no_arguments(stage: Any) -> None:
    peer = await stage.peer("keeper", capabilities=["worker_stream", "sticky_history"])
    envelope = {"codec": "json", "blob": "[1]"}
    run = await stage.start("wf", input=envelope)
    first = await peer.task()
    assert first["arguments"] == envelope
    wait = {"type": "open_condition_wait", "condition_wait_id": "c"}
    await peer.acknowledged(await peer.complete(first, wait, keep_history=True))
    answer = await stage.post("/workflows/wf/signal/poke", {"input": envelope})
    assert answer.status_code == 202, answer.text
    again = await peer.task()
    assert again["history_after_sequence"] == first["last_history_sequence"]
    assert "arguments" not in again
    # A worker that lost the machine asks for the whole history, and finds them there.
    asked = await peer.ask(
        "history",
        kind="workflow",
        task_id=again["task_id"],
        attempt=again["workflow_task_attempt"],
        token=again["full_history_token"],
    )
    page = await peer.next("answer", "refused")
    assert page["id"] == asked
    assert page["body"]["arguments"] == envelope
    assert run["run_id"] == again["run_id"]


async def test_new_runs_go_to_one_worker_once_workers_have_told_that_tasks_are_quick(
    stage: Any,
) -> None:
    peers = [await stage.peer(name, slots={"workflow": 10}) for name in ("a", "b")]
    stage.server.dispatcher.placement.choices._clock = lambda: 0.0
    [one, other] = stage.server.dispatcher.streams
    served: list[str] = []
    for number in range(130):
        await stage.start(f"wf-{number}")
        peer = peers[0] if one.tasks("workflow") else peers[1]
        assert peer is peers[0] or other.tasks("workflow")
        served.append(peer.worker_id)
        report = await peer.complete(await peer.task(), {"type": "complete_workflow"}, took_us=100)
        await peer.acknowledged(report)
    assert Counter(served[:40]) == {"a": 20, "b": 20}, "nothing is known yet"
    assert len(set(served[-10:])) == 1
