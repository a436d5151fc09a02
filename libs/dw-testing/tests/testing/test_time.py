# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
"""Simulated time: what takes how long, and in which order things happen."""

import re
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import ActivityFailed
from durable_workflow.testing import WorkflowEnvironment, WorkflowStuck
from durable_workflow.workflow import ActivityRetryPolicy, WorkflowContext

Code = Generator[Any, Any, Any]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 24 * 3600
CENTURY = 100 * 366 * DAY  # as the server counts


@pytest.fixture
def env() -> WorkflowEnvironment:
    return WorkflowEnvironment(start_time=START)


@workflow.defn(name="sleeper")
class Sleeper:
    def run(self, ctx: WorkflowContext, *lengths: float) -> Code:
        times = [ctx.now().isoformat()]
        for length in lengths:
            yield ctx.sleep(length)
            times.append(ctx.now().isoformat())
        return times


class Listener:
    def __init__(self) -> None:
        self.received: list[str] = []

    @workflow.signal("say")
    def say(self, word: str) -> None:
        self.received.append(word)


@workflow.defn(name="waiter")
class Waiter(Listener):
    def run(self, ctx: WorkflowContext, words: int, timeout: float | None = None) -> Code:
        done = yield ctx.wait_condition(
            lambda: len(self.received) >= words, key="words", timeout=timeout
        )
        return [done, self.received, ctx.now().isoformat()]


@workflow.defn(name="timed")
class Timed:
    def run(self, ctx: WorkflowContext, attempts: int, timeouts: dict[str, int]) -> Code:
        started = ctx.now()
        policy = ActivityRetryPolicy(max_attempts=attempts, backoff_seconds=[10])
        try:
            yield ctx.schedule_activity("one", [], retry_policy=policy, **timeouts)  # type: ignore[arg-type]
            outcome = "completed"
        except ActivityFailed as error:
            outcome = str(error)
        return [outcome, (ctx.now() - started).total_seconds()]


def test_timers_take_simulated_time(env: WorkflowEnvironment) -> None:
    assert env.execute_workflow(Sleeper, 30 * DAY, 0, 1.5) == [
        "2026-03-01T12:00:00+00:00",
        "2026-03-31T12:00:00+00:00",
        "2026-03-31T12:00:00+00:00",
        "2026-03-31T12:00:02+00:00",  # fractions are rounded up
    ]
    assert env.now() == START + timedelta(days=30, seconds=2)


def test_without_a_start_time_it_is_now() -> None:
    before = datetime.now(UTC)
    env = WorkflowEnvironment()
    [first] = env.execute_workflow(Sleeper)
    assert before <= datetime.fromisoformat(first) <= datetime.now(UTC)


def test_a_naive_start_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        WorkflowEnvironment(start_time=datetime(2026, 3, 1))


def test_timers_past_the_calendar_do_not_break_it(env: WorkflowEnvironment) -> None:
    *_, last = env.execute_workflow(Sleeper, *[CENTURY] * 81)
    assert last.startswith("9999-12-31")


@pytest.mark.parametrize("length", [CENTURY + 1, 10**12, 1e300])
def test_a_sleep_that_the_server_refuses_is_refused(
    env: WorkflowEnvironment, length: float
) -> None:
    text = "The commands.0.delay_seconds field must not be greater than 3162240000."
    with pytest.raises(ValueError, match=re.escape(text)):
        env.execute_workflow(Sleeper, length)


def test_timeouts_that_the_server_refuses_are_refused(env: WorkflowEnvironment) -> None:
    with pytest.raises(ValueError, match=r"commands\.0\.timeout_seconds field must not be greater"):
        env.execute_workflow(Waiter, 1, CENTURY + 1)
    with pytest.raises(ValueError, match=r"commands\.0\.heartbeat_timeout field must not be"):
        env.execute_workflow(Timed, 1, {"heartbeat_timeout": CENTURY + 1})


def test_a_wait_times_out(env: WorkflowEnvironment) -> None:
    assert env.execute_workflow(Waiter, 1, 3 * DAY) == [False, [], "2026-03-04T12:00:00+00:00"]


def test_a_wait_without_time_times_out_at_once(env: WorkflowEnvironment) -> None:
    assert env.execute_workflow(Waiter, 1, 0) == [False, [], "2026-03-01T12:00:00+00:00"]


def test_signals_that_are_queued_satisfy_a_wait(env: WorkflowEnvironment) -> None:
    env.signal("say", ["a"])
    env.signal("say", ["b"])
    assert env.execute_workflow(Waiter, 2) == [True, ["a", "b"], "2026-03-01T12:00:00+00:00"]


def test_a_signal_comes_at_a_chosen_moment(env: WorkflowEnvironment) -> None:
    env.signal("say", ["b"], after=timedelta(days=2))
    env.signal("say", ["a"], after=DAY)
    assert env.execute_workflow(Waiter, 2, 5 * DAY) == [
        True,
        ["a", "b"],
        "2026-03-03T12:00:00+00:00",
    ]


def test_a_signal_that_comes_too_late_does_not_count(env: WorkflowEnvironment) -> None:
    env.signal("say", ["a"], after=3 * DAY)
    [done, *_] = env.execute_workflow(Waiter, 1, 2 * DAY)
    assert done is False


def test_the_timeout_of_a_wait_is_not_begun_anew_by_signals(env: WorkflowEnvironment) -> None:
    env.signal("say", ["a"], after=2 * DAY)
    assert env.execute_workflow(Waiter, 2, 3 * DAY) == [False, ["a"], "2026-03-04T12:00:00+00:00"]


def test_a_wait_that_nothing_can_satisfy_is_reported(env: WorkflowEnvironment) -> None:
    with pytest.raises(WorkflowStuck, match=r"the condition 'words'.*'say'"):
        env.execute_workflow(Waiter, 1)
    assert issubclass(WorkflowStuck, RuntimeError)


def test_a_signal_for_a_run_below_one_is_refused(env: WorkflowEnvironment) -> None:
    with pytest.raises(ValueError, match="run must be at least 1"):
        env.signal("say", run=0)
    with pytest.raises(ValueError, match="either run or after"):
        env.signal("say", run=1, after=1)
    with pytest.raises(ValueError, match="0 seconds or more"):
        env.signal("say", after=-1)


def test_a_mock_may_signal_its_workflow(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="asks")
    class Asks(Listener):
        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.schedule_activity("ask", [])
            return self.received

    env.register_activity("ask", lambda: env.signal("say", ["hello"]))
    assert env.execute_workflow(Asks) == ["hello"]


def test_code_of_the_workflow_may_signal_it(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="talks")
    class Talks(Listener):
        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.side_effect(lambda: env.signal("say", ["hello"]))
            yield ctx.wait_condition(lambda: bool(self.received))
            return self.received

    assert env.execute_workflow(Talks) == ["hello"]


def test_members_of_a_list_end_in_their_time(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="mixed")
    class Mixed:
        def run(self, ctx: WorkflowContext) -> Code:
            results = yield [
                ctx.schedule_activity("slow", []),
                ctx.sleep(5),
                ctx.schedule_activity("quick", []),
            ]
            return [results, ctx.now().isoformat()]

    env.register_activity_result("slow", "s", takes=timedelta(minutes=1))
    env.register_activity_result("quick", "q")
    assert env.execute_workflow(Mixed) == [["s", None, "q"], "2026-03-01T12:01:00+00:00"]


@pytest.mark.parametrize(
    ("takes", "attempts", "timeouts", "outcome"),
    [
        (60, 1, {}, ["completed", 60.0]),
        (60, 1, {"start_to_close_timeout": 60}, ["completed", 60.0]),
        (
            60,
            1,
            {"start_to_close_timeout": 30},
            ["Activity one exceeded its start_to_close timeout.", 30.0],
        ),
        (
            60,
            3,
            {"start_to_close_timeout": 30},
            ["Activity one exceeded its start_to_close timeout.", 30 + 10 + 30 + 10 + 30.0],
        ),
        (
            60,
            9,
            {"start_to_close_timeout": 30, "schedule_to_close_timeout": 50},
            ["Activity one exceeded its schedule_to_close timeout.", 50.0],
        ),
        (
            60,
            9,
            {"start_to_close_timeout": 30, "schedule_to_close_timeout": 35},
            ["Activity one exceeded its schedule_to_close timeout.", 35.0],
        ),
    ],
)
def test_activities_take_their_time_and_no_longer(
    env: WorkflowEnvironment,
    takes: float,
    attempts: int,
    timeouts: dict[str, int],
    outcome: list[Any],
) -> None:
    env.register_activity_result("one", None, takes=takes)
    assert env.execute_workflow(Timed, attempts, timeouts) == outcome


def test_a_month_with_many_steps_takes_no_time(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="month")
    class Month:
        def run(self, ctx: WorkflowContext) -> Code:
            for _ in range(300):
                yield ctx.schedule_activity("one", [])
                yield ctx.sleep(DAY / 10)
            return ctx.now().isoformat()

    env.register_activity_result("one", None)
    assert env.execute_workflow(Month) == "2026-03-31T12:00:00+00:00"
