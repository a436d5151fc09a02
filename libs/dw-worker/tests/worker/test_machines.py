"""Kept machines: bounded, exact, and never needed for the result."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
from collections.abc import Callable, Generator
from random import Random
from typing import Any

import pytest

from durable_workflow import serializer, workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import ServerError
from durable_workflow.worker import Worker
from durable_workflow.worker._machines import Kept, MachineCache, RunStart, unseen


class Replays:
    """How often the code was started from the beginning."""

    count = 0


@workflow.defn(name="kept")
class Waiting:
    def __init__(self) -> None:
        Replays.count += 1
        self.signals: list[int] = []

    @workflow.signal("add")
    def add(self, number: int) -> None:
        self.signals.append(number)

    def run(self, ctx: Any, steps: int) -> Generator[Any, Any, list[Any]]:
        results: list[Any] = []
        for number in range(steps):
            drawn = yield ctx.side_effect(lambda: 7)
            results.append((yield ctx.schedule_activity("echo", [number + drawn])))
        results.append((yield [ctx.schedule_activity("echo", [n]) for n in range(3)]))
        yield ctx.wait_condition(lambda: len(self.signals) == 2, key="two")
        return [results, self.signals]


async def echo(value: int) -> int:
    return value


EXPECTED = [[7, 8, 9, 10, [0, 1, 2]], [1, 2]]


async def _run(server: Any, **options: Any) -> tuple[Worker, Any]:
    Replays.count = 0
    run = server.start("kept", 4)
    worker = Worker(server, task_queue="q", workflows=[Waiting], activities=[echo], **options)
    running = asyncio.create_task(worker.run())
    for number in (1, 2):
        await server.until(
            lambda number=number: (
                [e["event_type"] for e in run.history].count("ConditionWaitOpened") >= number
            )
        )
        server.signal(run, "add", number)
    await server.until(lambda: run.status == "completed")
    await worker.stop()
    await running
    assert run.result == EXPECTED
    return worker, run


@pytest.mark.parametrize("sticky", [False, True], ids=["whole", "sticky"])
@pytest.mark.parametrize("page_size", [None, 2])
@pytest.mark.parametrize("kept", [0, 1, 1000])
async def test_the_result_is_the_same_however_many_are_kept(
    server: Any, info: Any, sticky: bool, page_size: int | None, kept: int
) -> None:
    server.sticky, server.page_size = sticky, page_size
    if sticky:
        server.info = info(extensions={"sticky_history": 1})
    await _run(server, max_cached_workflows=kept)
    if kept:
        assert Replays.count == 1
    else:
        assert Replays.count > 5
    said = {call.get("keep_history") for call in server.calls["complete_workflow_task"][:-1]}
    assert said == ({True} if sticky and kept else {None})
    assert "keep_history" not in server.calls["complete_workflow_task"][-1]
    if sticky and kept and page_size is None:
        assert server.count("workflow_task_history") == 0


@pytest.mark.parametrize("seed", range(10))
async def test_evicting_at_random_changes_nothing(server: Any, info: Any, seed: int) -> None:
    random = Random(seed)
    server.sticky = True
    server.info = info(extensions={"sticky_history": 1})
    worker: list[Worker] = []

    def evict(**_: Any) -> None:
        if worker and random.random() < 0.5:
            worker[0]._machines.clear()

    server.on["complete_workflow_task"] = evict
    server.on["poll_activity_task"] = evict
    run = server.start("kept", 4)
    worker.append(Worker(server, task_queue="q", workflows=[Waiting], activities=[echo]))
    running = asyncio.create_task(worker[0].run())
    await server.until(lambda: any(e["event_type"] == "ConditionWaitOpened" for e in run.history))
    server.signal(run, "add", 1)
    await server.until(
        lambda: [e["event_type"] for e in run.history].count("ConditionWaitOpened") == 2
    )
    server.signal(run, "add", 2)
    await server.until(lambda: run.status == "completed")
    assert run.result == EXPECTED
    await worker[0].stop()
    await running


async def test_nothing_of_a_closed_run_is_kept(server: Any) -> None:
    run = server.start("kept", 0)
    worker = Worker(server, task_queue="q", workflows=[Waiting], activities=[echo])
    running = asyncio.create_task(worker.run())
    await server.until(lambda: any(e["event_type"] == "ConditionWaitOpened" for e in run.history))
    assert len(worker._machines) == 1
    server.signal(run, "add", 1)
    server.signal(run, "add", 2)
    await server.until(lambda: run.status == "completed")
    assert len(worker._machines) == 0
    await worker.stop()
    await running


@pytest.mark.parametrize(
    "error",
    [ServerError(409, {"reason": "lease_expired"}), ServerError(409, {"reason": "invalid"})],
    ids=["ambiguous", "definite"],
)
async def test_a_failed_completion_drops_the_machine(
    server: Any, pack: Any, error: Exception
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    worker = Worker(server, task_queue="q", workflows=[Waiting])
    task = {
        "task_id": "t", "run_id": "r", "workflow_type": "kept", "payload_codec": "avro",
        "arguments": pack([1]), "history_events": [],
    }  # fmt: skip
    await worker._run_workflow_task(task)
    assert len(worker._machines) == 1
    server.on["complete_workflow_task"] = refuse
    await worker._run_workflow_task(task)
    assert len(worker._machines) == 0


async def test_a_kept_machine_that_history_contradicts_is_rebuilt(server: Any, pack: Any) -> None:
    Replays.count = 0
    worker = Worker(server, task_queue="q", workflows=[Waiting])
    task: dict[str, Any] = {
        "task_id": "t", "run_id": "r", "workflow_type": "kept", "payload_codec": "avro",
        "arguments": pack([1]),
        "history_events": [{"sequence": 1, "event_type": "WorkflowStarted", "payload": {}}],
    }  # fmt: skip
    await worker._run_workflow_task(task)
    # Somebody else completed the task, with another value of the side effect.
    task["history_events"] = [
        *task["history_events"],
        {
            "sequence": 2,
            "event_type": "SideEffectRecorded",
            "payload": {"sequence": 1, "result": pack(99), "payload_codec": "avro"},
        },
    ]
    commands = await worker._run_workflow_task(task)
    assert commands is not None
    assert commands[0]["arguments"] == pack([99])
    assert Replays.count == 2


@workflow.defn(name="otherwise")
class Otherwise:
    def run(self, ctx: Any, *args: Any) -> Generator[Any, Any, None]:
        yield ctx.start_timer(1)


@pytest.mark.parametrize("history", [[], [{"sequence": 1, "event_type": "WorkflowStarted"}]])
async def test_one_run_id_for_two_runs_does_not_mix_them_up(
    server: Any, pack: Any, history: list[Any]
) -> None:
    worker = Worker(server, task_queue="q", workflows=[Waiting, Otherwise])

    async def asked(workflow_type: str, steps: int) -> Any:
        task = {
            "task_id": "t", "run_id": "r", "workflow_type": workflow_type,
            "payload_codec": "avro", "arguments": pack([steps]), "history_events": history,
        }  # fmt: skip
        commands = await worker._run_workflow_task(task)
        assert commands is not None
        return commands[-1]

    assert (await asked("kept", 1))["arguments"] == pack([7])
    assert (await asked("otherwise", 1))["type"] == "start_timer"
    assert (await asked("kept", 0))["arguments"] == pack([2])


async def test_a_task_whose_run_nobody_describes_fails(server: Any, pack: Any) -> None:
    async def page(**arguments: Any) -> Any:
        return {"history_events": []}

    server.workflow_task_history = page
    worker = Worker(server, task_queue="q", workflows=[Waiting])
    task = {
        "task_id": "t", "run_id": "r", "workflow_type": "kept", "payload_codec": "avro",
        "history_events": [], "history_after_sequence": 5, "full_history_token": "x",
    }  # fmt: skip
    assert await worker._run_workflow_task(task) is None
    message = server.calls["fail_workflow_task"][0]["message"]
    assert "neither the task nor its history has the run's arguments" in message


async def test_a_partial_history_without_a_token_fails_the_task(server: Any, pack: Any) -> None:
    worker = Worker(server, task_queue="q", workflows=[Waiting])
    task = {
        "task_id": "t", "run_id": "r", "workflow_type": "kept", "payload_codec": "avro",
        "arguments": pack([1]), "history_events": [], "history_after_sequence": 5,
    }  # fmt: skip
    assert await worker._run_workflow_task(task) is None
    assert "no token for the rest" in server.calls["fail_workflow_task"][0]["message"]


# --- the cache ----------------------------------------------------------------------------


START = RunStart.of("kept", "json", "[1]")


def test_a_task_that_does_not_say_what_its_run_was_started_with_gets_its_machine() -> None:
    assert START.is_same(RunStart("kept", "json", None))
    assert not START.is_same(RunStart("other", "json", None))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a timer of the loop brings it about
            await asyncio.sleep(0.01)


def _machine() -> Kept:
    machine = Machine(Waiting, Start(run_id="r", arguments=[1]))
    machine.feed([])
    return Kept(machine, START)


def test_the_least_recently_used_goes_first() -> None:
    cache = MachineCache(2, 1 << 30)
    machines = {name: _machine() for name in "abc"}
    cache.put("a", machines["a"])
    cache.put("b", machines["b"])
    used = cache.take("a", START)
    assert used is machines["a"]
    cache.put("a", machines["a"])
    cache.put("c", machines["c"])
    assert cache.take("b", START) is None
    assert cache.take("a", START) is machines["a"]
    assert cache.take("a", START) is None


def test_bytes_bound_it_too() -> None:
    size = _machine().machine.size_hint_bytes
    cache = MachineCache(100, int(size * 2.5))
    for name in "abcd":
        cache.put(name, _machine())
    assert len(cache) == 2
    assert cache.size_bytes <= size * 2.5
    cache.clear()
    assert (len(cache), cache.size_bytes) == (0, 0)


async def test_what_is_measured_soon_is_bounded_then() -> None:
    size = _machine().machine.size_hint_bytes
    cache = MachineCache(100, int(size * 2.5))
    machines = [_machine() for _ in range(20)]
    for number, machine in enumerate(machines):
        cache.put(str(number), machine, measured_soon=True)
    assert (len(cache), cache.size_bytes) == (20, 0)
    await until(lambda: len(cache) == 2)
    assert cache.size_bytes == 2 * size
    assert [cache.take(name, START) for name in ("18", "19")] == machines[-2:]
    assert (len(cache), cache.size_bytes) == (0, 0)


async def test_a_machine_that_turns_out_too_large_drives_no_others_out() -> None:
    size = _machine().machine.size_hint_bytes
    cache = MachineCache(100, int(size * 2.5))
    cache.put("a", _machine())
    large = _machine()
    large.machine.instance.notes = "x" * (size * 3)
    cache.put("large", large, measured_soon=True)
    assert len(cache) == 2
    await until(lambda: len(cache) == 1)
    assert cache.size_bytes == size
    assert cache.take("a", START) is not None


async def test_a_machine_in_use_is_not_measured_meanwhile() -> None:
    cache = MachineCache(100, 1 << 30)
    used, other = _machine(), _machine()
    cache.put("used", used, measured_soon=True)
    assert cache.take("used", START) is used
    cache.put("other", other, measured_soon=True)
    await until(lambda: cache.size_bytes > 0)
    assert (used.size, cache.size_bytes) == (0, other.size)


def test_each_event_loop_measures_what_it_has_put() -> None:
    cache = MachineCache(100, 1 << 30)

    async def put() -> None:
        cache.put("a", _machine(), measured_soon=True)

    async def measured() -> None:
        cache.put("b", _machine(), measured_soon=True)
        await until(lambda: not any(kept.size == 0 for kept in cache._kept.values()))

    asyncio.run(put())  # it ends before it has measured
    asyncio.run(measured())
    assert cache.size_bytes == 2 * _machine().machine.size_hint_bytes


def test_a_machine_that_is_too_large_drives_no_others_out() -> None:
    size = _machine().machine.size_hint_bytes
    cache = MachineCache(100, int(size * 2.5))
    cache.put("a", _machine())
    large = _machine()
    large.machine.instance.notes = "x" * (size * 3)
    cache.put("large", large)
    assert (len(cache), cache.size_bytes) == (1, size)


def test_a_replaced_machine_is_counted_once() -> None:
    cache = MachineCache(100, 1 << 30)
    cache.put("a", _machine())
    before = cache.size_bytes
    cache.put("a", _machine())
    assert (len(cache), cache.size_bytes) == (1, before)
    cache.drop("a")
    cache.drop("a")
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_what_cannot_go_on_is_not_kept() -> None:
    cache = MachineCache(100, 1 << 30)
    machine = _machine()
    machine.machine.stale = True
    cache.put("a", machine)
    cache.put("", _machine())
    assert len(cache) == 0
    assert not MachineCache(0, 1).enabled
    assert not MachineCache(1, 0).enabled


def test_a_machine_of_a_task_that_may_not_be_committed_answers_no_question() -> None:
    cache = MachineCache(100, 1 << 30)
    cache.put("a", _machine(), "c-1")
    assert cache.take("a", START, certain=True) is None
    cache.confirm("a", "another")
    assert cache.take("a", START, certain=True) is None
    cache.confirm("a", "c-1")
    assert cache.take("a", START, certain=True) is not None


def test_the_next_task_goes_on_with_what_may_not_be_committed() -> None:
    """It came on the same connection, behind the first: both are certain, or neither is."""
    cache = MachineCache(100, 1 << 30)
    machine = _machine()
    cache.put("a", machine, "c-1")
    assert cache.take("a", START) is machine
    cache.put("a", machine, "c-2")
    cache.confirm("a", "c-1")  # the first is acknowledged when the second is at work
    assert cache.take("a", START, certain=True) is None


def test_doubted_machines_are_forgotten_and_others_stay() -> None:
    cache = MachineCache(100, 1 << 30)
    for name, claim in (("a", "c-1"), ("b", None), ("c", "c-3")):
        cache.put(name, _machine(), claim)
    cache.doubt(["c-1", "c-2"])
    assert [cache.take(name, START) is not None for name in "abc"] == [False, True, True]


def test_a_machine_that_was_at_work_when_its_claim_was_doubted_is_not_kept() -> None:
    cache = MachineCache(100, 1 << 30)
    cache.doubt(["c-1"])
    cache.put("a", _machine(), "c-1")
    assert (len(cache), cache.size_bytes) == (0, 0)
    cache.settle("c-1")
    cache.put("a", _machine(), "c-1")
    assert len(cache) == 1


@pytest.mark.parametrize(
    "other",
    [
        RunStart.of("other", "json", "[1]"),
        RunStart.of("kept", "avro", "[1]"),
        RunStart.of("kept", "json", "[2]"),
        RunStart.of("kept", "json", None),
    ],
    ids=["type", "codec", "arguments", "none"],
)
def test_a_machine_does_not_serve_another_run_of_its_id(other: RunStart) -> None:
    cache = MachineCache(100, 1 << 30)
    cache.put("a", _machine())
    assert cache.take("a", other) is None
    assert len(cache) == 0


@pytest.mark.parametrize(
    ("spelled", "otherwise"),
    [
        ("[1]", {"codec": "json", "blob": "[1]"}),
        (None, ""),
        (None, []),
        (None, "[]"),
        (None, {"codec": "json", "blob": "[]"}),
        (None, {"codec": "avro", "blob": serializer.encode([], "avro")}),
        (None, {"codec": "avro", "blob": None}),
        (
            {"codec": "avro", "external_storage": {"uri": "u", "sha256": "s"}},
            {"external_storage": {"sha256": "s", "uri": "u"}, "codec": "avro"},
        ),
    ],
)
def test_one_start_is_the_same_however_it_is_spelled(spelled: Any, otherwise: Any) -> None:
    start = RunStart.of("kept", "json", spelled)
    assert start.is_same(RunStart.of("kept", "json", otherwise))
    assert start.is_same(RunStart.of("kept", None, otherwise))


def _events(*sequences: int | None) -> list[dict[str, Any]]:
    return [{"sequence": sequence} for sequence in sequences]


@pytest.mark.parametrize(
    ("events", "seen", "after", "last", "expected"),
    [
        (_events(1, 2, 3), 0, None, 3, [1, 2, 3]),
        (_events(1, 2, 3), 2, None, 3, [3]),
        (_events(1, 2, 3), 3, None, 3, []),
        (_events(1, 2, 3), 4, None, 3, None),  # the machine is ahead
        (_events(1, 2, 3), 2, None, 4, None),  # the end is missing
        (_events(1, 3), 2, None, 3, None),  # what was fed last is not there
        (_events(1, 2, 2), 1, None, None, None),  # doubled
        (_events(1, None), 1, None, None, None),
        (_events(4, 5), 3, 3, 5, [4, 5]),
        (_events(4, 5), 4, 3, 5, [5]),
        (_events(4, 5), 2, 3, 5, None),  # a gap
        ([], 3, 3, 3, []),
        ([], 2, 3, 3, None),
        ([], 3, None, None, None),
    ],
)
def test_what_a_machine_has_not_seen(
    events: list[dict[str, Any]],
    seen: int,
    after: int | None,
    last: int | None,
    expected: list[int] | None,
) -> None:
    found = unseen(events, seen, after=after, last=last)
    assert expected == (None if found is None else [event["sequence"] for event in found])
