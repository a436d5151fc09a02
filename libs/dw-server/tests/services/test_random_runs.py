"""Random programs under random interleavings: whatever happens, nothing is lost or done twice.

A program is a list of blocks: a fan-out, a recorded value, a wait for some signals. A small worker,
written after the specification and not after the engine, reads a task's history and says what its
program wants next. The driver interleaves it with outcomes, signals, updates, failures, lost
leases, repeated reports and the passing of time, in an order that hypothesis chooses.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.refusals import Refused
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.statements import load_statements

Json = dict[str, Any]
Block = tuple[str, Any]

RESOLVING = {
    "ActivityCompleted",
    "ActivityFailed",
    "ActivityTimedOut",
    "TimerFired",
    "ChildRunCompleted",
    "ChildRunFailed",
}
# What may stand between the history that a worker was given and the events of its completion.
FENCED = {"task_not_leased", "run_closed", "lease_owner_mismatch", "workflow_task_attempt_mismatch"}
AT_ANY_TIME = {"ActivityStarted", "ActivityRetryScheduled", "ActivityHeartbeatRecorded"}


class Program:
    """Reads histories, and says what its blocks want next."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks

    def decide(self, task: Json) -> list[Json]:
        history = task["history_events"]
        if task["workflow_update_id"] is not None:
            return [{"type": "complete_update", "update_id": task["workflow_update_id"]}]
        scheduled = [
            event["payload"]["sequence"]
            for event in history
            if event["event_type"] in ("ActivityScheduled", "ChildWorkflowScheduled")
            or (event["event_type"] == "TimerScheduled" and "timer_kind" not in event["payload"])
        ]
        resolved = {
            event["payload"]["sequence"]
            for event in history
            if event["event_type"] in RESOLVING and "timer_kind" not in event["payload"]
        }
        recorded = sum(event["event_type"] == "SideEffectRecorded" for event in history)
        signals = sum(event["event_type"] == "SignalReceived" for event in history)
        passed = sum(
            event["event_type"] in ("ConditionWaitSatisfied", "ConditionWaitTimedOut")
            or (event["event_type"] == "TimerFired" and "timer_kind" in event["payload"])
            for event in history
        )
        commands: list[Json] = []
        for kind, what in self.blocks:
            if kind == "record":
                if recorded:
                    recorded -= 1
                else:
                    commands.append({"type": "record_side_effect", "result": "1"})
            elif kind == "fan-out":
                members, scheduled = scheduled[: len(what)], scheduled[len(what) :]
                if len(members) < len(what) or not resolved.issuperset(members):
                    return commands + [_step(name) for name in what]
            elif passed:
                passed -= 1
            elif signals < what[0] or commands:
                return [*commands, _wait(what)]
        return [*commands, {"type": "complete_workflow", "result": "1"}]


def _step(name: str) -> Json:
    if name == "timer":
        return {"type": "start_timer", "delay_seconds": 2}
    if name == "child":
        return {"type": "start_child_workflow", "workflow_type": "child"}
    retries = {"max_attempts": 3, "backoff_seconds": [1]}
    return {"type": "schedule_activity", "activity_type": name, "retry_policy": retries}


def _wait(what: tuple[int, int | None]) -> Json:
    threshold, timeout = what
    wait: Json = {"type": "open_condition_wait", "condition_key": f"k{threshold}"}
    return wait if timeout is None else wait | {"timeout_seconds": timeout}


class Driver:
    """Interleaves a worker with everything else that happens to a run."""

    def __init__(self, server: Any, program: Program) -> None:
        self.server = server
        self.program = program
        self.task: Json | None = None
        self.given = 0
        self.activities: list[Json] = []
        self.last_completion: tuple[Json, list[Json]] | None = None
        self.signals: list[str] = []
        self.updates: list[str] = []

    async def act(self, action: int) -> None:
        await self.actions[action](self)
        await self.check()

    async def claim(self) -> None:
        if self.task is None:
            self.task = await self.server.poll(history_page_size=1000)
            self.given = 0 if self.task is None else self.task["last_history_sequence"]

    async def complete(self) -> None:
        if self.task is None:
            return
        commands = [{"type": "complete_workflow", "result": "1"}]
        if self.task["workflow_type"] == "flow":
            await self.check_nothing_slipped_in()
            commands = self.program.decide(self.task)
        answer = await self.server.complete(self.task, *commands)
        assert answer.reason is None, answer.body
        self.last_completion, self.task = (self.task, commands), None

    async def fail(self) -> None:
        if self.task is not None:
            await self.server.fail(self.task)
            self.task = None

    async def lose_lease(self) -> None:
        self.task, lost = None, self.task
        await self.server.pass_time(31)
        if lost is not None:
            await self.refused(lost, [{"type": "complete_workflow"}])

    async def repeat(self) -> None:
        if self.last_completion is not None:
            await self.refused(*self.last_completion)

    async def claim_activity(self) -> None:
        activity = await self.server.poll_activity()
        if activity is not None:
            self.activities.append(activity)

    async def complete_activity(self) -> None:
        if self.activities:
            activity = self.activities.pop(0)
            await self.server.complete_activity(activity)
            again = await self.server.complete_activity(activity)
            assert again.reason is not None

    async def complete_last_activity(self) -> None:
        if self.activities:
            await self.server.complete_activity(self.activities.pop())

    async def fail_activity(self) -> None:
        if self.activities:
            await self.server.fail_activity(self.activities.pop())

    async def signal(self) -> None:
        name = f"s{len(self.signals)}"
        if (await self.server.signal(name)).reason is None:
            self.signals.append(name)

    async def update(self) -> None:
        answer = await self.server.update("u")
        if answer.reason is None:
            self.updates.append(answer.body["update_id"])

    async def wait(self) -> None:
        await self.server.pass_time(1)

    async def look_again(self) -> None:
        described = await self.server.describe()
        if not described["is_terminal"] and described["workflow_task"] is None:
            await self.server.wake()

    actions: tuple[Callable[[Any], Any], ...] = (
        claim,
        complete,
        claim,
        complete,
        fail,
        lose_lease,
        claim_activity,
        complete_activity,
        complete_last_activity,
        fail_activity,
        signal,
        update,
        wait,
        repeat,
        look_again,
    )

    async def refused(self, task: Json, commands: list[Json]) -> None:
        with pytest.raises(Refused) as error:
            await self.server.complete(task, *commands)
        assert error.value.reason in FENCED

    async def check_nothing_slipped_in(self) -> None:
        events = await self.server.events()
        between = {event["event_type"] for event in events[self.given :]}
        assert between <= AT_ANY_TIME

    async def check(self) -> None:
        events = await self.server.events()
        outcomes = Counter(
            event["payload"]["sequence"] for event in events if event["event_type"] in RESOLVING
        )
        assert all(count == 1 for count in outcomes.values()), "one outcome for each step"
        told = [e["payload"]["signal_name"] for e in events if e["event_type"] == "SignalReceived"]
        assert told == self.signals[: len(told)], "signals in the order of their acceptance"
        for kind in ("UpdateAccepted", "UpdateCompleted"):
            ids = [e["payload"]["update_id"] for e in events if e["event_type"] == kind]
            assert ids == self.updates[: len(ids)], "updates in the order of their acceptance"
        self.check_waits(events)

    def check_waits(self, events: list[Json]) -> None:
        """A wait's timer ends before the next wait begins, or no signal could be bound to it."""
        timers: set[str] = set()
        for event in events:
            timer_id = event["payload"].get("timer_id")
            if "timer_kind" in event["payload"] and event["event_type"] == "TimerScheduled":
                timers.add(timer_id)
            elif event["event_type"] in ("TimerFired", "TimerCancelled"):
                timers.discard(timer_id)
            elif event["event_type"] == "ConditionWaitOpened":
                assert not timers

    async def bring_to_an_end(self) -> None:
        """From here on nothing goes wrong; then the program must come to its end."""
        for _ in range(200):
            if (await self.server.describe())["is_terminal"]:
                break
            await self.claim()
            if self.task is not None:
                await self.complete()
            await self.claim_activity()
            await self.complete_activity()
            if (await self.server.describe())["wait_kind"] == "condition":
                await self.signal()
            await self.server.pass_time(1)
            await self.check()
        described = await self.server.describe()
        assert described["status"] == "completed", described["wait_reason"]
        await self.check_the_whole(await self.server.events())

    async def check_the_whole(self, events: list[Json]) -> None:
        types = Counter(event["event_type"] for event in events)
        wanted = [name for kind, what in self.program.blocks if kind == "fan-out" for name in what]
        names = Counter(wanted)
        assert types["ActivityScheduled"] == names["act"] + names["other"]
        assert types["ChildWorkflowScheduled"] == names["child"]
        steps = [event for event in events if "timer_kind" not in event["payload"]]
        assert sum(event["event_type"] in RESOLVING for event in steps) == len(wanted)
        recorded = sum(kind == "record" for kind, _ in self.program.blocks)
        assert types["SideEffectRecorded"] == recorded
        assert types["UpdateApplied"] == types["UpdateAccepted"] == types["UpdateCompleted"]
        resolved = [e["payload"]["sequence"] for e in steps if e["event_type"] in RESOLVING]
        assert resolved == sorted(resolved), "outcomes in member order"
        assert events[-1]["event_type"] == "WorkflowCompleted"


async def drive(make_server: Callable[..., Any], blocks: list[Block], actions: list[int]) -> None:
    clock = ManualClock()
    store = SqliteStore(
        ":memory:",
        statements=load_statements("sqlite"),
        migrations=load_migrations("sqlite"),
        clock=clock,
        ids=UlidSource(seed=7),
    )
    try:
        # Silence is a matter of its own: here the one worker is always there.
        server = make_server(store, clock)
        server.configure(missed_heartbeats=10**6)
        await server.open()
        await server.start()
        driver = Driver(server, Program(blocks))
        for action in actions:
            await driver.act(action)
        await driver.bring_to_an_end()
    finally:
        await store.close()


members = st.lists(st.sampled_from(["act", "other", "timer", "child"]), min_size=1, max_size=4)
blocks = st.one_of(
    st.tuples(st.just("fan-out"), members),
    st.tuples(st.just("record"), st.none()),
    st.tuples(
        st.just("wait"), st.tuples(st.integers(1, 4), st.one_of(st.none(), st.integers(0, 5)))
    ),
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    program=st.lists(blocks, max_size=5),
    actions=st.lists(st.integers(0, len(Driver.actions) - 1), max_size=60),
)
# Two updates during a lease, and a timeout before the second is applied.
@example(program=[("wait", (1, 1))], actions=[0, 11, 11])
def test_nothing_is_lost_or_done_twice(
    server_class: Any, program: list[Block], actions: list[int]
) -> None:
    asyncio.run(drive(server_class, program, actions))
