"""What is particular about the methods of the control plane."""

import inspect
import json
import warnings
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.client import Client, ScheduleAction, ScheduleSpec
from durable_workflow.client._resources import activities
from durable_workflow.errors import (
    ArgumentMismatch,
    InvalidArgument,
    ScheduleAlreadyExists,
    SearchAttributeNotFound,
    ServerError,
    WorkerNotFound,
    WorkflowAlreadyStarted,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTerminated,
)

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


def ok(**members: Any) -> httpx.Response:
    return httpx.Response(200, json=members)


def refused(status: int, reason: str) -> httpx.Response:
    return httpx.Response(status, json={"reason": reason, "message": "no"})


# --- workflows ------------------------------------------------------------------------


async def test_a_start_sends_what_was_given_and_nothing_else(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(ok(workflow_id="chosen", run_id="r", workflow_type="t"))
    handle = await client.start_workflow(workflow_type="t", task_queue="q")
    assert (handle.workflow_id, handle.run_id, handle.workflow_type) == ("chosen", "r", "t")
    envelope = {"codec": "avro", "blob": "AARbXQI="}
    assert body(requests[0]) == {"workflow_type": "t", "task_queue": "q", "input": envelope}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("fail", "fail"),
        ("reject", "fail"),
        ("use-existing", "use-existing"),
        ("use_existing", "use-existing"),
        ("allow", "allow"),
        ("terminate_existing", "terminate_existing"),
        ("made-up", "made-up"),
    ],
)
async def test_each_duplicate_policy_has_one_spelling_on_the_wire(
    client: Client, answers: Answers, requests: Requests, given: str, sent: str
) -> None:
    answers.append(ok())
    await client.start_workflow(workflow_type="t", task_queue="q", duplicate_policy=given)
    assert body(requests[0])["duplicate_policy"] == sent


@pytest.mark.parametrize("reason", ["duplicate_not_allowed", "instance_already_started"])
async def test_a_taken_id(client: Client, answers: Answers, reason: str) -> None:
    answers.append(refused(409, reason))
    with pytest.raises(WorkflowAlreadyStarted) as caught:
        await client.start_workflow(workflow_type="t", task_queue="q", workflow_id="w")
    assert caught.value.workflow_id == "w"


async def test_a_description_is_decoded(client: Client, answers: Answers) -> None:
    answers.append(
        ok(
            workflow_id="w",
            run_id="r",
            workflow_type="t",
            input="as the server sees it",
            input_envelope=serializer.envelope([1]),
            output="as the server sees it",
            output_envelope=None,
        )
    )
    described = await client.describe_workflow("w")
    assert (described.input, described.output) == ([1], "as the server sees it")


async def test_rows_of_a_list(client: Client, answers: Answers, requests: Requests) -> None:
    row: dict[str, Any] = {
        "workflow_id": "w",
        "run_id": "r",
        "workflow_type": "t",
        "status": "waiting",
        "status_bucket": "running",
        "task_queue": "q",
        "business_key": "k",
        "is_terminal": False,
        "started_at": "2026-05-03T08:16:02.114000Z",
        "closed_at": None,
        "search_attributes": {"Tier": "gold"},
    }
    answers.append(ok(workflows=[row, "junk"], next_page_token="MQ=="))
    page = await client.list_workflows(query='Tier = "gold" AND x', status="running")
    assert [vars(found) for found in page.executions] == [
        {**row, "namespace": "default", "input": None, "output": None}
        | {"payload_codec": None, "closed_reason": None, "memo": None}
    ]
    assert page.next_page_token == "MQ=="
    assert requests[0].url.params["query"] == 'Tier = "gold" AND x'


async def test_runs_have_the_id_that_was_asked_for(client: Client, answers: Answers) -> None:
    answers += [ok(runs=[{"run_id": "r1", "memo": []}]), ok(status="running")]
    listed = await client.list_workflow_runs("w")
    assert (listed.workflow_id, listed.run_count) == ("w", 1)
    assert (listed.runs[0].workflow_id, listed.runs[0].memo) == ("w", {})
    described = await client.describe_workflow_run("w", "r2")
    assert (described.workflow_id, described.run_id, described.status) == ("w", "r2", "running")


# --- namespaces -----------------------------------------------------------------------


async def test_the_old_name_of_the_argument_warns_about_the_line_that_uses_it(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(ok(name="n"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = inspect.currentframe()
        assert frame is not None
        await client.set_namespace_external_storage(namespace="n", driver="local")
    [warning] = caught
    assert warning.category is DeprecationWarning
    assert (warning.filename, warning.lineno) == (__file__, frame.f_lineno - 3)
    assert requests[0].url.path == "/api/namespaces/n/external-storage"


@pytest.mark.parametrize("names", [{}, {"name": "a", "namespace": "b"}])
async def test_the_namespace_is_named_once(
    client: Client, requests: Requests, names: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        await client.set_namespace_external_storage(**names, driver="local")
    assert requests == []


async def test_a_taken_name_is_an_invalid_argument_and_a_server_error(
    client: Client, answers: Answers
) -> None:
    answers += [refused(409, "namespace_already_exists"), refused(409, "system_attribute")]
    for call in (client.create_namespace, client.delete_search_attribute):
        with pytest.raises(InvalidArgument) as caught:
            await call("n")
        assert isinstance(caught.value, ServerError)
        assert caught.value.status == 409


# --- what is not there ----------------------------------------------------------------


async def test_missing_workers_and_attributes_have_names(client: Client, answers: Answers) -> None:
    answers += [refused(404, "worker_not_found"), refused(404, "attribute_not_found")]
    with pytest.raises(WorkerNotFound) as worker:
        await client.describe_worker("k")
    with pytest.raises(SearchAttributeNotFound) as attribute:
        await client.delete_search_attribute("A")
    assert (worker.value.worker_id, attribute.value.name) == ("k", "A")


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("get_cluster_info", "invalid_cluster_info"),
        ("health", "invalid_health_response"),
        ("list_namespaces", "invalid_namespace_response"),
        ("test_external_storage", "invalid_storage_test_response"),
        ("repair_status", "invalid_repair_status_response"),
        ("repair_pass", "invalid_repair_pass_response"),
        ("retention_status", "invalid_retention_status_response"),
        ("retention_pass", "invalid_retention_pass_response"),
        ("activity_timeout_status", "invalid_activity_timeout_status_response"),
        ("activity_timeout_pass", "invalid_activity_timeout_pass_response"),
        ("list_search_attributes", "invalid_search_attribute_response"),
        ("list_workers", "invalid_worker_response"),
    ],
)
async def test_an_answer_of_the_wrong_shape_says_of_what(
    client: Client, answers: Answers, method: str, reason: str
) -> None:
    answers.append(httpx.Response(200, json=[1]))
    with pytest.raises(ServerError) as caught:
        await getattr(client, method)()
    assert (caught.value.status, caught.value.reason()) == (200, reason)


async def test_so_do_those_about_a_queue(client: Client, answers: Answers) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "invalid_task_queue_response": lambda: client.describe_task_queue("q"),
        "invalid_task_queue_build_ids_response": lambda: client.list_task_queue_build_ids("q"),
        "invalid_task_queue_build_id_drain_response": lambda: client.drain_task_queue_build_id(
            "q", None
        ),
        "invalid_task_queue_build_id_promote_response": lambda: client.promote_task_queue_build_id(
            "q", None
        ),
        "invalid_task_queue_build_id_resume_response": lambda: client.resume_task_queue_build_id(
            "q", None
        ),
    }
    for reason, call in calls.items():
        answers.append(httpx.Response(204))
        with pytest.raises(ServerError) as caught:
            await call()
        assert caught.value.reason() == reason


async def test_the_list_of_queues_takes_whatever_comes(client: Client, answers: Answers) -> None:
    answers += [httpx.Response(204), httpx.Response(200, json=[])]
    for _ in range(2):
        assert (await client.list_task_queues()).task_queues == []


async def test_unversioned_workers_are_named_by_null(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(ok(drain_intent="draining"))
    state = await client.drain_task_queue_build_id("q", None)
    assert requests[0].content == b'{"build_id":null}'
    assert (state.build_id, state.drain_intent) == (None, "draining")


# --- the bridge -----------------------------------------------------------------------


async def test_a_rejection_of_the_bridge_is_an_outcome(client: Client, answers: Answers) -> None:
    answers.append(httpx.Response(422, json={"outcome": "rejected", "reason": "unknown_target"}))
    outcome = await client.send_webhook_bridge_event(
        "a", action="signal_workflow", idempotency_key="k", target={"workflow_id": "w"}
    )
    assert (outcome.accepted, outcome.outcome, outcome.reason) == (
        False,
        "rejected",
        "unknown_target",
    )


@pytest.mark.parametrize("answer", [httpx.Response(422, text="no"), httpx.Response(202)])
async def test_what_is_no_outcome_is_an_error(
    client: Client, answers: Answers, answer: httpx.Response
) -> None:
    answers.append(answer)
    with pytest.raises(ServerError) as caught:
        await client.send_webhook_bridge_event("a", action="x", idempotency_key="k", target={})
    assert caught.value.status == answer.status_code
    assert caught.value.reason() == "invalid_bridge_outcome"


# --- schedules ------------------------------------------------------------------------


async def test_the_input_of_a_schedule_is_an_envelope(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [ok(schedule_id="chosen"), ok()]
    handle = await client.create_schedule(
        spec=ScheduleSpec(intervals=[{"every": "PT5M"}]),
        action=ScheduleAction("t", task_queue="q", input=["eu-west"], run_timeout_seconds=5),
    )
    await handle.update(action=ScheduleAction("t"))
    assert handle.schedule_id == "chosen"
    assert body(requests[0]) == {
        "spec": {"intervals": [{"every": "PT5M"}]},
        "action": {
            "workflow_type": "t",
            "task_queue": "q",
            "input": {"codec": "avro", "blob": "ABZbImV1LXdlc3QiXQI="},
            "run_timeout_seconds": 5,
        },
    }
    assert body(requests[1]) == {"action": {"workflow_type": "t"}}


async def test_a_taken_schedule_id_is_named(client: Client, answers: Answers) -> None:
    answers.append(refused(409, "schedule_already_exists"))
    with pytest.raises(ScheduleAlreadyExists) as caught:
        await client.create_schedule(
            schedule_id="s", spec=ScheduleSpec(), action=ScheduleAction("t")
        )
    assert caught.value.schedule_id == "s"


def page(*sequences: int, **members: Any) -> httpx.Response:
    return ok(schedule_id="s", events=[{"sequence": n} for n in sequences], **members)


async def test_history_is_iterated_over_all_pages(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [page(1, 2, has_more=True, next_cursor=2), page(3, has_more=False)]
    events = client.get_schedule_handle("s").iter_history(limit=2)
    assert [event.sequence async for event in events] == [1, 2, 3]
    assert [dict(request.url.params) for request in requests] == [
        {"limit": "2"},
        {"limit": "2", "after_sequence": "2"},
    ]


@pytest.mark.parametrize("cursor", [None, "soon", 0])
async def test_without_a_cursor_that_moves_on_the_iteration_ends(
    client: Client, answers: Answers, cursor: str | int | None
) -> None:
    answers.append(page(1, has_more=True, next_cursor=cursor))
    events = client.iter_schedule_history("s", after_sequence=0)
    assert [event.sequence async for event in events] == [1]


@pytest.mark.parametrize("bounds", [{"limit": 0}, {"after_sequence": -1}])
async def test_bounds_of_history_are_checked_here(
    client: Client, requests: Requests, bounds: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match=next(iter(bounds))):
        await client.get_schedule_history("s", **bounds)
    assert requests == []


# --- standalone activities ------------------------------------------------------------


async def test_a_started_activity_has_the_ids_of_the_server(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(ok(activity_id="a", workflow_run_id="r", activity_execution_id="e"))
    handle = await client.start_activity(activity_type="t", task_queue="q")
    assert (handle.activity_id, handle.workflow_run_id, handle.activity_execution_id) == (
        "a",
        "r",
        "e",
    )
    assert handle.activity_type == "t"
    assert "input" not in body(requests[0])


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({"codec": "avro", "blob": "AAIxAg=="}, 1),
        ({"codec": "avro", "blob": None}, None),
        ({"anything": "else"}, None),
        ("AAIxAg==", None),
        (None, None),
    ],
)
async def test_only_an_envelope_is_a_result(
    client: Client, answers: Answers, result: Any, value: Any
) -> None:
    answers.append(ok(result=result, status="completed"))
    assert (await client.describe_activity("a")).result == value


async def test_the_result_of_an_activity_is_waited_for(client: Client, answers: Answers) -> None:
    answers += [ok(status="running"), ok(status="completed", result=serializer.envelope([1]))]
    assert await client.get_activity_handle("a").result(poll_interval=0.0) == [1]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("failed", WorkflowFailed),
        ("terminated", WorkflowTerminated),
        ("cancelled", WorkflowCancelled),
        ("canceled", WorkflowCancelled),
    ],
)
async def test_an_activity_that_ended_otherwise_raises(
    client: Client, answers: Answers, status: str, error: type[BaseException]
) -> None:
    answers += [ok(status=status, closed_reason="out of time"), ok(status=status)]
    with pytest.raises(error, match="out of time"):
        await client.get_activity_handle("a").result()
    with pytest.raises(error, match=r"activity failed|was"):
        await client.get_activity_handle("a").result()


async def test_the_result_of_an_activity_is_of_the_type_that_is_asked_for(
    client: Client, answers: Answers
) -> None:
    day = serializer.envelope("2026-11-30")
    answers += [ok(status="completed", result=day) for _ in range(3)]
    handle = client.get_activity_handle("a")
    assert await handle.result(result_type=date) == date(2026, 11, 30)
    assert await client.get_activity_result(handle, result_type=date | None) == date(2026, 11, 30)
    with pytest.raises(ArgumentMismatch, match="result: expected"):
        await handle.result(result_type=list[date])


async def test_an_activity_that_takes_too_long(client: Client, answers: Answers) -> None:
    answers.append(ok(status="running"))
    with pytest.raises(TimeoutError, match="activity a"):
        await client.get_activity_handle("a").result(timeout=0.0)


async def test_a_pause_between_two_questions_ends_with_the_wait(
    client: Client, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, slept = 1000.0, list[float]()

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    monkeypatch.setattr(activities, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(activities, "asyncio", SimpleNamespace(sleep=sleep))
    answers += [ok(status="running"), ok(status="running")]
    handle = client.get_activity_handle("a")
    with pytest.raises(TimeoutError, match="activity a"):
        await handle.result(timeout=0.5, poll_interval=3600.0)
    assert (slept, answers) == ([0.5], [])


async def test_pages_of_activities(client: Client, answers: Answers) -> None:
    rows = [{"activity_id": "a"}, {"activity_id": "b"}]
    answers += [ok(activities=rows), ok(activities=rows, activity_count=9, next_page_token="x")]
    first, second = await client.list_activities(), await client.list_activities()
    assert [row.activity_id for row in first.activities] == ["a", "b"]
    assert (first.activity_count, first.next_page_token) == (2, None)
    assert (second.activity_count, second.next_page_token) == (9, "x")


async def test_all_runs_are_iterated_over_page_by_page(
    client: Client, answers: Answers, requests: Requests
) -> None:
    rows = [{"workflow_id": f"w{number}", "run_id": "r"} for number in range(3)]
    answers += [ok(workflows=rows[:2], next_page_token="t"), ok(workflows=rows[2:])]
    found = [run async for run in client.iter_workflows(workflow_type="x", page_size=2)]
    assert [run.workflow_id for run in found] == ["w0", "w1", "w2"]
    assert [dict(request.url.params) for request in requests] == [
        {"workflow_type": "x", "page_size": "2"},
        {"workflow_type": "x", "page_size": "2", "next_page_token": "t"},
    ]


async def test_a_server_that_repeats_its_page_token_ends_the_iteration(
    client: Client, answers: Answers
) -> None:
    answers += [
        ok(workflows=[{"workflow_id": "w"}], next_page_token="t"),
        ok(workflows=[{"workflow_id": "w"}], next_page_token="t"),
    ]
    assert len([run async for run in client.iter_workflows()]) == 2
