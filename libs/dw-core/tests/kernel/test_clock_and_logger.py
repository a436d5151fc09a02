"""`ctx.now()` and `ctx.logger`: what history says the time is, and which lines are new."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start


def at(second: Any, minute: Any = 0) -> Any:
    return datetime(2026, 6, 1, 12, minute, second, tzinfo=UTC)


@workflow.defn(name="clocked")
class Clocked:
    def __init__(self) -> None:
        self.times: list[Any] = []
        self.log: list[Any] = []

    @workflow.signal("s")
    def on_signal(self) -> None:
        self.note("signal")

    @workflow.update("u")
    def on_update(self) -> Any:
        self.note("update")
        return self.ctx.now()

    @workflow.query("now")
    def now(self) -> Any:
        return self.ctx.now()

    def note(self, what: Any) -> None:
        self.times.append((what, self.ctx.now()))

    def run(self, ctx: Any) -> Any:
        self.ctx = ctx
        self.note("start")
        yield ctx.schedule_activity("a", [])
        self.note("activity")
        yield ctx.side_effect(lambda: 1)
        self.note("marker")
        yield [ctx.start_timer(1), ctx.start_timer(1)]
        self.note("list")
        yield ctx.wait_condition(lambda: len(self.times) > 7, key="k")
        self.note("wait")


def times_of(history: Any, workflow_cls: Any = Clocked) -> Any:
    machine = Machine(workflow_cls, Start())
    machine.feed(history)
    return machine.instance.times


def full(history: Any) -> Any:
    history.scheduled(2).signal("s").completed(2, 1)  # events 2, 3, 4
    history.add("SideEffectRecorded", sequence=5, result="1")
    history.add("TimerScheduled", sequence=6).add("TimerScheduled", sequence=7)
    history.add("TimerFired", sequence=7).add("TimerFired", sequence=6)  # events 8, 9
    history.wait(10, "k").signal("s").update("u").satisfied(10)  # events 10 to 13
    return history


def test_clock_moves_with_the_events_that_resume_the_code(recorded: Any) -> None:
    assert times_of(full(recorded(clock="event"))) == [
        ("start", at(0)),
        ("signal", at(3)),
        ("activity", at(4)),
        ("marker", at(4)),  # a marker is answered at once, when nothing is recorded of it yet
        ("list", at(9)),
        ("signal", at(11)),
        ("update", at(12)),
        ("wait", at(12)),  # by the event that woke it, and not when that was noted down
    ]


@pytest.mark.parametrize("clock", [None, "fixed"])
def test_clock_stands_still_in_other_histories(recorded: Any, clock: Any) -> None:
    history = full(recorded(clock=clock))
    assert {time for _, time in times_of(history)} == {at(0)}


def test_timed_out_wait_goes_on_at_the_time_of_its_timer(recorded: Any) -> None:
    class TimedOut(Clocked):
        def run(self, ctx: Any) -> Any:
            self.ctx = ctx
            yield ctx.wait_condition(lambda: False, key="k", timeout=1)
            self.note("timed out")

    workflow.defn(name="timed-out")(TimedOut)
    history = recorded(clock="event").wait(2, "k").signal("s").wait_timer_fired(2)
    assert times_of(history, TimedOut) == [("signal", at(3)), ("timed out", at(4))]


@pytest.mark.parametrize(
    ("timestamp", "recorded_at", "expected"),
    [
        ("2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z", at(0)),
        ("2026-06-01T14:00:00+02:00", None, at(0)),
        ("2026-06-01T12:00:00", None, at(0)),
        (None, "2026-06-01T12:00:00Z", at(0)),
        ("yesterday", "2026-06-01T12:00:00Z", at(0)),
    ],
)
def test_the_start_is_at_its_timestamp_or_when_it_was_recorded(
    timestamp: Any, recorded_at: Any, expected: Any
) -> None:
    started = {
        "event_type": "WorkflowStarted",
        "payload": {"timestamp": timestamp},
        "recorded_at": recorded_at,
    }
    (entry,) = times_of([started])
    assert entry == ("start", expected)


def test_events_own_timestamp_is_read_too() -> None:
    started = {"type": "WorkflowStarted", "timestamp": "2026-06-01T12:00:00Z"}
    assert times_of([started]) == [("start", at(0))]


def test_without_any_time_one_replay_sees_one_moment() -> None:
    times = times_of([{"event_type": "ActivityCompleted", "payload": {}}])
    assert len({time for _, time in times}) == 1
    assert times[0][1].tzinfo is not None


def test_event_without_a_time_leaves_the_clock(recorded: Any) -> None:
    history = recorded(clock="event").activity(2, 1)
    del history.events[-1]["recorded_at"]
    assert times_of(history)[1:] == [("activity", at(0)), ("marker", at(0))]


def test_update_task_and_query_see_the_time_of_theirs(recorded: Any) -> None:
    history = recorded(clock="event").scheduled(2).accepted("u")
    command: Any = workflow.apply_update(Clocked, history, [], "u")
    assert command.result == at(3)
    assert workflow.query_state(Clocked, history, [], "now") == at(0)


def test_query_takes_nothing_from_the_workflows_random_numbers(recorded: Any) -> Any:
    @workflow.defn(name="drawing")
    class Drawing:
        @workflow.query("draw")
        def draw(self) -> Any:
            return self.ctx.uuid4(), self.ctx.uuid7()

        def run(self, ctx: Any) -> Any:
            self.ctx = ctx
            yield ctx.schedule_activity("a", [])
            return str(ctx.uuid7())

    def outcome(asks: Any) -> Any:
        history = recorded(clock="event")
        machine = Machine(Drawing, Start(run_id="r"))
        machine.feed(history)
        answers = [machine.query("draw") for _ in range(asks)]
        machine.feed(history.activity(2, 1)[1:])
        return answers, machine.commands()

    assert outcome(0)[1] == outcome(2)[1]
    assert len(set(outcome(2)[0])) == 1


@pytest.mark.parametrize("draws_before", [False, True])
def test_a_generator_that_a_query_has_kept_is_where_it_was(recorded: Any, draws_before: Any) -> Any:
    @workflow.defn(name="keeping")
    class Keeping:
        numbers: Any = None

        @workflow.query("draw")
        def draw(self) -> Any:
            self.numbers = self.ctx.random()
            return self.numbers.random(), self.numbers.gauss()

        def run(self, ctx: Any) -> Any:
            self.ctx = ctx
            if draws_before:
                ctx.random().gauss()
            yield ctx.schedule_activity("a", [])
            numbers = ctx.random() if self.numbers is None else self.numbers
            return [numbers.gauss(), ctx.random().random(), str(ctx.uuid4())]

    def outcome(asks: Any) -> Any:
        history = recorded(clock="event")
        machine = Machine(Keeping, Start(run_id="r"))
        machine.feed(history)
        answers = [machine.query("draw") for _ in range(asks)]
        machine.feed(history.activity(2, 1)[1:])
        return answers, machine.commands()

    assert outcome(0)[1] == outcome(2)[1]
    assert len(set(outcome(2)[0])) == 1


# --- logger ---------------------------------------------------------------------------------


@workflow.defn(name="talking")
class Talking:
    @workflow.signal("s")
    def on_signal(self) -> None:
        self.ctx.logger.info("signal")

    @workflow.query("q")
    def ask(self) -> None:
        self.ctx.logger.info("query")

    @workflow.update("u")
    def change(self) -> None:
        self.ctx.logger.info("update")

    def predicate(self) -> Any:
        self.ctx.logger.info("predicate")
        return True

    def run(self, ctx: Any) -> Any:
        self.ctx = ctx
        ctx.logger.info("start")
        yield ctx.schedule_activity("a", [])
        ctx.logger.warning("after %s", "a", extra={"n": 1})
        yield ctx.side_effect(lambda: 1)
        ctx.logger.info("after marker")
        yield ctx.wait_condition(self.predicate, key="k")
        ctx.logger.info("after wait")
        yield ctx.schedule_activity("b", [])
        ctx.logger.error("end")


@pytest.fixture
def lines(caplog: Any) -> Any:
    caplog.set_level(logging.DEBUG, logger="durable_workflow.workflow.replay")

    def take() -> Any:
        taken = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return taken

    return take


def test_only_lines_of_new_code_are_written(recorded: Any, lines: Any) -> None:
    history = recorded()
    workflow.replay(Talking, history, [])
    assert lines() == ["start"]
    workflow.replay(Talking, history.scheduled(2, "a"), [])
    assert lines() == []
    workflow.replay(Talking, history.completed(2, 1, "a"), [])
    assert lines() == ["after a", "after marker", "after wait"]
    history.add("SideEffectRecorded", sequence=4, result="1").scheduled(5, "b").signal("s")
    workflow.replay(Talking, history, [])
    assert lines() == []
    workflow.replay(Talking, history.completed(5, 1, "b"), [])
    assert lines() == ["end"]
    workflow.replay(Talking, history.add("WorkflowCompleted"), [])
    assert lines() == []


def test_kept_machine_writes_each_line_once(recorded: Any, lines: Any) -> None:
    history = recorded(clock="event").scheduled(2, "a").completed(2, 1, "a")
    history.add("SideEffectRecorded", sequence=4, result="1").activity(5, 1, "b")
    machine = Machine(Talking, Start())
    for cut in ((0, 1), (1, 3), (3, 6)):
        machine.feed(history[slice(*cut)])
    assert not machine.stale
    assert lines() == ["start", "after a", "after marker", "after wait", "end"]


def test_handlers_queries_updates_and_predicates_are_silent(recorded: Any, lines: Any) -> None:
    history = recorded().signal("s").accepted("u")
    machine = Machine(Talking, Start())
    machine.feed(history)
    machine.query("q")
    machine.apply_update("u")
    assert lines() == ["start"]


def test_questions_about_a_history_are_silent(recorded: Any, lines: Any) -> None:
    history = recorded().accepted("u")
    workflow.query_state(Talking, history, [], "q")
    workflow.apply_update(Talking, history, [], "u")
    Machine(Talking, Start(silent=True)).feed(history)
    assert lines() == []


def test_record_points_at_the_workflows_line(recorded: Any, caplog: Any) -> None:
    with caplog.at_level(logging.INFO):
        workflow.replay(Talking, recorded(), [])
    (record,) = caplog.records
    assert record.filename == "test_clock_and_logger.py"
    assert record.funcName == "run"


def test_an_exception_is_logged_as_logging_does(recorded: Any, caplog: Any) -> None:
    class Caught:
        def run(self, ctx: Any) -> Any:
            try:
                raise ValueError("no")
            except ValueError:
                ctx.logger.exception("caught %s", "it")
                ctx.logger.critical("worse")
            yield ctx.schedule_activity("a", [])

    with caplog.at_level(logging.INFO):
        workflow.replay(Caught, recorded(), [])
    caught, worse = caplog.records
    assert (caught.levelname, caught.getMessage()) == ("ERROR", "caught it")
    assert caught.exc_info is not None
    assert isinstance(caught.exc_info[1], ValueError)
    assert caught.funcName == "run"
    assert (worse.levelname, worse.exc_info) == ("CRITICAL", None)


def test_code_that_is_dropped_says_nothing(recorded: Any, lines: Any) -> None:
    class Cleanup:
        def run(self, ctx: Any) -> Any:
            try:
                yield ctx.schedule_activity("a", [])
            finally:
                ctx.logger.info("cleanup")
                yield ctx.schedule_activity("undo", [])

    machine = Machine(Cleanup, Start())
    machine.feed(recorded())
    del machine
    assert lines() == []
