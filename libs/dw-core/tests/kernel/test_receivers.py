"""Signals and updates of history: when they are applied, and what goes wrong with them."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
import logging
from typing import Any

import pytest

from durable_workflow import serializer, workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import QueryFailed, WorkflowPayloadDecodeError


@workflow.defn(name="log")
class Log:
    def __init__(self) -> None:
        self.log: list[Any] = []

    @workflow.signal("s")
    def on_signal(self, *arguments: Any) -> None:
        self.log.append(["s", *arguments])

    @workflow.signal("boom")
    def boom(self) -> None:
        raise LookupError("no such thing")

    @workflow.update("u")
    def on_update(self, *arguments: Any) -> Any:
        self.log.append(["u", *arguments])
        return "ignored"

    @workflow.update("strict")
    def strict(self, one: Any) -> None: ...

    def run(self, ctx: Any) -> Any:
        self.log.append("start")
        for name in ("a", "b"):
            yield ctx.schedule_activity(name, [])
            self.log.append(name)
        return self.log


def log_of(history: Any, workflow_cls: Any = Log) -> Any:
    machine = Machine(workflow_cls, Start())
    machine.feed(history)
    machine.commands()
    return machine.instance.log


@pytest.mark.parametrize("clock", [None, "event"])
def test_receivers_are_applied_at_the_stop_they_were_recorded_at(recorded: Any, clock: Any) -> None:
    history = recorded(clock=clock).signal("s", 0).scheduled(3, "a").signal("s", 1)
    history.update("u", 2).completed(3, 1, "a").signal("s", 3).scheduled(8, "b")
    assert log_of(history) == ["start", ["s", 0], ["s", 1], ["u", 2], "a", ["s", 3]]
    history.signal("s", 4).completed(8, 1, "b").signal("s", 5)
    assert log_of(history)[-4:] == [["s", 3], ["s", 4], "b", ["s", 5]]


@pytest.mark.parametrize("clock", [None, "event"])
def test_signal_of_an_unfinished_list_is_seen_at_once(recorded: Any, clock: Any) -> None:
    class Lists(Log):
        def run(self, ctx: Any) -> Any:
            yield [ctx.schedule_activity("a", []) for _ in range(2)]
            self.log.append("done")

    workflow.defn(name="lists")(Lists)
    history = recorded(clock=clock).scheduled(2).scheduled(3).completed(2, 1).signal("s", 1)
    assert log_of(history, Lists) == [["s", 1]]
    assert log_of(history.completed(3, 1), Lists) == [["s", 1], "done"]


@pytest.mark.parametrize("clock", [None, "event"])
def test_signal_while_an_activity_runs_is_not_seen_at_a_stop_without_trace(
    recorded: Any, clock: Any
) -> None:
    """The wait before the activity held at once; the signal came later, while it ran."""

    class Traceless(Log):
        def run(self, ctx: Any) -> Any:
            yield ctx.wait_condition(lambda: True)
            self.log.append("after wait")
            yield []
            self.log.append("after list")
            yield ctx.schedule_activity("a", [])

    workflow.defn(name="traceless")(Traceless)
    history = recorded(clock=clock).scheduled(2).signal("s", 1)
    assert log_of(history, Traceless) == ["after wait", "after list", ["s", 1]]


def test_nothing_reaches_a_closed_run(recorded: Any) -> None:
    history = recorded().activity(2, 1, "a").activity(3, 1, "b").add("WorkflowCompleted")
    assert log_of(history.signal("s", 1)) == ["start", "a", "b"]


def test_unknown_signal_is_dropped_and_unknown_update_fails(recorded: Any) -> None:
    assert log_of(recorded().signal("gone", 1)) == ["start"]
    (command,) = workflow.replay(Log, recorded().update("gone", 1), []).commands
    assert command == workflow.FailWorkflow(
        "unknown update 'gone' in workflow history", "TypeError"
    )


def test_undecorated_class_listens_to_nothing(recorded: Any) -> None:
    class Undecorated:
        def run(self, ctx: Any) -> Any:
            yield ctx.start_timer(1)

    assert workflow.replay(Undecorated, recorded().signal("s"), []).commands == [
        workflow.StartTimer(1)
    ]


@pytest.mark.parametrize(
    ("history", "message", "kind"),
    [
        (lambda r: r.signal("boom"), "no such thing", "LookupError"),
        (lambda r: r.update("strict", 1, 2), "takes 2 positional arguments", "TypeError"),
    ],
)
def test_handler_that_raises_fails_the_workflow(
    recorded: Any, history: Any, message: Any, kind: Any
) -> None:
    command: Any = workflow.replay(Log, history(recorded()), []).commands[0]
    assert command.exception_type == kind
    assert message in command.message


def test_base_exception_of_a_handler_passes_through(recorded: Any) -> None:
    class Stop(BaseException): ...

    @workflow.defn(name="stopping")
    class Stopping(Log):
        def on_signal(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            raise Stop

        on_signal.__signal_name__ = "s"  # type: ignore[attr-defined]

    machine = Machine(workflow.defn(name="stopping")(Stopping), Start())
    with pytest.raises(Stop):
        machine.feed(recorded().signal("s"))
    assert machine.stale


@pytest.mark.parametrize(
    ("payload", "arguments"),
    [
        ({"arguments": "[1, 2]"}, [1, 2]),
        ({"arguments": "7"}, [7]),
        ({"arguments": '{"a": 1}'}, [{"a": 1}]),
        ({"arguments": "null"}, []),
        ({"arguments": None}, []),
        ({}, []),
        ({"value": "[1]", "input": "[2]", "arguments": "[3]"}, [1]),
        ({"value": None, "input": "[2]", "arguments": "[3]"}, [2]),
        ({"arguments": serializer.envelope([5])}, [5]),
        ({"arguments": serializer.encode([6]), "payload_codec": "avro"}, [6]),
    ],
)
def test_arguments_of_a_signal(recorded: Any, payload: Any, arguments: Any) -> None:
    assert log_of(recorded().add("SignalReceived", signal_name="s", **payload)) == [
        "start",
        ["s", *arguments],
    ]


def test_bare_arguments_have_the_runs_codec(recorded: Any) -> None:
    blob = serializer.encode([8])
    machine = Machine(Log, Start(payload_codec="avro"))
    machine.feed(recorded().add("SignalReceived", signal_name="s", arguments=blob))
    assert machine.instance.log[-1] == ["s", 8]


@pytest.mark.parametrize(
    ("event_type", "name_key", "kind"),
    [("SignalReceived", "signal_name", "signal"), ("UpdateApplied", "update_name", "update")],
)
def test_undecodable_arguments_are_reported_and_fail_the_task(
    recorded: Any, caplog: Any, event_type: Any, name_key: Any, kind: Any
) -> None:
    blob = "{" + "x" * 300
    history = recorded().add(event_type, **{name_key: "s", "arguments": blob})
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(WorkflowPayloadDecodeError) as caught,
    ):
        workflow.replay(Log, history, [], workflow_id="w", run_id="r", payload_codec="json")
    error = caught.value
    assert isinstance(error.__cause__, ValueError)
    labels = {
        "workflow_id": "w",
        "run_id": "r",
        "event_id": "e2",
        "codec": "json",
        "payload_head": blob[:128],
        "exception_type": type(error.__cause__).__name__,
    }
    assert {name: getattr(error, name) for name in labels} == labels
    assert (error.receiver_kind, error.receiver_name) == (kind, "s")
    (record,) = caplog.records
    assert record.name == "durable_workflow.workflow.replay"
    assert record.durable_workflow_payload_decode == labels | {f"{kind}_name": "s"}
    assert record.exc_info is not None


def test_undecodable_envelope_names_its_own_codec(recorded: Any) -> None:
    envelope = {"codec": "avro", "blob": "!!!"}
    history = recorded().add("SignalReceived", signal_name="s", arguments=envelope)
    with pytest.raises(WorkflowPayloadDecodeError) as caught:
        workflow.replay(Log, history, [])
    assert (caught.value.codec, caught.value.payload_head) == ("avro", "!!!")
    assert (caught.value.workflow_id, caught.value.run_id) == (None, None)


def test_undecodable_result_fails_the_task_and_not_the_workflow(recorded: Any) -> None:
    history = recorded().add("ActivityCompleted", sequence=2, result="{")
    with pytest.raises(ValueError, match="Expecting"):
        workflow.replay(Log, history, [])


def test_decoding_is_the_callers(recorded: Any) -> Any:
    seen = []

    def decode(value: Any, codec: Any) -> Any:
        seen.append((value, codec))
        return json.loads(value) if value else None

    machine = Machine(Log, Start(payload_codec="mine", decode=decode))
    machine.feed(recorded().signal("s", 1).activity(3, 1, "a"))
    assert seen == [("[1]", "mine"), ("1", "mine")]


@workflow.defn(name="picky")
class Picky:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    @workflow.signal("one")
    def on_one(self, value: Any) -> None:
        self.seen.append(value)

    @workflow.signal("breaks")
    def on_breaks(self, value: Any) -> None:
        raise TypeError(f"no {value}")

    @workflow.update("one-update")
    def one_update(self, value: Any) -> Any:
        self.seen.append(value)
        return value

    @workflow.query("one-query")
    def one_query(self, value: Any) -> Any:
        return [value, self.seen]

    def run(self, ctx: Any) -> Any:
        yield ctx.wait_condition(lambda: len(self.seen) > 1, key="k")
        return self.seen


@pytest.mark.parametrize("clock", [None, "event"])
def test_signal_whose_arguments_do_not_fit_is_passed_by(recorded: Any, clock: Any) -> None:
    history = recorded(clock=clock).wait(2, "k")
    history.signal("one").signal("one", 1).signal("one", 1, 2).signal("one", 2)
    machine = Machine(Picky, Start())
    machine.feed(history)
    assert machine.commands() == [workflow.CompleteWorkflow([1, 2])]
    passed = machine.take_passed_signals()
    assert [(each.name, each.sequence) for each in passed] == [("one", 3), ("one", 5)]
    assert [each.reason for each in passed] == [
        "missing a required argument: 'value'",
        "too many positional arguments",
    ]
    assert machine.take_passed_signals() == []


@pytest.mark.parametrize("clock", [None, "event"])
def test_signal_that_history_says_was_passed_by_is_not_told_again(
    recorded: Any, clock: Any
) -> None:
    history = recorded(clock=clock).wait(2, "k").signal("one")
    history.add("SignalNotApplied", signal_name="one", signal_sequence=3, message="no")
    history.signal("one", 1, 2)
    machine = Machine(Picky, Start())
    machine.feed(history)
    assert [each.sequence for each in machine.take_passed_signals()] == [5]


@pytest.mark.parametrize("clock", [None, "event"])
def test_signal_without_a_handler_is_told_once_with_the_name_that_was_meant(
    recorded: Any, clock: Any
) -> None:
    history = recorded(clock=clock).wait(2, "k")
    history.signal("onne", 1).signal("elsewhere").signal("onne", 2).signal("one", 1)
    machine = Machine(Picky, Start())
    machine.feed(history)
    assert [
        (each.name, each.sequence, each.has_handler) for each in machine.take_passed_signals()
    ] == [("onne", 3, False), ("elsewhere", 4, False)]
    again = Machine(Picky, Start())
    again.feed(history)
    reasons = [each.reason for each in again.take_passed_signals()]
    assert reasons == [
        "the workflow has no signal of that name (did you mean one?)",
        "the workflow has no signal of that name (its signals are: breaks, one)",
    ]
    history.add("SignalNotApplied", signal_name="onne", signal_sequence=3, message="no")
    told = Machine(Picky, Start())
    told.feed(history)
    assert [each.name for each in told.take_passed_signals()] == ["elsewhere"]


def test_handler_that_raises_still_fails_the_workflow(recorded: Any) -> None:
    (failure,) = workflow.replay(Picky, recorded().wait(2, "k").signal("breaks", 1), []).commands
    assert failure == workflow.FailWorkflow("no 1", "TypeError")


def test_update_in_history_whose_arguments_no_longer_fit_is_a_mismatch(recorded: Any) -> None:
    machine = Machine(Picky, Start())
    machine.feed(recorded().wait(2, "k").update("one-update"))
    assert machine.mismatched
    assert isinstance(machine.commands()[0], workflow.FailWorkflow)


def test_queries_and_new_updates_whose_arguments_do_not_fit_fail_alone(recorded: Any) -> None:
    history = recorded().wait(2, "k").accepted("one-update", 1, 2).signal("one", 1)
    update = workflow.apply_update(Picky, history, [], "u")
    assert isinstance(update, workflow.FailUpdate)
    assert (update.exception_type, update.message[:24]) == ("TypeError", "update handler failed: P")
    with pytest.raises(QueryFailed, match="missing 1 required positional argument"):
        workflow.query_state(Picky, history, [], "one-query")
    assert workflow.query_state(Picky, history, [], "one-query", [7]) == [7, [1]]
