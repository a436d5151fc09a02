"""Condition waits, in histories of both sorts of server."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import NonDeterministicReplayError


class Log:
    def __init__(self) -> None:
        self.log: list[Any] = []
        self.seen: list[Any] = []

    @workflow.signal("s")
    def on_signal(self, k: Any) -> None:
        self.log.append(k)


@workflow.defn(name="approve-then-pay")
class ApproveThenPay(Log):
    """Two waits; what was sent before the first task satisfies the first at once."""

    def run(self, ctx: Any) -> Any:
        yield ctx.wait_condition(lambda: "approve" in self.log, key="approved")
        self.seen.append(list(self.log))
        yield ctx.wait_condition(lambda: "pay" in self.log, key="paid")
        return [*self.seen, self.log]


@workflow.defn(name="consumer")
class Consumer(Log):
    """The same wait again and again, each taking what is there."""

    def run(self, ctx: Any) -> Any:
        for _ in range(3):
            yield ctx.wait_condition(lambda: len(self.log) > 0, key="next")
            self.seen.append(list(self.log))
            self.log.clear()
        return self.seen


def replayed(workflow_cls: Any, history: Any) -> list[Any]:
    return workflow.replay(workflow_cls, history, []).commands


def keys(commands: Any) -> Any:
    return [command.condition_key for command in commands]


@pytest.mark.parametrize("clock", [None, "event"])
def test_wait_that_holds_at_once_takes_no_recorded_one(recorded: Any, clock: Any) -> None:
    history = recorded(clock=clock).signal("s", "approve").wait(3, "paid")
    assert keys(replayed(ApproveThenPay, history)) == ["paid"]
    history.signal("s", "pay")
    expected = [workflow.CompleteWorkflow([["approve"], ["approve", "pay"]])]
    assert replayed(ApproveThenPay, history) == expected


@pytest.mark.parametrize("clock", [None, "event"])
def test_wait_that_holds_at_once_needs_no_trace_before_another_step(
    recorded: Any, clock: Any
) -> None:
    class Through:
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: True, key="k")
            return (yield ctx.schedule_activity("a", []))

    assert [type(c).__name__ for c in replayed(Through, recorded(clock=clock))] == [
        "ScheduleActivity"
    ]
    assert replayed(Through, recorded(clock=clock).activity(2, "x")) == [
        workflow.CompleteWorkflow("x")
    ]


def test_same_key_in_a_loop_is_told_apart_by_what_was_there(recorded: Any) -> None:
    """In an ordered history: the first wait held at once, so the recorded one is the second."""
    history = recorded(clock="event").signal("s", 1).wait(3, "next").signal("s", 2).satisfied(3)
    assert keys(replayed(Consumer, history)) == ["next"]
    history.wait(6, "next").signal("s", 3)
    assert replayed(Consumer, history) == [workflow.CompleteWorkflow([[1], [2], [3]])]


def test_all_that_came_before_the_task_is_there_when_the_wait_is_tested(recorded: Any) -> None:
    history = recorded(clock="event").wait(2, "next").signal("s", 1).signal("s", 2).satisfied(2)
    history.wait(6, "next")
    machine = Machine(Consumer, Start())
    machine.feed(history)
    assert machine.instance.seen == [[1, 2]]


def test_reopening_without_timer_leaves_two_signals_where_they_were(recorded: Any) -> None:
    """The first alone would satisfy the wait; the second, seen by the same task, undid it."""

    @workflow.defn(name="even")
    class Even(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: len(self.log) % 2 == 1, key="odd")
            return self.log

    history = recorded(clock="event").wait(2, "odd").signal("s", 1).signal("s", 2).wait(5, "odd")
    assert keys(replayed(Even, history)) == ["odd"]
    history.signal("s", 3)
    assert replayed(Even, history) == [workflow.CompleteWorkflow([1, 2, 3])]


def test_signal_between_timeout_and_task_belongs_to_the_next_wait(recorded: Any) -> None:
    class Timeout(ApproveThenPay):
        def run(self, ctx: Any) -> Any:
            ok = yield ctx.wait_condition(lambda: False, key="first", timeout=1)
            self.seen.append([ok, list(self.log)])
            yield ctx.wait_condition(lambda: len(self.log) > 0, key="a")
            yield ctx.wait_condition(lambda: len(self.log) > 1, key="b")
            return self.seen

    history = recorded(clock="event").wait(2, "first").wait_timer_fired(2).signal("s", 1)
    assert keys(replayed(Timeout, history)) == ["b"]
    history.wait(5, "b").signal("s", 2)
    assert replayed(Timeout, history) == [workflow.CompleteWorkflow([[False, []]])]


@pytest.mark.parametrize("clock", [None, "event"])
def test_timeouts_by_event(recorded: Any, clock: Any) -> None:
    class Never:
        def run(self, ctx: Any) -> Any:
            return (yield ctx.wait_condition(lambda: False, key="k", timeout=0))

    history = recorded(clock=clock).wait(2, "k")
    history.add("ConditionWaitTimedOut", condition_wait_id="w2", sequence=2)
    assert replayed(Never, history) == [workflow.CompleteWorkflow(False)]


def test_a_satisfied_wait_is_true_even_if_the_predicate_is_not(recorded: Any) -> None:
    class Never:
        def run(self, ctx: Any) -> Any:
            return (yield ctx.wait_condition(lambda: False, key="k"))

    for clock in (None, "event"):
        history = recorded(clock=clock).wait(2, "k").satisfied(2)
        assert replayed(Never, history) == [workflow.CompleteWorkflow(True)]


@pytest.mark.parametrize("clock", [None, "event"])
@pytest.mark.parametrize(
    ("recorded_key", "message"),
    [
        ("other", "history has 'other', workflow yielded 'k'"),
        ("", "history has '', workflow yielded 'k'"),
    ],
)
def test_changed_key_fails_the_workflow(
    recorded: Any, clock: Any, recorded_key: Any, message: Any
) -> None:
    class Wait:
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: False, key="k")

    (command,) = replayed(Wait, recorded(clock=clock).wait(2, recorded_key))
    assert command.exception_type == "NonDeterministicWaitCondition"
    assert command.message == f"wait_condition key changed during replay: {message}"


def test_a_predicate_that_is_none_fails_the_workflow_with_what_it_is() -> None:
    class Wait:
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(False)

    (command,) = replayed(Wait, [])
    assert command.exception_type == "TypeError"
    assert command.message.startswith(
        "wait_condition predicate raised: 'bool' object is not callable"
    )
    assert "not False (bool)" in command.message


def test_machine_tells_its_own_finding_from_what_code_raised(recorded: Any) -> None:
    class NonDeterministicWaitCondition(Exception):
        pass

    class Wait:
        def run(self, ctx: Any, raises: bool) -> Any:
            yield ctx.wait_condition(lambda: False, key="k", timeout=1)
            raise NonDeterministicWaitCondition("as it says itself")

    for key, mismatched in (("k", False), ("other", True)):
        machine = Machine(Wait, Start(arguments=[True]))
        machine.feed(recorded(clock="event").wait(2, key).wait_timer_fired(2))
        (command,) = machine.commands()
        assert isinstance(command, workflow.FailWorkflow)
        assert command.exception_type == "NonDeterministicWaitCondition"
        assert machine.mismatched is mismatched


@pytest.mark.parametrize("clock", [None, "event"])
def test_changed_predicate_fails_the_workflow(recorded: Any, clock: Any) -> None:
    class Wait:
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: False, key="k")

    (current,) = replayed(Wait, [])
    ours = current.condition_definition_fingerprint
    other = "sha256:v2:" + "0" * 64
    for fingerprint, fails in (
        (other, True),
        (ours, False),
        ("sha256:" + "0" * 64, False),
        (None, False),
    ):
        fields = {"condition_definition_fingerprint": fingerprint}
        (command,) = replayed(Wait, recorded(clock=clock).wait(2, "k", **fields))
        assert isinstance(command, workflow.FailWorkflow) is fails
        if fails:
            assert command.message == (
                "wait_condition predicate fingerprint changed during replay: history has "
                f"{other!r}, workflow yielded {ours!r}"
            )


@pytest.mark.parametrize("clock", [None, "event"])
def test_wait_where_history_has_another_step(recorded: Any, clock: Any) -> None:
    class Wait:
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: False, key="k")

    with pytest.raises(NonDeterministicReplayError) as caught:
        replayed(Wait, recorded(clock=clock).scheduled(2))
    assert caught.value.expected_shape == "condition wait"


def test_wait_that_is_false_though_history_went_on(recorded: Any) -> None:
    class Wait:
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: False, key="k")
            yield ctx.schedule_activity("a", [])

    with pytest.raises(NonDeterministicReplayError) as caught:
        replayed(Wait, recorded(clock="event").wait(2, "k").scheduled(3))
    assert (caught.value.workflow_sequence, caught.value.expected_shape) == (3, "condition wait")


@pytest.mark.parametrize("clock", [None, "event"])
def test_predicate_that_raises_fails_the_workflow_only_once_it_raises(
    recorded: Any, clock: Any
) -> None:
    @workflow.defn(name="raises-later")
    class RaisesLater(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: bool(self.log) and self.log[5], key="k")

    assert keys(replayed(RaisesLater, recorded(clock=clock).wait(2, "k"))) == ["k"]
    (command,) = replayed(RaisesLater, recorded(clock=clock).wait(2, "k").signal("s", 1))
    assert command.message == "wait_condition predicate raised: list index out of range"
    assert command.exception_type == "IndexError"


def test_reopened_wait_of_an_old_fingerprint_is_followed(recorded: Any) -> None:
    """Both openings were recorded by another SDK, whose fingerprint cannot be compared to ours."""

    @workflow.defn(name="no-key")
    class NoKey(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: len(self.log) >= 2)
            return self.log

    old = {"condition_definition_fingerprint": "sha256:" + "1" * 64}
    history = recorded().wait(2, **old).signal("s", 1).wait(4, **old).signal("s", 2)
    assert replayed(NoKey, history) == [workflow.CompleteWorkflow([1, 2])]


def test_wait_without_key_is_followed_through_the_hands_of_two_sdks(recorded: Any) -> None:
    @workflow.defn(name="no-key-of-two")
    class NoKey(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: len(self.log) >= 3)
            return self.log

    history = recorded(clock="event")
    (wait,) = replayed(NoKey, history)
    ours = {"condition_definition_fingerprint": wait.condition_definition_fingerprint}
    theirs = {"condition_definition_fingerprint": "sha256:" + "1" * 64}
    history.wait(2, **ours).signal("s", 1).wait(4, **theirs).signal("s", 2).wait(6).signal("s", 3)
    assert replayed(NoKey, history) == [workflow.CompleteWorkflow([1, 2, 3])]


def test_two_waits_of_another_sdk_are_not_taken_for_one(recorded: Any) -> None:
    @workflow.defn(name="two-of-theirs")
    class Two(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: len(self.log) >= 2)
            return self.log

    first, second = ({"condition_definition_fingerprint": "sha256:" + digit * 64} for digit in "12")
    history = recorded(clock="event").wait(2, **first).signal("s", 1).wait(4, **second)
    with pytest.raises(NonDeterministicReplayError):
        replayed(Two, history)


def test_stale_reopening_is_passed_by_at_the_end(recorded: Any) -> None:
    """A server that re-opened a wait once more after its predicate had become true."""

    @workflow.defn(name="stale-reopen")
    class Two(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: len(self.log) >= 2, key="a")
            return self.log

    history = recorded().wait(2, "a").signal("s", 1).wait(4, "a").signal("s", 2).wait(6, "a")
    assert replayed(Two, history) == [workflow.CompleteWorkflow([1, 2])]
    with pytest.raises(NonDeterministicReplayError):
        replayed(Two, recorded().wait(2, "a").signal("s", 1).signal("s", 2).satisfied(2).wait(6))


def test_open_wait_id_is_that_of_the_wait_the_code_stands_at(recorded: Any) -> None:
    history = recorded(clock="event")
    machine = Machine(ApproveThenPay, Start())
    machine.feed(history)
    assert machine.open_wait_id is None
    history.wait(2, "approved")
    machine.feed(history[-1:])
    assert machine.open_wait_id == "w2"
    history.signal("s", "approve")
    machine.feed(history[-1:])
    assert machine.open_wait_id is None
    assert keys(machine.commands()) == ["paid"]


def test_kept_wait_needs_no_reopening(recorded: Any) -> None:
    """The worker says that it is still the same wait, and the server appends nothing."""
    history = recorded(clock="event").wait(2, "approved").signal("s", 1).signal("s", "approve")
    history.satisfied(2).wait(6, "paid").signal("s", "pay")
    machine = Machine(ApproveThenPay, Start())
    for cut in ((0, 2), (2, 3), (3, 4), (4, 6), (6, 7)):
        machine.feed(history[slice(*cut)])
        assert not machine.stale
    assert machine.commands() == replayed(ApproveThenPay, history)
