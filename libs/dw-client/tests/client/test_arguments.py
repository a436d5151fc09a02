"""Arguments of a wrong type, and lengths of time."""

import json
import math
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client, ScheduleAction, ScheduleSpec
from durable_workflow.errors import UnsendableArgument
from durable_workflow.workflow import (
    ActivityRetryPolicy,
    ScheduleActivity,
    commands_to_server_commands,
)

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]
START: dict[str, Any] = {"workflow_type": "t", "task_queue": "q"}
SCHEDULE: dict[str, Any] = {
    "spec": ScheduleSpec(cron_expressions=["0 * * * *"]),
    "action": ScheduleAction("t"),
}
SECONDS = "must be a whole number of seconds or a timedelta, not of type"


def start(**wrong: Any) -> Callable[[Any], Awaitable[Any]]:
    return lambda client: client.start_workflow(**(START | wrong))


def schedule(**wrong: Any) -> Callable[[Any], Awaitable[Any]]:
    return lambda client: client.create_schedule(**(SCHEDULE | wrong))


def result(**wrong: Any) -> Callable[[Any], Awaitable[Any]]:
    return lambda client: client.get_workflow_handle("w").result(**wrong)


WRONG: list[tuple[Callable[[Any], Any], str]] = [
    (start(workflow_type=5), "workflow_type must be a string, not of type int"),
    (start(workflow_type=START), "workflow_type must be a string, not of type dict"),
    (start(workflow_id=5), "workflow_id must be a string, not of type int"),
    (start(input="x"), "input must be a list of positional arguments, not one of type str"),
    (start(memo="x"), "memo must be a dict, not of type str"),
    (start(search_attributes=[1]), "search_attributes must be a dict, not of type list"),
    (start(priority="high"), "priority must be a whole number, not of type str"),
    (start(priority=True), "priority must be a whole number, not of type bool"),
    (start(business_key=b"k"), "business_key must be a string, not of type bytes"),
    (start(run_timeout_seconds="30"), f"run_timeout_seconds {SECONDS} str"),
    (start(execution_timeout_seconds=1.5), f"execution_timeout_seconds {SECONDS} float"),
    (lambda c: c.describe_workflow(5), "workflow_id must be a string, not of type int"),
    (lambda c: c.list_workflows(status=5), "status must be a string, not of type int"),
    (lambda c: c.list_workflows(page_size="9"), "page_size must be a whole number"),
    (lambda c: c.signal_workflow("w", "s", args={"a": 1}), "args must be a list of positional"),
    (lambda c: c.signal_workflow("w", 7), "name must be a string, not of type int"),
    (lambda c: c.update_workflow("w", "u", wait_for=True), "wait_for must be a string"),
    (
        lambda c: c.update_workflow("w", "u", wait_timeout_seconds="9"),
        f"wait_timeout_seconds {SECONDS} str",
    ),
    (lambda c: c.cancel_workflow("w", reason=5), "reason must be a string, not of type int"),
    (lambda c: c.get_result("w"), "handle must be a WorkflowHandle, not of type str"),
    (result(timeout="30"), "timeout must be a number of seconds or a timedelta, not of type str"),
    (result(poll_interval=None), "poll_interval must be a number of seconds or a timedelta"),
    (lambda c: c.get_activity_result("a"), "handle must be a StandaloneActivityHandle"),
    (
        lambda c: c.backfill_schedule("s", start_time=1767225600, end_time="2026-01-02"),
        "start_time must be a string or a datetime, not of type int",
    ),
    (schedule(spec={}), "spec must be of type ScheduleSpec, not of type dict"),
    (schedule(action={}), "action must be of type ScheduleAction, not of type dict"),
    (schedule(paused="yes"), "paused must be True or False, not of type str"),
    (schedule(jitter_seconds="1"), f"jitter_seconds {SECONDS} str"),
    (lambda c: c.create_search_attribute("n", 5), "attribute_type must be a string"),
    (lambda c: c.create_namespace("n", retention_days="9"), "retention_days must be a whole"),
    (lambda c: c.retention_pass(run_ids="r"), "run_ids must be a list of strings, not of type str"),
    (lambda c: c.drain_task_queue_build_id("q", 5), "build_id must be a string, not of type int"),
    (lambda c: c.retention_pass(run_ids=[5]), "each of run_ids must be a string, not of type int"),
]


@pytest.mark.parametrize(("call", "text"), WRONG, ids=[text[:40] for _, text in WRONG])
async def test_a_wrong_type_names_the_argument_and_sends_nothing(
    client: Client, requests: Requests, call: Callable[[Client], Any], text: str
) -> None:
    with pytest.raises(TypeError) as caught:
        await call(client)
    assert text in str(caught.value)
    assert requests == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        (datetime(2026, 1, 1, 2, 30, 0, 5, UTC), "2026-01-01T02:30:00.000005+00:00"),
        (
            datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2025-12-31T18:30:00+00:00",
        ),
        ("2026-01-01 00:00", "2026-01-01 00:00"),
    ],
)
async def test_a_moment_is_a_datetime_or_text(
    client: Client, answers: Answers, requests: Requests, given: datetime | str, sent: str
) -> None:
    answers += [httpx.Response(200, json={}) for _ in range(2)]
    await client.backfill_schedule("s", start_time=given, end_time="2026-02-01")
    handle = client.get_schedule_handle("s")
    await handle.backfill(start_time="2026-01-01", end_time=given)
    bodies = [json.loads(request.content) for request in requests]
    assert [bodies[0]["start_time"], bodies[1]["end_time"]] == [sent, sent]


async def test_a_moment_without_a_time_zone_is_refused(client: Client, requests: Requests) -> None:
    text = "end_time must be an aware datetime, not 2026-01-02T00:00:00 without a time zone"
    with pytest.raises(ValueError, match=re.escape(text)):
        await client.backfill_schedule("s", start_time="2026-01-01", end_time=datetime(2026, 1, 2))
    assert requests == []


UNSENDABLE: list[tuple[Callable[[Any], Any], str]] = [
    (lambda c: c.describe_workflow("\ud800"), "workflow_id has half of a surrogate pair"),
    (lambda c: c.list_workflows(status="\ud800"), "status has half of a surrogate pair"),
    (start(business_key="k\udfff"), "business_key has half of a surrogate pair"),
    (
        lambda c: c.describe_workflow("w" * 99_999),
        "workflow_id has 99999 characters, too many for the URL of GET /workflows/{workflow_id}",
    ),
    (
        lambda c: c.list_workflows(status="running", next_page_token="é" * 20_000),
        "next_page_token has 20000 characters, too many for the URL of GET /workflows",
    ),
]


@pytest.mark.parametrize(("call", "text"), UNSENDABLE, ids=[text[:40] for _, text in UNSENDABLE])
async def test_a_text_that_cannot_be_sent_names_the_argument(
    client: Client, requests: Requests, call: Callable[[Client], Any], text: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        await call(client)
    assert type(caught.value) is UnsendableArgument
    assert len(str(caught.value)) < 200
    assert requests == []


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            ActivityRetryPolicy(max_attempts=3, initial_interval_seconds=2, backoff_coefficient=3),
            {"max_attempts": 3, "backoff_seconds": [2, 6], "non_retryable_error_types": []},
        ),
        (
            {"max_attempts": 3, "initial_interval_seconds": 2},
            {"max_attempts": 3, "backoff_seconds": [2, 4], "non_retryable_error_types": []},
        ),
        (MappingProxyType({"max_attempts": 2}), {"max_attempts": 2}),
        ({}, {}),
    ],
)
async def test_the_retry_policy_of_an_activity_is_written_as_workflow_code_writes_it(
    client: Client, answers: Answers, requests: Requests, given: Any, sent: dict[str, Any]
) -> None:
    answers.append(httpx.Response(201, json={}))
    await client.start_activity(activity_type="charge", task_queue="q", retry_policy=given)
    assert json.loads(requests[0].content)["retry_policy"] == sent


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (5, TypeError, "activity 'charge': retry_policy must be a retry policy object"),
        ({"attempts": 3}, ValueError, "activity 'charge': retry_policy: {'attempts': 3} has no"),
        (
            ActivityRetryPolicy(max_attempts=0),
            ValueError,
            "activity 'charge': retry_policy: max_attempts must be at least 1, got 0",
        ),
    ],
)
async def test_a_wrong_retry_policy_of_an_activity_is_refused_as_in_workflow_code(
    client: Client, requests: Requests, given: Any, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as caught:
        await client.start_activity(activity_type="charge", task_queue="q", retry_policy=given)
    assert str(caught.value).startswith(text)
    command = ScheduleActivity("charge", [], retry_policy=given)
    with pytest.raises(kind, match=re.escape(str(caught.value))):
        commands_to_server_commands([command], "q")
    assert requests == []


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"base_url": 5}, "base_url must be a string"),
        ({"token": b"t"}, "token must be a string, not of type bytes"),
        ({"worker_token": 5}, "worker_token must be a string"),
        ({"namespace": 5}, "namespace must be a string"),
        ({"timeout": "60"}, "timeout must be a number of seconds or a timedelta"),
        ({"retry_policy": 3}, "retry_policy must be a TransportRetryPolicy, not of type int"),
        ({"metrics": print}, "metrics must be a MetricsRecorder"),
        ({"external_storage": 5}, "external_storage must be an ExternalStorageDriver"),
    ],
)
def test_a_wrong_type_of_a_setting_names_it(wrong: dict[str, Any], text: str) -> None:
    settings: dict[str, Any] = {"base_url": "http://x.test", **wrong}
    with pytest.raises(TypeError) as caught:
        Client(**settings)
    assert text in str(caught.value)


async def test_a_timedelta_is_sent_in_whole_seconds(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.Response(200, json={"workflow_id": "w"}) for _ in range(4)]
    await client.start_workflow(
        **START,
        execution_timeout_seconds=timedelta(days=1),
        run_timeout_seconds=timedelta(milliseconds=1500),
    )
    await client.update_workflow("w", "u", wait_timeout_seconds=timedelta(minutes=1))
    await client.create_schedule(
        spec=SCHEDULE["spec"],
        action=ScheduleAction("t", run_timeout_seconds=timedelta(hours=1)),
        jitter_seconds=timedelta(seconds=5),
    )
    await client.start_activity(
        activity_type="a", task_queue="q", heartbeat_timeout_seconds=timedelta(seconds=9)
    )
    sent = [json.loads(request.content) for request in requests]
    assert (sent[0]["execution_timeout_seconds"], sent[0]["run_timeout_seconds"]) == (86400, 2)
    assert sent[1]["wait_timeout_seconds"] == 60
    assert (sent[2]["action"]["run_timeout_seconds"], sent[2]["jitter_seconds"]) == (3600, 5)
    assert sent[3]["heartbeat_timeout_seconds"] == 9


async def test_waits_take_a_timedelta(client: Client, answers: Answers) -> None:
    answers += [httpx.Response(200, json={"run_id": "r", "status": "running"}) for _ in range(9)]
    length, pause = timedelta(milliseconds=50), timedelta(seconds=1)
    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        await client.get_workflow_handle("w").result(timeout=length, poll_interval=pause)
    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        await client.get_activity_handle("a").result(timeout=length, poll_interval=pause)


@pytest.mark.parametrize("timeout", [0, -1, -0.5, timedelta(0)])
def test_a_clients_timeout_is_more_than_nothing(timeout: Any) -> None:
    with pytest.raises(ValueError, match="timeout must be more than 0 seconds"):
        Client("http://x.test", timeout=timeout)


def test_a_clients_timeout_may_be_a_timedelta() -> None:
    assert Client("http://x.test", timeout=timedelta(minutes=2)).timeout == 120.0
    with pytest.raises(ValueError, match="not nan"):
        Client("http://x.test", timeout=float("nan"))


async def test_memos_and_search_attributes_go_out_in_their_plain_form(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(201, json={"workflow_id": "w", "run_id": "r"}))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    await client.start_workflow(
        **START,
        memo={"price": Decimal("1.50"), "plain": [1, None]},
        search_attributes={"Due": noon, "Tags": {"b", "a"}},
    )
    sent = json.loads(requests[-1].content)
    assert sent["memo"] == {"price": "1.50", "plain": [1, None]}
    assert sent["search_attributes"] == {"Due": "2026-01-01T12:00:00+00:00", "Tags": ["a", "b"]}


@pytest.mark.parametrize("warns", [True, False])
@pytest.mark.parametrize(
    ("value", "kind", "problem"),
    [
        ([{"a": object()}], TypeError, "a value of type object cannot be encoded at [0].a;"),
        (math.nan, ValueError, "nan is not JSON compliant: it has no NaN and no infinity"),
        ("\ud800", ValueError, "text cannot be encoded: "),
        ({1: "a", "1": "b"}, ValueError, "keys 1 (int) and '1' (str) of the mapping"),
    ],
)
async def test_a_search_attribute_that_is_no_json_is_named(
    make_client: Any,
    requests: Requests,
    warns: bool,
    value: Any,
    kind: type[Exception],
    problem: str,
) -> None:
    client: Client = make_client(payload_size_warnings=warns)
    attributes = {"Region": "EU", "Due": value}
    text = f"search attribute 'Due': {problem}"
    for call in (start, schedule):
        with pytest.raises(kind, match=re.escape(text)) as raised:
            await call(search_attributes=attributes)(client)
        assert raised.type is kind
    assert requests == []


@pytest.mark.parametrize(
    ("given", "kind", "problem"),
    [
        ({"memo": {"a": [object()]}}, TypeError, r"type object is not plain JSON at memo\.a\[0\]$"),
        ({"memo": {"a": math.nan}}, ValueError, r"nan is not JSON compliant: .* at memo\.a$"),
        ({"memo": {"a": "\ud800"}}, ValueError, r"surrogates not allowed at memo\.a$"),
    ],
)
async def test_what_is_no_json_names_its_place_and_is_not_sent(
    client: Client,
    requests: Requests,
    given: dict[str, Any],
    kind: type[Exception],
    problem: str,
) -> None:
    with pytest.raises(kind, match=problem) as raised:
        await client.start_workflow(**START, **given)
    assert raised.type is kind
    assert requests == []
