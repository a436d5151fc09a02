import contextlib
import copy
import json
import pickle
from typing import Any

import pytest

from durable_workflow import errors

EXAMPLES = [
    errors.DurableWorkflowError("broken"),
    errors.ServerError(500, {"reason": "server_error", "message": "oops"}),
    errors.WorkerNotFound("w-1", {"reason": "worker_not_found"}),
    errors.SearchAttributeNotFound("Tier", {"reason": "attribute_not_found"}),
    errors.ArgumentConflict("taken", {"name": ["taken"]}, status=409, body={"reason": "x"}),
    errors.Unauthorized(),
    errors.InvalidArgument("bad", {"workflow_type": ["required"]}),
    errors.UnsendableArgument("task_queue", "must not be blank"),
    errors.InvalidSignalArguments("bad", {"0": ["int"]}, reason="r", status=422, body={"a": 1}),
    errors.WorkflowNotFound("wf"),
    errors.WorkflowAlreadyStarted("wf"),
    errors.Forbidden("no", body={"reason": "forbidden"}),
    errors.InvalidResponse(200, "<html>"),
    errors.ClientClosed(),
    errors.NamespaceNotFound("ns"),
    errors.ScheduleNotFound("s"),
    errors.ScheduleAlreadyExists("s"),
    errors.QueryFailed("no", reason="query_rejected", status=409, body={"errors": {"x": ["y"]}}),
    errors.SignalFailed("no", reason="unknown_signal", status=404, body={}),
    errors.UpdateRejected("no", reason="update_rejected", status=409, body={}),
    errors.WorkflowFailed("boom", "ValueError"),
    errors.WorkflowTimedOut("late", timeout_kind="run_timeout"),
    errors.WorkflowContinuedAsNew("wf", "run-2", run_id="run-1"),
    errors.WorkflowTerminated(),
    errors.WorkflowCancelled(),
    errors.ActivityCancelled("stop"),
    errors.NonRetryableError("never", details={"a": 1}),
    errors.ApplicationError("no", type="Refused", non_retryable=True, details=[1]),
    errors.ArgumentMismatch("expected a list, got text", "order.items"),
    errors.ActivityFailed("boom", activity_type="charge", non_retryable=True, code=7),
    errors.ChildWorkflowFailed("boom", "E", failure_kind="application"),
    errors.ChildWorkflowCancelled(child_workflow_run_id="r"),
    errors.ChildWorkflowTerminated(child_workflow_type="t"),
    errors.NonDeterministicReplayError(3, "timer", ["ActivityScheduled"], detail="Why."),
    errors.WorkflowPayloadDecodeError("bad", workflow_id="wf", receiver_kind="signal"),
    errors.AvroNotInstalledError("no avro"),
]


def test_there_is_an_example_of_every_error() -> None:
    exported = {getattr(errors, name) for name in errors.__all__}
    classes = {item for item in exported if isinstance(item, type)}
    assert classes == {type(example) for example in EXAMPLES}


def pickled(error: BaseException) -> Any:
    return pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "clone",
    [copy.copy, copy.deepcopy, pickled],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_is_the_same_error(error: BaseException, clone: Any) -> None:
    error.add_note("seen twice")
    twin = clone(error)
    del error.__notes__
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert twin.args == error.args
    assert vars(twin) == {**vars(error), "__notes__": ["seen twice"]}


def test_a_users_subclass_with_its_own_constructor_survives_pickling() -> None:
    error = PaymentRefused(12, currency="EUR")
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.amount, twin.currency) == ("refused 12 EUR", 12, "EUR")


class PaymentRefused(errors.NonRetryableError):
    def __init__(self, amount: int, *, currency: str) -> None:
        super().__init__(f"refused {amount} {currency}")
        self.amount = amount
        self.currency = currency


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_classes_name_the_module_that_users_import(error: BaseException) -> None:
    assert type(error).__module__ == "durable_workflow.errors"


@pytest.mark.parametrize("error", [errors.WorkflowCancelled, errors.ActivityCancelled])
def test_cancellation_passes_handlers_of_errors(error: type[BaseException]) -> None:
    assert not issubclass(error, Exception)
    with pytest.raises(error), contextlib.suppress(Exception):
        raise error


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (errors.WorkerNotFound, [errors.ServerError]),
        (errors.SearchAttributeNotFound, [errors.ServerError]),
        (errors.Forbidden, [errors.Unauthorized, errors.ServerError]),
        (errors.InvalidResponse, [errors.ServerError, json.JSONDecodeError]),
        (errors.ArgumentConflict, [errors.InvalidArgument, errors.ServerError]),
        (errors.InvalidSignalArguments, [errors.SignalFailed, errors.InvalidArgument]),
        (errors.WorkflowTimedOut, [errors.WorkflowFailed]),
        (errors.ChildWorkflowCancelled, [errors.ChildWorkflowFailed]),
        (errors.ChildWorkflowTerminated, [errors.ChildWorkflowFailed]),
        (errors.AvroNotInstalledError, [errors.DurableWorkflowError, ImportError]),
        (errors.WorkflowTerminated, [errors.DurableWorkflowError]),
    ],
)
def test_what_catches_an_error(
    error: type[BaseException], bases: list[type[BaseException]]
) -> None:
    assert all(issubclass(error, base) for base in bases)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.ServerError(500, {"a": 1}), "server returned 500: {'a': 1}"),
        (errors.WorkflowNotFound("wf"), "workflow not found: wf"),
        (errors.WorkflowAlreadyStarted("wf"), "workflow already started: wf"),
        (errors.ScheduleNotFound("s"), "schedule not found: s"),
        (errors.ScheduleAlreadyExists("s"), "schedule already exists: s"),
        (errors.Unauthorized(), "unauthorized"),
        (errors.WorkflowTerminated(), "workflow was terminated"),
        (errors.WorkflowCancelled(), "workflow was cancelled"),
        (errors.ActivityCancelled(), "activity was cancelled"),
        (errors.ChildWorkflowCancelled(), "child workflow was cancelled"),
        (errors.ChildWorkflowTerminated(), "child workflow was terminated"),
    ],
)
def test_errors_say_what_happened_and_to_whom(error: BaseException, text: str) -> None:
    assert str(error) == text


def test_the_reason_of_a_server_error_is_a_method() -> None:
    assert errors.ServerError(409, {"reason": "run_closed"}).reason() == "run_closed"
    assert errors.ServerError(502, "<html>").reason() is None


def test_non_determinism_names_position_recorded_asked_and_advice() -> None:
    recorded = ["ActivityScheduled", "ActivityCompleted"]
    error = errors.NonDeterministicReplayError(3, "timer", recorded, detail="Details.")
    recorded.clear()
    assert error.recorded_event_types == ["ActivityScheduled", "ActivityCompleted"]
    assert str(error) == (
        "workflow history at workflow sequence 3 recorded ['ActivityScheduled', "
        "'ActivityCompleted'], but the current workflow yielded timer. Details. Keep yielded "
        "workflow steps stable across deployments or run this workflow on a compatible build."
    )


def test_child_failures_carry_their_kind_under_both_names() -> None:
    error = errors.ChildWorkflowTerminated()
    assert (error.failure_kind, error.failure_category) == ("terminated", "terminated")


def test_a_non_retryable_error_keeps_its_cause() -> None:
    cause = ValueError("inner")
    assert errors.NonRetryableError("outer", cause=cause).__cause__ is cause


@pytest.mark.parametrize("kind", [errors.QueryFailed, errors.SignalFailed, errors.UpdateRejected])
def test_validation_errors_come_from_either_member(kind: Any) -> None:
    assert kind("no").validation_errors is None
    assert kind("no", body="text").validation_errors is None
    assert kind("no", body={"errors": {"a": ["b"]}}).validation_errors == {"a": ["b"]}
    both = {"errors": {"a": ["b"]}, "validation_errors": {"c": ["d"]}}
    assert kind("no", body=both).validation_errors == {"c": ["d"]}
