"""Tasks that are carried here: what each situation is reported as."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow.errors import ActivityCancelled, NonRetryableError
from durable_workflow.external_storage import (
    LocalFilesystemExternalStorage,
)
from durable_workflow.external_task_input import ExternalTaskInputError
from durable_workflow.external_task_result import parse_external_task_result
from durable_workflow.invocable import (
    InvocableActivityHandler,
    _handler,
    handle_invocable_activity,
)


def moment(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def task(arguments: Any = None, **changes: Any) -> dict[str, Any]:
    payload = None if arguments is None else serializer.envelope(arguments)
    envelope: dict[str, Any] = {
        "schema": "durable-workflow.v2.external-task-input",
        "version": 1,
        "task": {
            "id": "task-1",
            "kind": "activity_task",
            "attempt": 2,
            "activity_attempt_id": "attempt-2",
            "task_queue": "q",
            "handler": "charge",
            "connection": None,
            "idempotency_key": "attempt-2",
        },
        "workflow": {"id": "w", "run_id": "r"},
        "lease": {
            "owner": "carrier",
            "expires_at": moment(60),
            "heartbeat_endpoint": "/api/worker/activity-tasks/task-1/heartbeat",
        },
        "payloads": {"arguments": payload},
        "deadlines": {
            "schedule_to_start": None,
            "start_to_close": None,
            "schedule_to_close": None,
            "heartbeat": None,
        },
        "headers": {},
    }
    for path, value in changes.items():
        section, _, name = path.partition("__")
        envelope[section] = {**envelope[section], name: value}
    return envelope


async def run(function: Any, arguments: Any = None, **changes: Any) -> dict[str, Any]:
    result = await handle_invocable_activity(task(arguments, **changes), {"charge": function})
    parse_external_task_result(result)  # whatever happened, the contract is kept
    return result


def failure(result: dict[str, Any]) -> tuple[Any, ...]:
    found = result["failure"]
    return (
        found["kind"],
        found["classification"],
        found["type"],
        result["outcome"]["retryable"],
    )


def charge(amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"charged": f"{amount} {currency}"}


async def test_a_result_is_an_envelope_in_the_codec_asked_for() -> None:
    result = await run(charge, [12, "USD"])
    assert result["outcome"] == {"status": "succeeded", "recorded": True}
    assert result["task"] == {
        "id": "task-1",
        "kind": "activity_task",
        "attempt": 2,
        "idempotency_key": "attempt-2",
    }
    assert result["result"]["payload"] == serializer.envelope({"charged": "12 USD"})
    assert result["metadata"]["handler"] == "charge"
    assert result["metadata"]["carrier"] == "python-invocable"
    assert result["metadata"]["duration_ms"] >= 0
    handler = InvocableActivityHandler({"charge": charge}, carrier="mine", result_codec="json")
    result = await handler.handle(task([1]))
    assert result["result"]["payload"]["codec"] == "json"
    assert result["metadata"]["carrier"] == "mine"


@pytest.mark.parametrize(
    ("payload", "given"),
    [
        (None, ()),
        (serializer.envelope(None), ()),
        (serializer.envelope([1, [2]]), (1, [2])),
        (serializer.envelope({"a": 1}), ({"a": 1},)),
        ({"blob": "[1]"}, (1,)),
    ],
)
async def test_arguments_are_positional(payload: Any, given: tuple[Any, ...]) -> None:
    seen: list[tuple[Any, ...]] = []

    def note(*args: Any) -> None:
        seen.append(args)

    await run(note, payloads__arguments=payload)
    assert seen == [given]


async def test_a_coroutine_function_and_an_awaitable_are_awaited() -> None:
    async def double(number: int) -> int:
        return 2 * number

    def later(number: int) -> Any:
        return double(number)

    functions: list[Any] = [double, later]
    for function in functions:
        result = await run(function, [4])
        assert result["result"]["payload"] == serializer.envelope(8)


async def test_a_blocking_handler_leaves_the_event_loop_alone() -> None:
    has_turned = threading.Event()

    async def turn() -> None:
        for _ in range(5):
            await asyncio.sleep(0.005)
        has_turned.set()

    turning = asyncio.create_task(turn())
    result = await run(lambda: has_turned.wait(20))
    assert result["result"]["payload"] == serializer.envelope(True)
    await turning


def raising(error: BaseException) -> Any:
    def function() -> None:
        raise error

    return function


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Mute(), ("application", "application_error", "Mute", True)),
        (StopIteration("s"), ("application", "application_error", "RuntimeError", True)),
        (SystemExit(1), ("application", "application_error", "RuntimeError", True)),
        (asyncio.CancelledError(), ("application", "application_error", "RuntimeError", True)),
        (KeyError("k"), ("application", "application_error", "KeyError", True)),
        (ValueError("v"), ("application", "application_error", "ValueError", True)),
        (TypeError("t"), ("application", "application_error", "TypeError", True)),
        (NonRetryableError("n"), ("application", "application_error", "NonRetryableError", False)),
        (ActivityCancelled("c"), ("cancellation", "cancelled", "ActivityCancelled", False)),
        (TimeoutError("late"), ("timeout", "deadline_exceeded", "TimeoutError", True)),
    ],
)
async def test_what_a_handler_raises(error: BaseException, expected: tuple[Any, ...]) -> None:
    result = await run(raising(error))
    assert failure(result) == expected
    assert result["outcome"]["recorded"] is True
    assert result["failure"]["message"]
    assert result["failure"]["cancelled"] == isinstance(error, ActivityCancelled)


async def test_what_cannot_be_decoded_or_encoded_is_a_decode_failure() -> None:
    ran: list[int] = []
    result = await run(ran.append, payloads__arguments={"codec": "avro", "blob": "%%%"})
    assert failure(result)[:2] == ("decode_failure", "decode_failure")
    assert result["failure"]["details"] == {"codec": "avro"}
    assert (result["outcome"]["retryable"], ran) == (False, [])
    result = await run(lambda: object())
    assert failure(result)[:2] == ("decode_failure", "decode_failure")
    assert result["outcome"]["retryable"] is False


async def test_tasks_that_nobody_handles() -> None:
    result = await handle_invocable_activity(task(), {})
    assert failure(result)[1:] == ("application_error", "UnknownActivityHandler", False)


@pytest.mark.parametrize("where", ["lease__expires_at", "deadlines__heartbeat"])
async def test_a_deadline_that_has_passed_ends_the_task_before_its_handler(where: str) -> None:
    ran: list[int] = []
    late = "2020-01-01T00:00:00"
    result = await run(lambda: ran.append(1), **{where: late})
    assert failure(result) == (
        "timeout",
        "deadline_exceeded",
        "ExternalTaskDeadlineExceeded",
        True,
    )
    assert result["failure"]["timeout_type"] == "deadline_exceeded"
    assert result["failure"]["details"]["expires_at"] == late
    assert ran == []


async def test_a_deadline_that_is_no_time_is_a_decode_failure() -> None:
    result = await run(charge, [1], deadlines__heartbeat="soon")
    assert failure(result)[:2] == ("decode_failure", "decode_failure")
    assert result["failure"]["details"] == {"deadline": "heartbeat", "expires_at": "soon"}


class Clock:
    """The time of handlers, which passes when a test says so."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self, tz: tzinfo) -> datetime:
        return self.at.astimezone(tz)

    def later(self, seconds: float) -> str:
        return (self.at + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_handler, "datetime", clock)
    return clock


async def test_a_coroutine_is_ended_at_the_nearest_deadline(clock: Clock) -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    result = await run(forever, deadlines__start_to_close=clock.later(0.1))
    assert failure(result) == ("timeout", "deadline_exceeded", "TimeoutError", True)


async def test_a_result_that_comes_too_late_is_not_reported(clock: Clock) -> None:
    def slow() -> None:
        clock.at += timedelta(seconds=0.3)

    result = await run(slow, deadlines__start_to_close=clock.later(0.1))
    assert failure(result)[2:] == ("ExternalTaskDeadlineExceeded", True)
    assert "completed after its deadline start_to_close" in result["failure"]["message"]


async def test_arguments_may_be_in_external_storage(tmp_path: Any) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    payload = serializer.external_storage_envelope(
        ["x" * 500], external_storage=storage, threshold_bytes=100
    )
    handler = InvocableActivityHandler({"charge": len}, external_storage=storage)
    result = await handler.handle(task(payloads__arguments=payload))
    assert result["result"]["payload"] == serializer.envelope(500)


async def test_bad_envelopes_and_settings_are_refused() -> None:
    with pytest.raises(ExternalTaskInputError):
        await handle_invocable_activity({"schema": "x"}, {})
    with pytest.raises(ValueError, match="unsupported result codec: 'xml'"):
        InvocableActivityHandler({}, result_codec="xml")
