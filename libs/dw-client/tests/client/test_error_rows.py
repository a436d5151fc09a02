"""Every row of the published map of methods, against a server that answers what the row speaks of.

For each method: what it returns, what each status with each reason raises, with which attributes,
and what a success raises whose body is not what the method expects.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from durable_workflow import errors, serializer
from durable_workflow.client import Client, ScheduleAction, ScheduleSpec

from .methods import CASES

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]


class Row(NamedTuple):
    """One answer, and what it raises.

    Attributes:
        status: HTTP status.
        reason: `reason` of the body.
        raises: Names of the classes that the error is an instance of.
        operation: What the body's `control_plane` names.
    """

    status: int
    reason: str
    raises: str
    operation: str | None = None


# --- what the map says ----------------------------------------------------------------

COMMON: list[Row] = [
    Row(400, "malformed_json", "ServerError"),
    Row(401, "unauthorized", "Unauthorized"),
    Row(401, "schedule_not_found", "Unauthorized"),
    Row(403, "forbidden", "Forbidden Unauthorized ServerError"),
    Row(404, "unknown_signal", "SignalFailed"),
    Row(404, "query_not_found", "QueryFailed"),
    Row(404, "rejected_unknown_query", "QueryFailed"),
    Row(404, "schedule_not_found", "ScheduleNotFound"),
    Row(404, "instance_not_found", "WorkflowNotFound"),
    Row(404, "workflow_not_found", "WorkflowNotFound"),
    Row(404, "run_not_found", "WorkflowNotFound"),
    Row(404, "namespace_not_found", "NamespaceNotFound"),
    Row(404, "worker_not_found", "WorkerNotFound ServerError"),
    Row(404, "attribute_not_found", "SearchAttributeNotFound ServerError"),
    Row(404, "search_attribute_not_found", "SearchAttributeNotFound ServerError"),
    Row(404, "unknown_update", "ServerError"),
    Row(404, "not_found", "ServerError"),
    Row(405, "method_not_allowed", "ServerError"),
    Row(409, "schedule_already_exists", "ScheduleAlreadyExists"),
    Row(409, "duplicate_not_allowed", "WorkflowAlreadyStarted"),
    Row(409, "instance_already_started", "WorkflowAlreadyStarted"),
    Row(409, "run_not_active", "SignalFailed", "signal"),
    Row(409, "run_not_active", "QueryFailed", "query"),
    Row(409, "run_not_active", "ServerError", "update"),
    Row(409, "query_rejected", "QueryFailed"),
    Row(409, "query_worker_unavailable", "QueryFailed"),
    Row(409, "query_worker_incompatible", "QueryFailed"),
    Row(409, "query_workflow_state_unavailable", "QueryFailed"),
    Row(409, "update_rejected", "UpdateRejected"),
    Row(409, "namespace_already_exists", "InvalidArgument ServerError"),
    Row(409, "attribute_already_exists", "InvalidArgument ServerError"),
    Row(409, "name_reserved", "InvalidArgument ServerError"),
    Row(409, "system_attribute", "InvalidArgument ServerError"),
    Row(409, "historical_run_command_rejected", "ServerError"),
    Row(413, "payload_too_large", "ServerError"),
    Row(415, "unsupported_media_type", "ServerError"),
    Row(422, "invalid_signal_arguments", "SignalFailed InvalidArgument"),
    Row(422, "invalid_query_arguments", "QueryFailed"),
    Row(422, "validation_failed", "InvalidArgument"),
    Row(429, "query_task_queue_full", "ServerError"),
    Row(500, "server_error", "ServerError"),
    Row(503, "query_task_queue_unavailable", "ServerError"),
    Row(504, "query_worker_timeout", "QueryFailed"),
    Row(504, "query_worker_execution_timeout", "QueryFailed"),
    Row(504, "query_task_not_claimed", "QueryFailed"),
    Row(504, "gateway_timeout", "ServerError"),
]
# The error that carries the id which the call was about, by its reason: attribute, and methods.
ABOUT: dict[str, tuple[str, str, Callable[[str], bool]]] = {
    "instance_not_found": ("workflow_id", "w/1", lambda route: "{workflow_id}" in route),
    "run_not_found": ("workflow_id", "w/1", lambda route: "{workflow_id}" in route),
    "schedule_not_found": ("schedule_id", "s/1", lambda route: "{schedule_id}" in route),
    "worker_not_found": ("worker_id", "k/1", lambda route: "{worker_id}" in route),
    "attribute_not_found": ("name", "n/1", lambda route: route == "/search-attributes/{name}"),
}
# Methods whose success has to be an object, with the word that the error names.
EXPECTS_AN_OBJECT: dict[str, str] = {
    "get_cluster_info": "invalid_cluster_info",
    "health": "invalid_health_response",
    "test_external_storage": "invalid_storage_test_response",
    "repair_status": "invalid_repair_status_response",
    "repair_pass": "invalid_repair_pass_response",
    "retention_status": "invalid_retention_status_response",
    "retention_pass": "invalid_retention_pass_response",
    "activity_timeout_status": "invalid_activity_timeout_status_response",
    "activity_timeout_pass": "invalid_activity_timeout_pass_response",
    "describe_task_queue": "invalid_task_queue_response",
    "list_task_queue_build_ids": "invalid_task_queue_build_ids_response",
    "drain_task_queue_build_id": "invalid_task_queue_build_id_drain_response",
    "promote_task_queue_build_id": "invalid_task_queue_build_id_promote_response",
    "resume_task_queue_build_id": "invalid_task_queue_build_id_resume_response",
    **dict.fromkeys(
        (f"{verb}_namespace" for verb in ("describe", "create", "update", "delete")),
        "invalid_namespace_response",
    ),
    "list_namespaces": "invalid_namespace_response",
    "set_namespace_external_storage": "invalid_namespace_response",
    **dict.fromkeys(
        ("list_search_attributes", "create_search_attribute", "delete_search_attribute"),
        "invalid_search_attribute_response",
    ),
    **dict.fromkeys(
        ("list_workers", "describe_worker", "deregister_worker"), "invalid_worker_response"
    ),
    "send_webhook_bridge_event": "invalid_bridge_outcome",
}
# Not in the map: what else describes or lists something needs an object too.
ALSO_EXPECTS_AN_OBJECT = {
    "start_workflow",
    "describe_workflow",
    "list_workflows",
    "list_workflow_runs",
    "describe_workflow_run",
    "start_activity",
    "describe_activity",
    "list_activities",
    "list_schedules",
    "describe_schedule",
    "get_schedule_history",
}
# After a gateway's 504 the server may have done it: that is repeated where it knows the key again.
KEYED = {"start_workflow", "start_activity"}.union(
    f"{verb}_schedule" for verb in ("create", "trigger", "backfill")
)
# An update that is waited for is asked again as long as its wait goes on.
OPTIONS: dict[str, dict[str, Any]] = {"update_workflow": {"wait_for": "accepted"}}
NO_OBJECTS = {"a list": "[]", "a text": '"ok"', "a number": "5", "null": "null", "nothing": ""}


# --- driving it -----------------------------------------------------------------------


def body_of(row: Row) -> dict[str, Any]:
    body: dict[str, Any] = {
        "reason": row.reason,
        "message": f"It says {row.reason}.",
        "namespace": "ns-9",
        "errors": {"field": ["is wrong"]},
        "validation_errors": {"field": ["is wrong"]},
    }
    return body | ({"control_plane": {"operation": row.operation}} if row.operation else {})


def attempts_of(row: Row) -> int:
    """How often the transport sends it: three times where that may help."""
    unanswered = row.status == 504 and row.reason.startswith("query_")
    return 3 if (row.status >= 500 or row.status == 429) and not unanswered else 1


def is_no_error(name: str, row: Row) -> bool:
    return name == "send_webhook_bridge_event" and row.status == 422


@pytest.mark.parametrize("name", CASES)
async def test_each_answer_raises_what_the_table_says(
    name: str, client: Client, answers: Answers, requests: Requests
) -> None:
    case = replace(CASES[name], least=CASES[name].least | OPTIONS.get(name, {}))
    call = partial(case.call, name=name, in_full=False)
    for row in COMMON:
        if is_no_error(name, row):
            continue
        requests.clear()
        answers.clear()
        answers += [httpx.Response(row.status, json=body_of(row)) for _ in range(3)]
        with pytest.raises(errors.DurableWorkflowError) as caught:
            await call(client)
        assert_described_by(caught.value, row)
        if row.reason in ABOUT and row.status == 404:
            attribute, value, is_about = ABOUT[row.reason]
            if is_about(case.route):
                assert getattr(caught.value, attribute) == value, row
        if not (name in KEYED and row.status == 504):
            assert len(requests) == attempts_of(row), row


def assert_described_by(error: Any, row: Row) -> None:
    for expected in row.raises.split():
        assert isinstance(error, getattr(errors, expected)), row
    if row.raises == "ServerError":
        assert type(error) is errors.ServerError, row
    body = body_of(row)
    assert (error.status, error.body) == (row.status, body), row
    if isinstance(error, errors.ServerError):
        assert error.reason() == row.reason
    if isinstance(error, errors.SignalFailed | errors.QueryFailed | errors.UpdateRejected):
        assert error.reason == row.reason
        assert error.validation_errors == body["validation_errors"]
    if isinstance(error, errors.InvalidArgument):
        assert error.errors == body["errors"]
    if isinstance(error, errors.NamespaceNotFound):
        assert error.namespace == "ns-9"
    named = errors.WorkflowNotFound | errors.WorkflowAlreadyStarted | errors.NamespaceNotFound
    named |= errors.ScheduleNotFound | errors.ScheduleAlreadyExists
    named |= errors.WorkerNotFound | errors.SearchAttributeNotFound
    if not isinstance(error, named):  # those name an id
        assert f"It says {row.reason}." in str(error), row


async def test_a_start_that_is_refused_names_the_id(client: Client, answers: Answers) -> None:
    calls: list[tuple[str, dict[str, Any], Row, str]] = [
        ("start_workflow", {"workflow_id": "w-7"}, Row(409, "duplicate_not_allowed", ""), "w-7"),
        ("start_workflow", {"workflow_id": "w-7"}, Row(409, "instance_already_started", ""), "w-7"),
        ("start_activity", {"activity_id": "a-7"}, Row(409, "duplicate_not_allowed", ""), "a-7"),
        ("start_activity", {}, Row(409, "duplicate_not_allowed", ""), "t"),
    ]
    for name, options, row, said in calls:
        answers.append(httpx.Response(row.status, json=body_of(row)))
        with pytest.raises(errors.WorkflowAlreadyStarted) as caught:
            await getattr(client, name)(**{**CASES[name].least, **options})
        assert caught.value.workflow_id == said
    row = Row(409, "schedule_already_exists", "")
    answers.append(httpx.Response(row.status, json=body_of(row)))
    spec, action = ScheduleSpec(intervals=[]), ScheduleAction(workflow_type="t", task_queue="q")
    with pytest.raises(errors.ScheduleAlreadyExists) as taken:
        await client.create_schedule(schedule_id="s-7", spec=spec, action=action)
    assert taken.value.schedule_id == "s-7"


async def test_a_namespace_may_be_called_workflow(client: Client, answers: Answers) -> None:
    for name in ("describe_namespace", "delete_namespace"):
        answers.append(httpx.Response(404, json=body_of(Row(404, "namespace_not_found", ""))))
        with pytest.raises(errors.NamespaceNotFound) as caught:
            await getattr(client, name)("my-workflows")
        assert caught.value.namespace == "ns-9"


@pytest.mark.parametrize("name", sorted(EXPECTS_AN_OBJECT.keys() | ALSO_EXPECTS_AN_OBJECT))
async def test_a_success_without_an_object_is_an_error(
    name: str, client: Client, answers: Answers
) -> None:
    for status in (200, 201):
        for content in NO_OBJECTS.values():
            answers.append(httpx.Response(status, text=content))
            with pytest.raises(errors.ServerError) as caught:
                await CASES[name].call(client, name, in_full=False)
            reason = EXPECTS_AN_OBJECT.get(name, "invalid_response")
            assert isinstance(caught.value, errors.InvalidResponse)
            said = status if name == "send_webhook_bridge_event" else 200
            assert (caught.value.status, caught.value.reason()) == (said, reason), content
    answers.append(httpx.Response(204))
    with pytest.raises(errors.ServerError):
        await CASES[name].call(client, name, in_full=False)


@pytest.mark.parametrize("name", CASES)
async def test_html_is_no_success_of_any_method(
    name: str, client: Client, answers: Answers
) -> None:
    answers += [httpx.Response(200, text="<html>")] * 2
    with pytest.raises(errors.InvalidResponse) as caught:
        await CASES[name].call(client, name, in_full=False)
    assert isinstance(caught.value, json.JSONDecodeError)
    assert (caught.value.status, caught.value.body) == (200, "<html>")


@pytest.mark.parametrize("name", CASES)
async def test_what_it_returns(name: str, client: Client, answers: Answers) -> None:
    body: dict[str, Any] = {
        "task": {"task_id": "t"},
        "result": 7,
        "result_envelope": serializer.envelope(7),
        "update_status": "completed",
        "outcome": "update_completed",
    }
    answers.append(httpx.Response(200, json=body))
    found = await CASES[name].call(client, name, in_full=False)
    match CASES[name].returns:
        case "document":
            assert found == body
        case "task":
            assert found == body["task"]
        case "value":
            assert found == 7
        case kind:
            assert type(found).__name__ == {"None": "NoneType"}.get(kind, kind)


@pytest.mark.parametrize("name", ["repair_pass", "retention_pass", "activity_timeout_pass"])
async def test_a_pass_that_failed_in_part_is_no_error(
    name: str, client: Client, answers: Answers
) -> None:
    body = {"failed": 1, "results": [{"outcome": "error", "reason": "x"}]}
    answers.append(httpx.Response(207, json=body))
    assert await CASES[name].call(client, name, in_full=False) == body


async def test_queues_that_are_no_object_are_none(client: Client, answers: Answers) -> None:
    for content in NO_OBJECTS.values():
        answers.append(httpx.Response(200, text=content))
        assert (await client.list_task_queues()).task_queues == []


# --- rows of one method ---------------------------------------------------------------


async def test_a_bridge_answers_422_with_an_outcome(client: Client, answers: Answers) -> None:
    name = "send_webhook_bridge_event"
    rejected = {"adapter": "d", "outcome": "rejected", "accepted": False, "reason": "x"}
    answers.append(httpx.Response(422, json=rejected))
    found = await CASES[name].call(client, name, in_full=False)
    assert (found.outcome, found.accepted, found.reason) == ("rejected", False, "x")
    for content in NO_OBJECTS.values():
        answers.append(httpx.Response(422, text=content))
        with pytest.raises(errors.ServerError) as caught:
            await CASES[name].call(client, name, in_full=False)
        assert caught.value.reason() == "invalid_bridge_outcome"


@pytest.mark.parametrize(
    ("name", "wrong", "error"),
    [
        ("register_worker", {"worker_id": " "}, ValueError),
        ("workflow_task_history", {"next_history_page_token": "", "page_token": None}, ValueError),
        ("get_schedule_history", {"limit": 0}, ValueError),
        ("set_namespace_external_storage", {"name": None}, TypeError),
    ],
)
async def test_what_is_wrong_before_it_is_sent(
    client: Client, name: str, wrong: dict[str, Any], error: type[Exception]
) -> None:
    case = CASES[name]
    options = {**case.least, **wrong}
    args = [] if set(wrong) == {"name"} else case.args
    with pytest.raises(error):
        await getattr(client, name)(*args, **options)


ENDS: list[tuple[dict[str, Any], type[BaseException]]] = [
    ({"status": "failed"}, errors.WorkflowFailed),
    ({"status": "cancelled"}, errors.WorkflowCancelled),
    ({"status": "terminated"}, errors.WorkflowTerminated),
    ({"status": "running"}, TimeoutError),
]
HANDLES: dict[str, Callable[[Client], Any]] = {
    "get_result": lambda client: client.get_workflow_handle("w", run_id="r"),
    "get_activity_result": lambda client: client.get_activity_handle("a"),
}


@pytest.mark.parametrize("name", HANDLES)
@pytest.mark.parametrize(("end", "error"), ENDS)
async def test_how_a_wait_ends(
    client: Client, answers: Answers, name: str, end: dict[str, Any], error: type[BaseException]
) -> None:
    described = {"workflow_id": "w", "activity_id": "a", "run_id": "r", "closed_reason": "x"}
    answers += [httpx.Response(200, json=described | end), httpx.Response(200, json={"events": []})]
    with pytest.raises(error):
        await getattr(client, name)(HANDLES[name](client), timeout=0)


@pytest.mark.parametrize("name", HANDLES)
async def test_a_wait_raises_the_errors_of_its_parts(
    client: Client, answers: Answers, name: str
) -> None:
    for row in COMMON:
        if row.status in {429, 503, 504}:
            continue  # waited out, up to the end of the caller's time
        answers.clear()
        answers += [httpx.Response(row.status, json=body_of(row)) for _ in range(3)]
        with pytest.raises(errors.DurableWorkflowError) as caught:
            await getattr(client, name)(HANDLES[name](client), timeout=0)
        assert_described_by(caught.value, row)


async def test_what_does_no_io(client: Client, requests: Requests) -> None:
    client.get_workflow_handle("w")
    client.get_activity_handle("a")
    client.get_schedule_handle("s")
    await client.aclose()
    await client.aclose()
    assert requests == []


async def test_pages_of_a_schedule_s_history_fail_as_one_page_does(
    client: Client, answers: Answers
) -> None:
    for row in (Row(404, "schedule_not_found", ""), Row(422, "invalid_after_sequence", "")):
        answers.append(httpx.Response(row.status, json=body_of(row)))
        expected = errors.ScheduleNotFound if row.status == 404 else errors.InvalidArgument
        with pytest.raises(expected):
            [event async for event in client.iter_schedule_history("s")]
    with pytest.raises(ValueError, match="limit"):
        [event async for event in client.iter_schedule_history("s", limit=0)]


# --- that all of the map is here ------------------------------------------------------

_NATURAL = {
    (404, "NamespaceNotFound"): "namespace_not_found",
    (404, "ScheduleNotFound"): "schedule_not_found",
    (422, "InvalidArgument"): "validation_failed",
}
# Parts of cells that have a test of their own above.
_TESTED = {
    "common table",
    "others common table",
    "no I/O",
    "closes the connection pool",
    "repeatable",
    "ValueError locally",
    "TypeError locally",
    "as get_schedule_history",
    "errors of the parts",
    "422 -> returned outcome",
    "empty / non-object body -> ServerError(status, reason=invalid_bridge_outcome)",
    "WorkflowFailed, WorkflowCancelled, WorkflowTerminated, TimeoutError",
}


def answers_in(part: str) -> Iterator[Row]:
    """The answers that one part of a cell of the map names, with what they raise."""
    named, _, raised = part.partition(" -> ")
    raises = " ".join(re.sub(r"\([^)]*\)", "", raised).strip().split("+"))
    status = 0
    for word in re.split(r"[,/() ]+|also", named):
        if word.isdigit():
            status = int(word)
            if named.strip() == word:
                yield Row(status, _NATURAL[status, raises], raises)
        elif word in {"signal", "query"}:
            continue
        elif word == "run_not_active":
            operation = "signal" if "(signal)" in named else "query"
            yield Row(status, word, raises, operation)
        elif word:
            yield Row(status, word, raises)


def test_the_tables_hold_what_the_map_says(spec: Path) -> None:
    with (spec / "client-http-map.tsv").open(newline="") as file:
        cells = {row["client_method"]: row for row in csv.DictReader(file, delimiter="\t")}
    kept = {(row.status, row.reason, row.operation): row.raises.split() for row in COMMON}
    found = 0
    for name, cell in cells.items():
        for part in cell["error_mapping"].split("; "):
            if match := re.fullmatch(r"2xx body .* ServerError\(200, reason=(\w+)\)", part):
                assert EXPECTS_AN_OBJECT[name] == match[1], name
            elif part not in _TESTED:
                for row in answers_in(part):
                    classes = kept[row.status, row.reason, row.operation]
                    assert set(row.raises.split()) <= set(classes), (name, row)
                    found += 1
            else:
                continue
    assert found > 60
    for name, case in CASES.items():
        if name in cells and case.returns[0].isupper():
            assert cells[name]["returns"].split()[0] == case.returns, name
