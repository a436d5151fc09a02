"""What is sent again after its response was lost, and under which key."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client
from durable_workflow.errors import ServerError
from durable_workflow.retry_policy import TransportRetryPolicy

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]


def ok() -> httpx.Response:
    return httpx.Response(200, json={})


def start(client: Client, **options: Any) -> Any:
    return client.start_workflow(workflow_type="t", task_queue="q", **options)


# Servers could take a second one for another start.
UNSAFE_STARTS: dict[str, dict[str, Any]] = {
    "without an id": {},
    "allow": {"workflow_id": "w", "duplicate_policy": "allow"},
    "terminate_existing": {"workflow_id": "w", "duplicate_policy": "terminate_existing"},
}
LOST: list[httpx.Response | Exception] = [
    httpx.ReadTimeout("slow"),
    httpx.ReadError("torn"),
    httpx.Response(502, text="bad gateway"),
]


def cluster_info(**extensions: int) -> httpx.Response:
    capabilities = {"extensions": extensions}
    body = {"worker_protocol": {"server_capabilities": capabilities}}
    return httpx.Response(200, json=body)


@pytest.mark.parametrize("options", UNSAFE_STARTS.values(), ids=UNSAFE_STARTS)
@pytest.mark.parametrize("lost", LOST, ids=repr)
async def test_a_start_is_repeated_under_its_key_where_the_server_says_so(
    client: Client,
    answers: Answers,
    requests: Requests,
    options: dict[str, Any],
    lost: httpx.Response | Exception,
) -> None:
    answers += [lost, cluster_info(idempotency_key=1), ok()]
    await start(client, **options)
    assert [each.url.path for each in requests] == [
        "/api/workflows",
        "/api/cluster/info",
        "/api/workflows",
    ]
    first, _, second = requests
    assert first.content == second.content
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize("options", UNSAFE_STARTS.values(), ids=UNSAFE_STARTS)
@pytest.mark.parametrize("lost", LOST, ids=repr)
@pytest.mark.parametrize("info", [cluster_info(prefer_wait=1), ok(), httpx.Response(401)], ids=repr)
async def test_a_start_is_not_repeated_where_the_server_does_not_say_so(
    client: Client,
    answers: Answers,
    requests: Requests,
    options: dict[str, Any],
    lost: httpx.Response | Exception,
    info: httpx.Response,
) -> None:
    answers += [lost, info]
    with pytest.raises(type(lost) if isinstance(lost, Exception) else ServerError):
        await start(client, **options)
    assert [each.method for each in requests] == ["POST", "GET"]


async def test_a_start_is_not_repeated_before_the_server_has_said_so(
    client: Client, answers: Answers, requests: Requests
) -> None:
    away = httpx.ConnectError("away")
    answers += [httpx.ReadError("torn"), away, cluster_info(idempotency_key=1), ok()]
    await start(make_patient(client))
    assert [each.method for each in requests] == ["POST", "GET", "GET", "POST"]


def make_patient(client: Client) -> Client:
    client.retry_policy = TransportRetryPolicy(max_attempts=9, initial_backoff_seconds=0.0)
    return client


async def test_every_start_has_a_key_of_its_own(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [ok(), ok()]
    await start(client, workflow_id="w")
    await start(client, workflow_id="w")
    first, second = (each.headers["idempotency-key"] for each in requests)
    assert first
    assert second
    assert first != second


STARTS_WITHOUT_AN_ID: dict[str, Callable[[Client], Any]] = {
    "activity": lambda c: c.start_activity(activity_type="t", task_queue="q"),
    "fire": lambda c: c.trigger_schedule("s"),
    "backfill": lambda c: c.backfill_schedule("s", start_time="2026-01-01", end_time="2026-01-02"),
}


@pytest.mark.parametrize("start", STARTS_WITHOUT_AN_ID.values(), ids=STARTS_WITHOUT_AN_ID)
@pytest.mark.parametrize("failure", [httpx.ReadTimeout("slow"), httpx.ReadError("torn")])
async def test_what_the_server_could_not_recognise_is_not_sent_twice(
    client: Client,
    answers: Answers,
    requests: Requests,
    start: Callable[[Client], Any],
    failure: Exception,
) -> None:
    # These have a key: the server is asked whether it knows repetitions by it.
    answers += [failure, cluster_info()]
    with pytest.raises(type(failure)):
        await start(client)
    assert len([each for each in requests if each.method == "POST"]) == 1


@pytest.mark.parametrize("start", STARTS_WITHOUT_AN_ID.values(), ids=STARTS_WITHOUT_AN_ID)
async def test_it_is_sent_again_if_it_never_left_or_was_refused(
    client: Client, answers: Answers, requests: Requests, start: Callable[[Client], Any]
) -> None:
    answers += [httpx.ConnectError("refused"), httpx.Response(503), ok()]
    await start(client)
    assert len(requests) == 3


async def test_a_gateway_that_gave_up_may_have_passed_it_on(
    client: Client, answers: Answers, requests: Requests
) -> None:
    # The server is asked whether it would know a repetition.
    answers += [httpx.Response(502, text="bad gateway"), cluster_info()]
    with pytest.raises(ServerError):
        await client.backfill_schedule("s", start_time="2026-01-01", end_time="2026-01-02")
    assert len([each for each in requests if each.method == "POST"]) == 1


@pytest.mark.parametrize("start", STARTS_WITHOUT_AN_ID.values(), ids=STARTS_WITHOUT_AN_ID)
async def test_it_is_sent_again_under_its_key_where_the_server_knows_that(
    client: Client, answers: Answers, requests: Requests, start: Callable[[Client], Any]
) -> None:
    answers += [httpx.ReadTimeout("slow"), cluster_info(idempotency_key=1), ok()]
    await start(client)
    first, _, second = requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_with_an_id_a_start_is_repeated(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [httpx.ReadTimeout("slow"), ok()]
    await client.start_workflow(workflow_type="t", task_queue="q", workflow_id="w")
    assert requests[0].content == requests[1].content


@pytest.mark.parametrize("verb", ["cancel_workflow", "terminate_workflow"])
async def test_an_end_is_repeated_under_its_key(
    client: Client, answers: Answers, requests: Requests, verb: str
) -> None:
    answers += [httpx.ReadError("torn"), ok(), ok()]
    await getattr(client, verb)("w")
    await getattr(client, verb)("w")
    first, again, other = [each.headers["idempotency-key"] for each in requests]
    assert first == again != other
