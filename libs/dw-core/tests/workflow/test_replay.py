"""The replay entry points: their outcomes, and the words of every failure."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from typing import Any

import pytest

from durable_workflow import serializer, workflow
from durable_workflow.errors import QueryFailed
from durable_workflow.external_storage import (
    ExternalPayloadCache,
    LocalFilesystemExternalStorage,
)
from durable_workflow.workflow import CompleteUpdate, FailUpdate


@workflow.defn(name="flow")
class Flow:
    def __init__(self) -> None:
        self.value = 0

    @workflow.signal("set")
    def on_set(self, value: Any) -> None:
        self.value = value

    @workflow.query("value")
    def ask(self, *plus: Any) -> Any:
        return self.value + sum(plus)

    @workflow.query("raises")
    def ask_raises(self, text: Any) -> None:
        raise ValueError(text)

    @workflow.query("refuses")
    def ask_refuses(self) -> None:
        raise QueryFailed("not now", reason="mine")

    @workflow.query("async")
    async def ask_async(self) -> Any:
        return self.value

    @workflow.query("gone")
    def ask_gone(self) -> None: ...

    @workflow.update("add")
    def add(self, n: Any) -> Any:
        if n == 13:
            raise ValueError("unlucky")
        if n == 14:
            raise ValueError
        self.value += n
        return self.value

    @add.validator
    def check(self, n: Any) -> Any:
        if n < 0:
            raise ValueError("negative")
        return n != 99

    @workflow.update("gone")
    def update_gone(self) -> None: ...

    @workflow.update("unvalidated")
    def unvalidated(self) -> None: ...

    @workflow.update_validator("unvalidated")
    def validator_gone(self) -> None: ...

    def run(self, ctx: Any, *arguments: Any) -> Any:
        if arguments == ("fail",):
            raise ValueError("failed early")
        yield ctx.wait_condition(lambda: self.value > 100, key="k")


for _attribute in ("ask_gone", "update_gone", "validator_gone"):
    setattr(Flow, _attribute, None)


def test_replay_returns_the_commands(recorded: Any) -> None:
    outcome = workflow.replay(Flow, recorded(), [])
    assert isinstance(outcome, workflow.ReplayOutcome)
    commands: list[Any] = list(outcome.commands)
    assert [command.condition_key for command in commands] == ["k"]


def test_replay_takes_any_iterable(recorded: Any) -> None:
    commands = list(workflow.replay(Flow, (event for event in recorded()), []).commands)
    assert [type(command) for command in commands] == [workflow.WaitCondition]


def test_replay_reads_offloaded_payloads(recorded: Any, tmp_path: Any) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    envelope = serializer.external_storage_envelope(
        [500], external_storage=storage, threshold_bytes=1
    )
    history = recorded().add("SignalReceived", signal_name="set", arguments=envelope)
    cache = ExternalPayloadCache()
    for _ in range(2):
        answer = workflow.query_state(
            Flow,
            history,
            [],
            "value",
            external_storage=storage,
            external_storage_cache=cache,
        )
        assert answer == 500
    assert len(cache) == 1


@pytest.mark.parametrize("history", ["text", [1], [None], ("event",)])
def test_an_event_that_is_no_object_is_named(history: Any) -> None:
    with pytest.raises(TypeError, match="event 1 of the history must be an object, not "):
        workflow.replay(Flow, history, [])
    with pytest.raises(QueryFailed, match="event 1 of the history must be"):
        workflow.query_state(Flow, history, [], "value")


@pytest.mark.parametrize("start_input", ["abc", b"abc", None, 3, {"order_id": 1}])
def test_a_start_input_that_is_no_list_is_refused(start_input: Any) -> None:
    with pytest.raises(TypeError, match="start_input must be a list of the arguments of run"):
        workflow.replay(Flow, [], start_input)


@workflow.defn(name="dice")
class Dice:
    @workflow.query("thrown")
    def thrown(self) -> str:
        return self.uuid

    def run(self, ctx: Any) -> Any:
        self.uuid = str(ctx.uuid4())
        yield ctx.schedule_activity("roll", [ctx.random().random(), self.uuid])


def test_a_replay_is_seeded_with_the_run_id_that_history_names() -> None:
    history = [
        {"event_type": "StartAccepted", "payload": {"workflow_run_id": "run-1"}},
        {"event_type": "WorkflowStarted", "payload": {"workflow_run_id": "run-1"}},
    ]
    named = workflow.replay(Dice, history, [], run_id="run-1").commands
    assert workflow.replay(Dice, iter(history), []).commands == named
    assert workflow.replay(Dice, history, [], run_id="run-2").commands != named
    assert workflow.replay(Dice, [], []).commands != named
    asked: Any = named[0]
    assert workflow.query_state(Dice, history, [], "thrown") == asked.arguments[1]


# --- queries --------------------------------------------------------------------------------


def test_query_answers_from_the_replayed_state(recorded: Any) -> None:
    history = recorded().signal("set", 7)
    assert workflow.query_state(Flow, history, [], "value") == 7
    assert workflow.query_state(Flow, history, [], "value", [1, 2]) == 10


async def test_query_may_return_an_awaitable(recorded: Any) -> None:
    assert await workflow.query_state(Flow, recorded().signal("set", 7), [], "async") == 7


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("nothing", [], "unknown query 'nothing'"),
        ("gone", [], "query handler 'gone' is not available"),
        ("raises", ["said"], "said"),
        ("raises", [""], "query 'raises' failed"),
        ("refuses", [], "not now"),
        ("raises", [], "Flow.ask_raises() missing 1 required positional argument: 'text'"),
    ],
)
def test_query_failures(recorded: Any, name: Any, arguments: Any, message: Any) -> None:
    with pytest.raises(QueryFailed) as caught:
        workflow.query_state(Flow, recorded(), [], name, arguments)
    assert str(caught.value) == message


def test_an_unknown_query_is_told_by_its_reason_and_not_by_its_text(recorded: Any) -> None:
    with pytest.raises(QueryFailed) as unknown:
        workflow.query_state(Flow, recorded(), [], "nothing")
    with pytest.raises(QueryFailed) as raised:
        workflow.query_state(Flow, recorded(), [], "raises", ["unknown query 'nothing'"])
    assert (unknown.value.reason, raised.value.reason) == ("rejected_unknown_query", None)


def test_query_failed_of_the_handler_passes_unchanged(recorded: Any) -> None:
    with pytest.raises(QueryFailed) as caught:
        workflow.query_state(Flow, recorded(), [], "refuses")
    assert caught.value.reason == "mine"


@pytest.mark.parametrize(
    ("arguments", "history", "message"),
    [
        (["fail"], lambda r: r, "workflow replay failed before query: failed early"),
        ([], lambda r: r.scheduled(2), "workflow replay failed before query: workflow history at"),
        ([], lambda r: r.signal("set", 1).add("SignalReceived", signal_name="set", value="{"),
         "workflow replay failed before query: cannot decode"),
    ],
)  # fmt: skip
def test_query_after_a_failed_replay(
    recorded: Any, arguments: Any, history: Any, message: Any
) -> None:
    with pytest.raises(QueryFailed) as caught:
        workflow.query_state(Flow, history(recorded()), arguments, "value")
    assert str(caught.value).startswith(message)
    assert caught.value.reason == "query_workflow_state_unavailable"


def test_query_of_a_failed_run(recorded: Any) -> None:
    history = recorded().add("WorkflowFailed", message="failed early")
    assert workflow.query_state(Flow, history, ["fail"], "value") == 0


def test_query_of_an_undecorated_class(recorded: Any) -> None:
    class Undecorated:
        def run(self, ctx: Any) -> Any:
            return 1

    with pytest.raises(QueryFailed, match="unknown query 'value'"):
        workflow.query_state(Undecorated, recorded(), [], "value")


# --- updates --------------------------------------------------------------------------------


def updated(history: Any, update_id: Any = "u", arguments: Any = ()) -> Any:
    return workflow.apply_update(Flow, history, list(arguments), update_id)


def test_update_runs_on_the_replayed_state(recorded: Any) -> None:
    history = recorded().signal("set", 5).accepted("add", 2)
    assert updated(history) == CompleteUpdate("u", 7)


def test_the_last_acceptance_of_an_id_counts(recorded: Any) -> None:
    history = recorded().accepted("add", 1).accepted("add", 2)
    assert updated(history) == CompleteUpdate("u", 2)


def test_old_spelling_of_an_acceptance(recorded: Any) -> None:
    history = recorded().add("update_accepted", update_id="u", update_name="add", arguments="[3]")
    assert updated(history) == CompleteUpdate("u", 3)


def test_validator_is_not_asked_when_history_is_replayed(recorded: Any) -> None:
    assert workflow.query_state(Flow, recorded().update("add", -5), [], "value") == -5


@pytest.mark.parametrize(
    ("name", "arguments", "message", "kind", "cls"),
    [
        ("missing", [], "unknown update 'missing'", "UnknownUpdate", None),
        ("gone", [], "update handler 'gone' is not available", "UnknownUpdate", None),
        (
            "unvalidated",
            [],
            "update validator 'unvalidated' is not available",
            "UnknownUpdateValidator",
            None,
        ),
        (
            "add",
            [-1],
            "update validator failed: negative",
            "ValueError",
            "builtins.ValueError",
        ),
        (
            "add",
            [99],
            "update validator failed: update validator 'add' returned false",
            "ValueError",
            "builtins.ValueError",
        ),
        ("add", [13], "update handler failed: unlucky", "ValueError", "builtins.ValueError"),
        ("add", [14], "update handler failed: ValueError", "ValueError", "builtins.ValueError"),
        (
            "add",
            [],
            "update validator failed: Flow.check() missing 1 required positional argument: 'n'",
            "TypeError",
            "builtins.TypeError",
        ),
    ],
)
def test_update_failures(
    recorded: Any, name: Any, arguments: Any, message: Any, kind: Any, cls: Any
) -> None:
    history = recorded().accepted(name, *arguments)
    assert updated(history) == FailUpdate("u", message, kind, cls)


def test_update_that_history_does_not_have(recorded: Any) -> None:
    assert updated(recorded()) == FailUpdate(
        "u", "accepted update 'u' was not present in workflow history", "UpdateNotFound"
    )


def test_update_without_a_name(recorded: Any) -> None:
    history = recorded().add("UpdateAccepted", update_id="u")
    assert updated(history) == FailUpdate(
        "u", "accepted update 'u' is missing an update name", "InvalidUpdate"
    )


def test_update_whose_arguments_do_not_decode(recorded: Any) -> None:
    history = recorded().add("UpdateAccepted", update_id="u", update_name="add", arguments="{")
    command = updated(history)
    assert command.message.startswith(
        "update argument decode failed: cannot decode arguments of update 'add' with codec 'json': "
    )
    assert command.exception_type == "WorkflowPayloadDecodeError"
    assert command.exception_type == command.exception_class.rsplit(".", 1)[1]


def test_update_after_a_failed_replay(recorded: Any) -> None:
    command = updated(recorded().scheduled(2).accepted("add", 1))
    assert command.message.startswith(
        "workflow replay failed before update: workflow history at workflow sequence 2"
    )
    assert command.exception_type == "NonDeterministicReplayError"
    assert command.exception_class.startswith("durable_workflow.errors")
    failed = updated(recorded().accepted("add", 1), arguments=["fail"])
    assert failed == FailUpdate(
        "u", "workflow replay failed before update: failed early", "ValueError"
    )


def test_failures_of_updates_are_never_retried(recorded: Any) -> None:
    assert updated(recorded()).non_retryable is True
