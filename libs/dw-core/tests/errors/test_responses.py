from typing import Any

import pytest

from durable_workflow import errors
from durable_workflow.errors import _raise_for_status


def raised(status: int, body: object, context: str = "") -> Any:
    with pytest.raises(errors.DurableWorkflowError) as caught:
        _raise_for_status(status, body, context=context)
    return caught.value


TABLE = [
    (401, None, errors.Unauthorized),
    (403, "forbidden", errors.Forbidden),
    (404, "unknown_signal", errors.SignalFailed),
    (404, "query_not_found", errors.QueryFailed),
    (404, "rejected_unknown_query", errors.QueryFailed),
    (404, "schedule_not_found", errors.ScheduleNotFound),
    (404, "instance_not_found", errors.WorkflowNotFound),
    (404, "workflow_not_found", errors.WorkflowNotFound),
    (404, "run_not_found", errors.WorkflowNotFound),
    (404, "namespace_not_found", errors.NamespaceNotFound),
    (404, "worker_not_found", errors.WorkerNotFound),
    (404, "attribute_not_found", errors.SearchAttributeNotFound),
    (404, "search_attribute_not_found", errors.SearchAttributeNotFound),
    (404, "unknown_update", errors.ServerError),
    (404, "task_not_found", errors.ServerError),
    (409, "schedule_already_exists", errors.ScheduleAlreadyExists),
    (409, "duplicate_not_allowed", errors.WorkflowAlreadyStarted),
    (409, "instance_already_started", errors.WorkflowAlreadyStarted),
    (409, "namespace_already_exists", errors.ArgumentConflict),
    (409, "attribute_already_exists", errors.ArgumentConflict),
    (409, "name_reserved", errors.ArgumentConflict),
    (409, "system_attribute", errors.ArgumentConflict),
    (409, "query_rejected", errors.QueryFailed),
    (409, "query_worker_unavailable", errors.QueryFailed),
    (409, "query_worker_incompatible", errors.QueryFailed),
    (409, "query_payload_decode_failed", errors.QueryFailed),
    (409, "query_workflow_type_not_registered", errors.QueryFailed),
    (409, "query_result_encode_failed", errors.QueryFailed),
    (409, "query_result_completion_failed", errors.QueryFailed),
    (409, "query_workflow_state_unavailable", errors.QueryFailed),
    (409, "update_rejected", errors.UpdateRejected),
    (409, "lease_expired", errors.ServerError),
    (413, "payload_too_large", errors.ServerError),
    (422, "validation_failed", errors.InvalidArgument),
    (422, "invalid_signal_arguments", errors.InvalidSignalArguments),
    (422, "invalid_query_arguments", errors.QueryFailed),
    (422, "invalid_update_arguments", errors.InvalidArgument),
    (429, "query_task_queue_full", errors.ServerError),
    (500, "server_error", errors.ServerError),
    (504, "query_worker_timeout", errors.QueryFailed),
    (504, "query_worker_execution_timeout", errors.QueryFailed),
    (504, "query_task_not_claimed", errors.QueryFailed),
    (504, "gateway_timeout", errors.ServerError),
]


@pytest.mark.parametrize(("status", "reason", "expected"), TABLE)
def test_status_and_reason_choose_the_type(status: Any, reason: Any, expected: Any) -> None:
    error = raised(status, {"reason": reason, "message": "sentence"}, "id-1")
    assert type(error) is expected


@pytest.mark.parametrize("status", [200, 204, 207, 302, 399])
def test_success_raises_nothing(status: Any) -> None:
    _raise_for_status(status, {"reason": "instance_not_found"})


@pytest.mark.parametrize(
    ("status", "reason", "attribute"),
    [
        (404, "run_not_found", "workflow_id"),
        (409, "duplicate_not_allowed", "workflow_id"),
        (404, "schedule_not_found", "schedule_id"),
        (409, "schedule_already_exists", "schedule_id"),
        (404, "worker_not_found", "worker_id"),
        (404, "attribute_not_found", "name"),
    ],
)
def test_the_error_names_what_the_call_was_about(status: Any, reason: Any, attribute: Any) -> None:
    body = {"reason": reason, attribute: "from-the-body"}
    assert getattr(raised(status, body, "asked-for"), attribute) == "asked-for"
    assert getattr(raised(status, body), attribute) == "from-the-body"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("signal", errors.SignalFailed),
        ("query", errors.QueryFailed),
        ("update", errors.ServerError),
        ("cancel", errors.ServerError),
        (None, errors.ServerError),
    ],
)
def test_a_closed_run_is_told_apart_by_operation(operation: Any, expected: Any) -> None:
    body = {"reason": "run_not_active", "control_plane": {"operation": operation}}
    assert type(raised(409, body)) is expected
    body = {"reason": "run_not_active", "control_plane_operation": operation}
    assert type(raised(409, body)) is expected


@pytest.mark.parametrize("reason", ["payload_too_large", "validation_failed", "anything", None])
def test_a_conflict_of_a_query_is_a_failed_query_whatever_its_reason(reason: Any) -> None:
    # The reason may be that of whatever refused the worker's answer.
    body = {"reason": reason, "message": "no", "control_plane": {"operation": "query"}}
    refused = raised(409, body)
    assert type(refused) is errors.QueryFailed
    assert (refused.reason, refused.status, refused.body) == (reason, 409, body)
    body["control_plane"] = {"operation": "repair"}
    assert type(raised(409, body)) is errors.ServerError


def test_a_missing_namespace_is_named_by_the_body_or_by_its_sentence() -> None:
    body = {"reason": "namespace_not_found", "message": "No such namespace."}
    assert raised(404, body, "my-workflows").namespace == "No such namespace."
    body["namespace"] = "ns-9"
    assert raised(404, body, "my-workflows").namespace == "ns-9"


@pytest.mark.parametrize(
    ("body", "context", "expected"),
    [
        (None, "workflow-7", errors.WorkflowNotFound),
        ("<html>not found</html>", "My-Workflow", errors.WorkflowNotFound),
        ({"message": "no"}, "workflow-7", errors.WorkflowNotFound),
        ({"reason": "not_found", "control_plane": {}}, "workflow-7", errors.WorkflowNotFound),
        ({"reason": "not_found"}, "workflow-7", errors.ServerError),
        ({"reason": "unknown_update"}, "workflow-7", errors.ServerError),
        ({"reason": "worker_not_found"}, "workflow-worker", errors.WorkerNotFound),
        ({"message": "no"}, "order-7", errors.ServerError),
    ],
)
def test_a_bare_404_is_a_missing_workflow_only_as_a_last_resort(
    body: Any, context: Any, expected: Any
) -> None:
    assert type(raised(404, body, context)) is expected


def test_an_unknown_reason_keeps_status_reason_and_body() -> None:
    body = {"reason": "brand_new", "message": "later servers say this"}
    error = raised(409, body)
    assert (error.status, error.reason(), error.body) == (409, "brand_new", body)


def test_a_body_of_text_is_the_message() -> None:
    assert str(raised(401, "go away")).startswith("go away. Check token")
    assert str(raised(422, "what?")) == "what?"
    assert raised(502, "<html>").body == "<html>"


def test_invalid_argument_takes_its_map_from_either_member() -> None:
    assert raised(422, {"errors": {"a": ["b"]}}).errors == {"a": ["b"]}
    assert raised(422, {"validation_errors": {"a": ["b"]}}).errors == {"a": ["b"]}
    assert raised(422, {"errors": "no map"}).errors is None


def test_a_conflicting_argument_is_both_documented_and_former_type() -> None:
    body = {"reason": "system_attribute", "message": "built in", "errors": {"name": ["x"]}}
    error = raised(409, body)
    assert isinstance(error, errors.InvalidArgument)
    assert isinstance(error, errors.ServerError)
    assert str(error) == "built in (system_attribute)"
    assert (error.errors, error.status, error.body) == ({"name": ["x"]}, 409, body)
    assert error.reason() == "system_attribute"


def test_bad_signal_arguments_are_both_documented_and_former_type() -> None:
    body = {"reason": "invalid_signal_arguments", "validation_errors": {"0": ["int"]}}
    error = raised(422, body)
    assert isinstance(error, errors.SignalFailed)
    assert isinstance(error, errors.InvalidArgument)
    assert (error.reason, error.status, error.body) == ("invalid_signal_arguments", 422, body)
    assert error.errors == error.validation_errors == {"0": ["int"]}


@pytest.mark.parametrize("body", [None, [], "text", 7, {"reason": 5}, {"message": {"x": 1}}])
@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 504])
def test_no_body_breaks_the_mapping(status: Any, body: Any) -> None:
    assert str(raised(status, body))


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (409, {"reason": "run_not_active", "message": "It is closed.", "run_id": "r" * 500},
         "server returned 409 run_not_active: It is closed."),
        (409, {"reason": "lease_expired"}, "server returned 409 lease_expired"),
        (503, {"message": "Starting"}, "server returned 503: Starting. Try again later."),
        (500, {"reason": "x", "message": "m", "remediation": "Do this."},
         "server returned 500 x: m. Do this."),
        (502, "<html>", "server returned 502: '<html>'"),
        (404, "<html>",
         "server returned 404: '<html>'. Is base_url the address of a Durable Workflow server?"),
        (403, {"message": "no"}, "no. The token is valid, but its role may not do this."),
        (422, {"message": "Invalid.", "errors": {"a.b": ["too long", "x"], "c": ["no"]}},
         "Invalid. (a.b: too long; c: no)"),
        (422, {"message": "The a is too long.", "errors": {"a": ["The a is too long."]}},
         "The a is too long."),
        (422, {"reason": "update_failed", "message": "The update failed",
               "failure_message": "boom"}, "The update failed: boom (update_failed)"),
        (404, {"reason": "unknown_signal", "message": "No."}, "No. (unknown_signal)"),
    ],
)  # fmt: skip
def test_the_text_is_status_reason_message_and_one_hint(status: int, body: Any, text: str) -> None:
    error = raised(status, body)
    assert str(error) == text
    assert (error.status, error.body) == (status, body)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        "x" * 100_000,
        {"a": "x" * 100_000},
        {"message": "x" * 100_000},
        {"message": "m", "errors": {str(n): ["x" * 100_000] for n in range(9)}},
        {"message": "m", "failure_message": "x" * 100_000},
    ],
)
def test_no_text_is_long(status: int, body: Any) -> None:
    assert len(str(raised(status, body))) < 800


def test_a_duplicate_start_of_an_older_server_is_known_by_its_outcome() -> None:
    error = raised(409, {"outcome": "rejected_duplicate", "workflow_id": "wf"})
    assert isinstance(error, errors.WorkflowAlreadyStarted)
    assert error.workflow_id == "wf"
