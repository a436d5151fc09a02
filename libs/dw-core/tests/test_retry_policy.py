import asyncio
import sys
import types
from typing import Any

import pytest

from durable_workflow.retry_policy import RetryPolicy, TransportRetryPolicy


class TransportError(Exception):
    pass


class NetworkError(TransportError):
    pass


class HTTPStatusError(Exception):
    def __init__(self, status: int, headers: Any = None) -> None:
        super().__init__(status)
        self.response = types.SimpleNamespace(status_code=status)
        if headers is not None:
            self.response.headers = headers


@pytest.fixture
def httpx(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Names of httpx, which this wheel does not depend on."""
    fake = types.SimpleNamespace(
        ConnectError=type("ConnectError", (NetworkError,), {}),
        TimeoutException=type("TimeoutException", (TransportError,), {}),
        NetworkError=NetworkError,
        RemoteProtocolError=type("RemoteProtocolError", (TransportError,), {}),
        HTTPStatusError=HTTPStatusError,
        UnsupportedProtocol=type("UnsupportedProtocol", (TransportError,), {}),
    )
    monkeypatch.setitem(sys.modules, "httpx", fake)
    return fake


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Any:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


def test_the_short_name_is_the_same_class() -> None:
    assert RetryPolicy is TransportRetryPolicy
    assert TransportRetryPolicy() == TransportRetryPolicy(3, 0.1, 5.0, 2.0, True)


@pytest.mark.parametrize(
    "name", ["ConnectError", "TimeoutException", "NetworkError", "RemoteProtocolError"]
)
def test_requests_without_an_answer_are_tried_again(httpx: Any, name: Any) -> None:
    policy = TransportRetryPolicy()
    error = getattr(httpx, name)("no answer")
    assert [policy.should_retry(error, attempt) for attempt in (0, 1, 2, 3, 4)] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(500, True), (503, True), (504, True), (429, True), (400, False), (404, False), (409, False)],
)
def test_answers_are_tried_again_by_status(httpx: Any, status: Any, expected: Any) -> None:
    assert TransportRetryPolicy().should_retry(HTTPStatusError(status), 1) is expected


def test_other_errors_are_not_tried_again(httpx: Any) -> None:
    policy = TransportRetryPolicy()
    assert not policy.should_retry(ValueError(), 1)
    assert not policy.should_retry(httpx.UnsupportedProtocol(), 1)


def test_without_httpx_nothing_is_a_transport_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "httpx", raising=False)
    assert not TransportRetryPolicy().should_retry(NetworkError(), 1)
    assert "httpx" not in sys.modules


def test_pauses_grow_up_to_a_bound() -> None:
    policy = TransportRetryPolicy(jitter=False)
    assert [policy.backoff_seconds(attempt) for attempt in range(8)] == [
        0.1,
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        5.0,
        5.0,
    ]
    assert policy.backoff_seconds(100_000) == 5.0


def test_jitter_varies_a_pause_by_a_quarter() -> None:
    policy = TransportRetryPolicy()
    pauses = {policy.backoff_seconds(10) for _ in range(200)}
    assert len(pauses) > 1
    assert all(3.75 <= pause <= 6.25 for pause in pauses)


async def test_execute_tries_until_it_succeeds(httpx: Any, pauses: Any) -> None:
    outcomes: list[Any] = [NetworkError(), HTTPStatusError(503), "answer"]

    async def attempt() -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await TransportRetryPolicy(jitter=False).execute(attempt) == "answer"
    assert pauses == [0.1, 0.2]


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("1", 1.0),
        ("0", 0.1),
        ("3600", 5.0),
        ("9" * 400, 0.1),
        ("Sun, 22 Nov 2026 21:00:00 GMT", 0.1),
        ("-1", 0.1),
        ("nan", 0.1),
        ("\u0661", 0.1),
    ],
)
async def test_a_server_that_asks_for_a_pause_is_given_it_within_bounds(
    httpx: Any, pauses: Any, asked: Any, pause: Any
) -> None:
    answers: list[Any] = [HTTPStatusError(503, {"retry-after": asked})]

    async def attempt() -> str:
        if answers:
            raise answers.pop()
        return "answer"

    assert await TransportRetryPolicy(jitter=False).execute(attempt) == "answer"
    assert pauses == [pause]


async def test_execute_raises_what_the_last_attempt_raised(httpx: Any, pauses: Any) -> None:
    errors = [NetworkError(number) for number in range(5)]
    raised = iter(errors)

    async def attempt() -> None:
        raise next(raised)

    with pytest.raises(NetworkError) as caught:
        await TransportRetryPolicy().execute(attempt)
    assert caught.value is errors[2]
    assert len(pauses) == 2


async def test_execute_does_not_repeat_what_fails_for_good(httpx: Any, pauses: Any) -> None:
    async def attempt() -> None:
        raise HTTPStatusError(404)

    with pytest.raises(HTTPStatusError):
        await TransportRetryPolicy().execute(attempt)
    assert pauses == []


async def test_a_policy_without_attempts_calls_nothing() -> None:
    calls: list[int] = []

    async def attempt() -> None:
        calls.append(1)

    with pytest.raises(RuntimeError, match="max_attempts"):
        await TransportRetryPolicy(max_attempts=0).execute(attempt)
    assert calls == []
