"""Errors that workflow code catches, built from events."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import (
    ActivityFailed,
    ChildWorkflowCancelled,
    ChildWorkflowFailed,
    ChildWorkflowTerminated,
)


class CatchActivity:
    def run(self, ctx: Any) -> Any:
        try:
            yield ctx.schedule_activity("a", [])
        except ActivityFailed as error:
            return error


class CatchChild:
    def run(self, ctx: Any) -> Any:
        try:
            yield ctx.start_child_workflow("c")
        except ChildWorkflowFailed as error:
            return error


def caught(workflow_cls: Any, history: Any) -> Any:
    command: Any = workflow.replay(workflow_cls, history, []).commands[0]
    return command.result


def test_activity_failure_in_full(recorded: Any) -> None:
    history = recorded().add(
        "ActivityFailed",
        sequence=3,
        activity_type="a",
        activity_execution_id="x",
        activity_attempt_id="y",
        failure_id="f",
        failure_category="activity",
        exception_type="Declined",
        exception_class="shop.Declined",
        message="declined",
        non_retryable=True,
        code=7,
        exception={
            "class": "shop.Declined",
            "type": "Declined",
            "message": "declined",
            "code": 7,
            "details": "blob",
            "details_payload_codec": "json",
            "non_retryable": True,
            "file": "secret.py",
            "line": 3,
            "trace": ["..."],
            "diagnostics": {"a": 1},
            "runtime_diagnostics": "not an object",
        },
        activity={"id": "x"},
    )
    error = caught(CatchActivity, history)
    assert str(error) == "declined"
    assert vars(error) == {
        "activity_type": "a",
        "activity_execution_id": "x",
        "activity_attempt_id": "y",
        "failure_id": "f",
        "failure_category": "activity",
        "exception_type": "Declined",
        "exception_class": "shop.Declined",
        "non_retryable": True,
        "code": 7,
        "exception_payload": {
            "type": "Declined",
            "message": "declined",
            "code": 7,
            "details": "blob",
            "details_payload_codec": "json",
            "non_retryable": True,
            "diagnostics": {"a": 1},
        },
        "activity": {"id": "x"},
        "details": None,  # the blob is no JSON
    }


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"message": "m", "exception": {"message": "e"}, "closed_reason": "c"}, "m"),
        ({"message": "", "exception": {"message": "e"}, "closed_reason": "c"}, "e"),
        ({"closed_reason": "c"}, "c"),
        ({}, "activity failed"),
        ({"message": 5}, "activity failed"),
    ],
)
@pytest.mark.parametrize("event_type", ["ActivityFailed", "ActivityTimedOut"])
def test_activity_message(recorded: Any, event_type: Any, payload: Any, message: Any) -> None:
    error = caught(CatchActivity, recorded().add(event_type, sequence=3, **payload))
    assert str(error) == message


def test_activity_fallbacks(recorded: Any) -> None:
    exception = {"type": "T", "class": "C"}
    history = recorded().add("ActivityFailed", exception=exception, non_retryable="true")
    error = caught(CatchActivity, history)
    assert (error.exception_type, error.exception_class) == ("T", "C")
    assert error.non_retryable is False
    assert error.activity is None


def test_activity_without_exception_has_no_payload(recorded: Any) -> None:
    error = caught(CatchActivity, recorded().add("ActivityTimedOut", failure_category="timeout"))
    assert error.exception_payload is None
    assert error.failure_category == "timeout"


@pytest.mark.parametrize(
    ("payload", "exception_class"),
    [
        ({"exception_class": "A", "exception_type": "B"}, "A"),
        ({"exception_type": "B", "exception": {"class": "C", "type": "D"}}, "B"),
        ({"exception": {"class": "C", "type": "D"}}, "C"),
        ({"exception": {"type": "D"}}, "D"),
        ({}, None),
    ],
)
def test_child_exception_class(recorded: Any, payload: Any, exception_class: Any) -> None:
    error = caught(CatchChild, recorded().add("ChildRunFailed", sequence=3, **payload))
    assert error.exception_class == exception_class


@pytest.mark.parametrize(
    ("event_type", "error_type", "message", "kind"),
    [
        ("ChildRunFailed", ChildWorkflowFailed, "child workflow failed", "child_workflow"),
        ("ChildRunCancelled", ChildWorkflowCancelled, "child workflow was cancelled", "cancelled"),
        (
            "ChildRunTerminated",
            ChildWorkflowTerminated,
            "child workflow was terminated",
            "terminated",
        ),
    ],
)
def test_how_a_child_closed(
    recorded: Any, event_type: Any, error_type: Any, message: Any, kind: Any
) -> None:
    ids = {"child_workflow_run_id": "r", "child_workflow_type": "c"}
    error = caught(CatchChild, recorded().add(event_type, sequence=3, **ids))
    assert type(error) is error_type
    assert (str(error), error.failure_kind) == (message, kind)
    assert (error.child_workflow_run_id, error.child_workflow_type) == ("r", "c")
    said = caught(CatchChild, recorded().add(event_type, sequence=3, message="said"))
    assert str(said) == "said"


def test_child_failure_names_its_category(recorded: Any) -> None:
    history = recorded().add("ChildRunFailed", sequence=3, failure_category="timeout")
    assert caught(CatchChild, history).failure_kind == "timeout"


def test_child_result_or_output(recorded: Any) -> None:
    class Return:
        def run(self, ctx: Any) -> Any:
            return (yield ctx.start_child_workflow("c"))

    for payload, result in (
        ({"result": "1", "output": "2"}, 1),
        ({"output": "2"}, 2),
        ({"result": None, "output": "2"}, None),
        ({}, None),
    ):
        history = recorded().add("ChildRunCompleted", sequence=3, **payload)
        assert caught(Return, history) == result
