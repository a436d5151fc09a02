"""Updates that are run on a kept machine, and whether it can go on after that."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import threading
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start


@workflow.defn(name="updated")
class Updated:
    """Notes what is done to it."""

    runs = 0

    def __init__(self) -> None:
        Updated.runs += 1
        self.seen: list[Any] = []

    @workflow.signal("s")
    def on_signal(self) -> None:
        self.seen.append("signal")

    @workflow.update("u")
    def change(self, what: Any = "u") -> Any:
        self.seen.append(what)
        if what == "time":
            self.seen.append(self.ctx.now().isoformat())
        if what == "raise":
            raise ValueError("no")
        return len(self.seen)

    @workflow.update("checked")
    def checked(self, what: Any = "u") -> None:
        self.seen.append(what)

    @checked.validator
    def check(self, what: Any = "u") -> Any:
        self.ctx.uuid4()
        if what == "lock":
            self.lock = threading.Lock()  # a state that cannot be written down
        if what in ("note", "lock"):
            self.seen.append("validated")
        return what != "no"

    def run(self, ctx: Any) -> Any:
        self.ctx = ctx
        yield ctx.wait_condition(lambda: "signal" in self.seen, key="signal")
        mark = yield ctx.side_effect(lambda: len(self.seen))
        yield ctx.wait_condition(lambda: len(self.seen) > 3, key="many")
        return [mark, self.seen]


def updated_machine(history: Any) -> Any:
    machine = Machine(Updated, Start("w", "r"))
    machine.feed(history)
    return machine


def test_machine_on_which_an_update_ran_awaits_it(recorded: Any) -> None:
    history = recorded(clock="event").wait(2, "signal").accepted("u")
    machine = updated_machine(history)
    assert machine.apply_update("u") == workflow.CompleteUpdate("u", 1)
    assert machine.spent
    assert machine.awaits
    for use in (machine.commands, lambda: machine.query("q"), lambda: machine.apply_update("u")):
        with pytest.raises(RuntimeError, match="update"):
            use()
    runs = Updated.runs
    # What a server may write at any time is no sign of anything.
    history.add("ActivityStarted").update("u", sequence=4)
    machine.feed(history[3:])
    assert not machine.awaits
    assert not machine.spent
    assert not machine.stale
    assert machine.instance.seen == ["u"] == updated_machine(history).instance.seen
    history.add("UpdateCompleted", update_id="u", sequence=4).signal("s")
    machine.feed(history[5:])
    assert machine.instance.seen == ["u", "signal"]
    assert [type(each) for each in machine.commands()] == [
        type(each) for each in updated_machine(history).commands()
    ]
    assert Updated.runs == runs + 2  # the rebuilt ones alone


@pytest.mark.parametrize("what", ["time", "raise"])
def test_update_that_would_be_another_in_a_replay_leaves_a_spent_machine(
    recorded: Any, what: Any
) -> None:
    machine = updated_machine(recorded(clock="event").wait(2, "signal").accepted("u", what))
    machine.apply_update("u")
    assert machine.spent
    assert not machine.awaits
    with pytest.raises(RuntimeError, match="update"):
        machine.feed([])


@pytest.mark.parametrize(("what", "kept"), [("u", True), ("note", False), ("lock", False)])
def test_validator_that_changes_the_state_leaves_a_spent_machine(
    recorded: Any, what: Any, kept: Any
) -> None:
    # No replay runs it, so what it changed would be here alone.
    history = recorded(clock="event").wait(2, "signal")
    payload = {"update_id": "u", "update_name": "checked", "arguments": f'["{what}"]'}
    machine = updated_machine(history.add("UpdateAccepted", **payload))
    assert machine.apply_update("u") == workflow.CompleteUpdate("u", None)
    assert machine.awaits is kept


def test_validator_is_asked_without_a_trace(recorded: Any) -> None:
    history = recorded(clock="event").wait(2, "signal")
    machine, other = updated_machine(history), updated_machine(history)
    machine.validate("checked", [])
    machine.validate("u", [])  # has none
    with pytest.raises(ValueError, match="update validator 'checked' returned false"):
        machine.validate("checked", ["no"])
    assert machine.instance.ctx.uuid4() == other.instance.ctx.uuid4()


def test_update_behind_what_history_does_not_know_leaves_a_spent_machine(recorded: Any) -> None:
    # The first wait holds by now, and the code has gone on; a replay finds the update before that.
    history = recorded(clock="event").wait(2, "signal").signal("s").accepted("u")
    machine = updated_machine(history)
    machine.apply_update("u")
    assert not machine.awaits


def test_update_on_a_history_of_unknown_order_leaves_a_spent_machine(recorded: Any) -> None:
    machine = updated_machine(recorded().wait(2, "signal").accepted("u"))
    machine.apply_update("u")
    assert not machine.awaits


@pytest.mark.parametrize("then", ["nothing", "failed", "signal", "another"])
def test_update_that_was_not_recorded_leaves_a_stale_machine(recorded: Any, then: Any) -> None:
    history = recorded(clock="event").wait(2, "signal").accepted("u")
    machine = updated_machine(history)
    machine.apply_update("u")
    if then == "failed":
        history.add("UpdateCompleted", update_id="u", message="too large")
    elif then == "signal":
        history.signal("s").update("u", sequence=4)
    elif then == "another":
        history.update("u", update_id="other", sequence=4)
    machine.feed(history[3:])
    assert machine.stale
