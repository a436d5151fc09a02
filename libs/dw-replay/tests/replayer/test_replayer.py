"""One registration, many histories: which workflow, with what input, and what it asks for next."""

from collections.abc import Generator
from typing import Any

import pytest

import durable_workflow
from durable_workflow import Replayer, serializer, workflow
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.workflow import CompleteWorkflow, ScheduleActivity, WorkflowContext


@workflow.defn(name="order")
class Order:
    def run(self, ctx: WorkflowContext, *order: Any) -> Generator[Any, Any, Any]:
        return (yield ctx.schedule_activity("charge", list(order)))


@workflow.defn(name="refund")
class Refund:
    def run(self, ctx: WorkflowContext, *order: Any) -> Generator[Any, Any, Any]:
        return (yield ctx.schedule_activity("pay_back", list(order)))


@workflow.defn(name="token")
class Token:
    def run(self, ctx: WorkflowContext) -> str:
        return str(ctx.uuid4())


def started(workflow_type: str = "order", **payload: Any) -> dict[str, Any]:
    return {
        "event_type": "WorkflowStarted",
        "sequence": 1,
        "payload": {"workflow_type": workflow_type, **payload},
    }


CHARGED = {"event_type": "ActivityCompleted", "payload": {"sequence": 1, "result": '"paid"'}}
AVRO = serializer.envelope(["order-42"])
BOTH = Replayer(workflows=[Order, Refund])


def asked(replayer: Replayer, history: Any, **options: Any) -> ScheduleActivity:
    (command,) = replayer.replay(history, **options).commands
    assert isinstance(command, ScheduleActivity)
    return command


def test_type_and_input_that_are_given_are_taken() -> None:
    command = asked(BOTH, [], start_input=["order-42"], workflow_type="order")
    assert (command.activity_type, command.arguments) == ("charge", ["order-42"])


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param({"input_envelope": AVRO}, id="input_envelope"),
        pytest.param({"input": AVRO}, id="input"),
        pytest.param({"arguments": AVRO["blob"], "payload_codec": "avro"}, id="blob with codec"),
        pytest.param({"arguments": '["order-42"]'}, id="blob of old histories"),
        pytest.param({"input": ["order-42"]}, id="decoded"),
        pytest.param({"input": {"codec": "json", "blob": '"order-42"'}}, id="no list"),
    ],
)
def test_type_and_input_are_those_of_the_start_event(recorded: dict[str, Any]) -> None:
    command = asked(BOTH, [started("refund", **recorded)])
    assert (command.activity_type, command.arguments) == ("pay_back", ["order-42"])


@pytest.mark.parametrize("key", ["events", "history_events", "history"])
def test_the_events_may_stand_in_an_object(key: str) -> None:
    assert asked(BOTH, {key: [started()]}).activity_type == "charge"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"input": ["order-42"]}, id="a saved history"),
        pytest.param(
            {"payloads": {"codec": "avro", "arguments": {"available": True, "data": AVRO["blob"]}}},
            id="an exported bundle",
        ),
        pytest.param(
            {
                "events": [
                    {
                        "event_type": "StartAccepted",
                        "payload": {
                            "command": {"payload": AVRO["blob"], "payload_codec": "avro"},
                        },
                    },
                    started(),
                ]
            },
            id="the command that started it",
        ),
    ],
)
def test_the_input_may_stand_elsewhere(document: dict[str, Any]) -> None:
    assert asked(BOTH, {"events": [started()], **document}).arguments == ["order-42"]


def test_the_input_of_the_start_event_goes_before_that_of_the_document() -> None:
    history = {"input": ["other"], "events": [started(input=["order-42"])]}
    assert asked(BOTH, history).arguments == ["order-42"]


def test_a_bundle_says_of_which_workflow_it_is() -> None:
    history: dict[str, Any] = {"workflow": {"workflow_type": "refund"}, "history_events": []}
    assert asked(BOTH, history).activity_type == "pay_back"


def test_one_registered_workflow_needs_no_type() -> None:
    assert asked(Replayer(workflows=[Order]), []).activity_type == "charge"


def test_the_codec_of_a_bundle_is_that_of_its_payloads() -> None:
    blob = serializer.encode("paid", "avro")
    completed = {"event_type": "ActivityCompleted", "payload": {"sequence": 1, "result": blob}}
    outcome = BOTH.replay({"payloads": {"codec": "avro"}, "events": [started(), completed]})
    assert outcome.commands == [CompleteWorkflow("paid")]


def test_what_is_random_is_that_of_the_recorded_run() -> None:
    replayer = Replayer(workflows=[Token])
    recorded = replayer.replay([started("token", workflow_run_id="run-1")]).commands
    assert recorded == [CompleteWorkflow("61149e89-8a80-4e8d-b9e3-6238e7431f0f")]
    assert replayer.replay({"run_id": "run-1", "events": []}).commands == recorded
    given = replayer.replay([started("token", workflow_run_id="run-1")], run_id="test-run")
    assert given.commands == [CompleteWorkflow("e6a2167f-6434-472f-8aff-793542328edd")]


def test_a_history_may_be_any_iterable() -> None:
    assert BOTH.replay(iter([started(), CHARGED])).commands == [CompleteWorkflow("paid")]


def test_a_history_of_other_code_is_an_error() -> None:
    timer = {"event_type": "TimerFired", "payload": {"sequence": 1}}
    with pytest.raises(NonDeterministicReplayError, match="yielded activity"):
        BOTH.replay([started(), timer])


def test_no_workflow_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one workflow"):
        Replayer(workflows=[])


def test_two_workflows_of_one_type_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two workflows are named 'order': .*Order and .*Order"):
        Replayer(workflows=[Order, Order])


def test_a_type_that_is_not_registered_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'shipment' is not registered; .*order, refund"):
        BOTH.replay([started("shipment")])
    with pytest.raises(ValueError, match="'shipment' is not registered"):
        BOTH.replay([started()], workflow_type="shipment")


def test_a_history_without_a_type_is_refused_where_several_may_be_meant() -> None:
    with pytest.raises(ValueError, match="give workflow_type"):
        BOTH.replay([CHARGED])


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ({"pages": []}, "'events', 'history_events', 'history'"),
        ({"events": None}, "'events' must be a list of events, not NoneType"),
        ({"events": {"1": {}}}, "'events' must be a list of events, not dict"),
        ("[]", "must be a list of events, not str"),
        (7, "must be a list of events, not int"),
        ([started(), "ActivityCompleted"], "event 2 of a history must be an object, not str"),
    ],
)
def test_what_is_no_history_is_refused(history: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BOTH.replay(history)


def test_input_that_does_not_decode_is_refused() -> None:
    broken = started(input={"codec": "avro", "blob": "?"})
    with pytest.raises(ValueError, match="the recorded start input does not decode"):
        BOTH.replay([broken])


def test_it_is_one_class_wherever_it_is_imported_from() -> None:
    assert durable_workflow.Replayer is workflow.Replayer
    assert durable_workflow.Replayer.__module__ == "durable_workflow.workflow"


@pytest.mark.parametrize("workflows", ["abc", [3], [object()]])
def test_what_is_registered_must_be_classes(workflows: Any) -> None:
    with pytest.raises(TypeError, match="give workflow classes, not "):
        Replayer(workflows=workflows)
