"""What becomes of an activity task, in every way it can go."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
import contextvars
import functools
import itertools
import logging
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

from durable_workflow import activity
from durable_workflow.errors import (
    ActivityCancelled,
    InvalidArgument,
    NonRetryableError,
    ServerError,
)
from durable_workflow.external_storage import LocalFilesystemExternalStorage
from durable_workflow.interceptors import PassthroughWorkerInterceptor
from durable_workflow.metrics import WORKER_TASKS, InMemoryMetrics
from durable_workflow.worker import Worker

_request = contextvars.ContextVar("request", default="none")


def _task(pack: Any, activity_type: str, *args: Any, **changes: Any) -> dict[str, Any]:
    return {
        "task_id": "t",
        "activity_attempt_id": "at",
        "attempt_number": 2,
        "activity_type": activity_type,
        "payload_codec": "avro",
        "arguments": pack(list(args)),
    } | changes


def _worker(server: Any, *activities: Any, **options: Any) -> Worker:
    return Worker(server, task_queue="q", activities=activities, **options)


def _failure(server: Any) -> dict[str, Any]:
    (failure,) = server.calls["fail_activity_task"]
    assert failure["task_id"] == "t"
    assert failure["activity_attempt_id"] == "at"
    assert server.count("complete_activity_task") == 0 or failure["non_retryable"]
    return dict(failure)


async def double(number: int) -> int:
    return 2 * number


def double_in_a_thread(number: int) -> tuple[int, str]:
    return 2 * number, threading.current_thread().name


class DoubleObject:
    async def __call__(self, number: int) -> int:
        return 2 * number


class DoubleProxy:
    """An object that has whatever it is asked for, as proxies of remote procedures do."""

    def __getattr__(self, name: str) -> Any:
        return DoubleProxy()

    def __call__(self, number: int) -> int:
        return 2 * number


def double_later(number: int) -> Awaitable[int]:
    return double(number)


@pytest.mark.parametrize(
    "function",
    [double, functools.partial(double), DoubleObject(), DoubleProxy(), double_later],
    ids=["coroutine", "partial", "object", "proxy", "awaitable"],
)
async def test_functions_of_every_form_are_called(server: Any, pack: Any, function: Any) -> None:
    worker = _worker(server)
    worker.activities["double"] = function
    assert await worker._run_activity_task(_task(pack, "double", 21)) == "completed"
    (sent,) = server.calls["complete_activity_task"]
    assert sent["result"] == 42
    assert sent["codec"] == "avro"
    assert "external_storage" not in sent


async def test_a_plain_function_runs_in_a_thread(server: Any, pack: Any) -> None:
    worker = _worker(server, double_in_a_thread)
    await worker._run_activity_task(_task(pack, "double_in_a_thread", 21))
    (sent,) = server.calls["complete_activity_task"]
    assert sent["result"][0] == 42
    assert sent["result"][1].startswith(f"{worker.worker_id}-activity")


@pytest.mark.parametrize(
    ("sent", "seen"),
    [({"row": 7}, {"row": 7}), ({}, {}), (None, None), ([], None), ("7", None)],
)
async def test_an_attempt_is_told_what_the_one_before_reported_last(
    server: Any, pack: Any, sent: Any, seen: Any
) -> None:
    async def resumes() -> Any:
        return activity.context().info.heartbeat_details

    worker = _worker(server, resumes)
    await worker._run_activity_task(_task(pack, "resumes", heartbeat_details=sent))
    assert server.calls["complete_activity_task"][0]["result"] == seen


@pytest.mark.parametrize(
    ("arguments", "expected"), [([1, 2], (1, 2)), ("one", ("one",)), (None, ()), ({}, ({},))]
)
async def test_arguments_are_spread(
    server: Any, pack: Any, arguments: Any, expected: tuple[Any, ...]
) -> None:
    async def collect(*args: Any) -> list[Any]:
        return list(args)

    await _worker(server, collect)._run_activity_task(
        _task(pack, "collect", arguments=pack(arguments))
    )
    assert server.calls["complete_activity_task"][0]["result"] == list(expected)


async def test_a_task_without_a_codec_is_json(server: Any, pack: Any) -> None:
    task = _task(pack, "double", payload_codec=None, arguments="[21]")
    await _worker(server, double)._run_activity_task(task)
    (sent,) = server.calls["complete_activity_task"]
    assert (sent["result"], sent["codec"]) == (42, "json")


@pytest.mark.parametrize(
    "changes",
    [{"payload_codec": "php"}, {"arguments": {"codec": "avro", "blob": "???"}}],
)
async def test_undecodable_arguments_fail_for_good(
    server: Any, pack: Any, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    task = _task(pack, "double", **changes)
    assert await _worker(server, double)._run_activity_task(task) == "decode_error"
    failure = _failure(server)
    assert failure["non_retryable"] is True
    assert failure["message"].startswith("cannot decode activity arguments with codec '")
    assert any(r.levelno == logging.ERROR and r.exc_info for r in caplog.records)


async def test_an_unknown_type_fails_and_may_be_retried(server: Any, pack: Any) -> None:
    assert await _worker(server)._run_activity_task(_task(pack, "nobody")) == "no_handler"
    failure = _failure(server)
    assert failure["message"] == "no activity registered for 'nobody'"
    assert failure["non_retryable"] is False


class CardDeclined(NonRetryableError):
    pass


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "outcome", "message", "failure_type", "non_retryable"),
    [
        (ValueError("bad"), "failed", "bad", "ValueError", False),
        (StopIteration("odd"), "failed", None, None, False),
        (ValueError("file \udcff"), "failed", "file \\udcff", "ValueError", False),
        (Mute(), "failed", "<exception str() failed>", "Mute", False),
        (TimeoutError(), "failed", "TimeoutError", "TimeoutError", False),
        (CardDeclined(" "), "failed_non_retryable", "CardDeclined", "CardDeclined", True),
        (SystemExit(2), "failed", "2", "SystemExit", False),
        (ValueError("nul \0"), "failed", "nul \\x00", "ValueError", False),
        (CardDeclined("no"), "failed_non_retryable", "no", "CardDeclined", True),
        (
            ActivityCancelled(), "cancelled", "activity cancelled", "ActivityCancelled", True,
        ),
    ],
    ids=[
        "error", "stop-iteration", "no-utf8", "mute", "silent", "blank", "exit", "nul",
        "non-retryable", "cancelled",
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_thread", [False, True])
async def test_what_an_activity_raises_is_reported(
    server: Any,
    pack: Any,
    error: BaseException,
    outcome: str,
    message: str | None,
    failure_type: str | None,
    non_retryable: bool,
    in_thread: bool,
) -> None:
    async def on_the_loop() -> None:
        raise error

    def in_a_thread() -> None:
        raise error

    function = in_a_thread if in_thread else on_the_loop
    worker = _worker(server, function)
    assert await worker._run_activity_task(_task(pack, function.__name__)) == outcome
    failure = _failure(server)
    assert failure["non_retryable"] is non_retryable
    if message is not None:
        assert (failure["message"], failure["failure_type"]) == (message, failure_type)
    if outcome != "cancelled":
        assert "Traceback" in failure["stack_trace"]
    with pytest.raises(RuntimeError, match="outside of an activity"):
        activity.context()


async def test_other_base_exceptions_propagate(server: Any, pack: Any) -> None:
    class Urgent(BaseException):
        pass

    def raises() -> None:
        raise Urgent

    with pytest.raises(Urgent):
        await _worker(server, raises)._run_activity_task(_task(pack, "raises"))
    assert server.count("fail_activity_task") == 0


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_worker_outlives_other_base_exceptions_and_reports_them(
    server: Any, pack: Any, in_thread: bool
) -> None:
    class Urgent(BaseException):
        pass

    async def on_the_loop() -> None:
        raise Urgent("now")

    def in_a_thread() -> None:
        raise Urgent("now")

    function = in_a_thread if in_thread else on_the_loop
    server.put("activity", _task(pack, function.__name__))
    worker = _worker(server, function)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("fail_activity_task"))
    assert not running.done()
    await worker.stop()
    await running
    failure = _failure(server)
    assert (failure["message"], failure["failure_type"]) == ("now", "Urgent")
    assert failure["non_retryable"] is False


@pytest.mark.parametrize("error", [GeneratorExit("out"), KeyboardInterrupt("out")])
async def test_a_worker_outlives_what_a_thread_ends_by(
    server: Any, pack: Any, error: BaseException
) -> None:
    def in_a_thread() -> None:
        raise error

    server.put("activity", _task(pack, "in_a_thread"))
    worker = _worker(server, in_a_thread)
    running = asyncio.create_task(worker.run())
    await server.until(lambda: server.count("fail_activity_task"))
    assert not running.done()
    await worker.stop()
    await running
    failure = _failure(server)
    assert (failure["message"], failure["failure_type"]) == ("out", type(error).__name__)
    assert "in_a_thread" in failure["stack_trace"]


async def test_an_activity_whose_own_wait_was_cancelled_has_failed(server: Any, pack: Any) -> None:
    async def cancels_itself() -> None:
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        waiting.cancel()
        await waiting

    worker = _worker(server, cancels_itself)
    assert await worker._run_activity_task(_task(pack, "cancels_itself")) == "failed"
    assert _failure(server)["failure_type"] == "CancelledError"


@pytest.mark.parametrize("in_thread", [False, True])
async def test_context_and_context_variables_hold_inside(
    server: Any, pack: Any, in_thread: bool
) -> None:
    def look() -> list[Any]:
        info = activity.context().info
        return [
            info.task_id,
            info.activity_type,
            info.activity_attempt_id,
            info.attempt_number,
            info.task_queue,
            _request.get(),
        ]

    async def look_on_the_loop() -> list[Any]:
        return look()

    _request.set("r-1")
    function = look if in_thread else look_on_the_loop
    await _worker(server, function)._run_activity_task(_task(pack, function.__name__))
    (sent,) = server.calls["complete_activity_task"]
    assert sent["result"] == ["t", function.__name__, "at", 2, "q", "r-1"]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_heartbeats_may_ask_to_stop(server: Any, pack: Any, in_thread: bool) -> None:
    answers = itertools.chain([{}], itertools.repeat({"cancel_requested": True}))
    server.on["heartbeat_activity_task"] = lambda **_: next(answers)

    def in_a_thread() -> None:
        for step in range(5):
            activity.context().heartbeat_sync({"step": step})

    async def on_the_loop() -> None:
        for step in range(5):
            await activity.context().heartbeat({"step": step})

    function = in_a_thread if in_thread else on_the_loop
    worker = _worker(server, function)
    assert await worker._run_activity_task(_task(pack, function.__name__)) == "cancelled"
    assert [c["details"] for c in server.calls["heartbeat_activity_task"]] == [
        {"step": 0},
        {"step": 1},
    ]
    assert server.calls["heartbeat_activity_task"][0]["lease_owner"] == worker.worker_id


# --- reports that fail --------------------------------------------------------------------


async def test_a_result_that_cannot_be_encoded_fails_for_good(server: Any, pack: Any) -> None:
    async def returns_an_object() -> list[object]:
        return [object()]

    worker = _worker(server, returns_an_object)
    outcome = await worker._run_activity_task(_task(pack, "returns_an_object"))
    assert outcome == "complete_error"
    failure = _failure(server)
    assert failure["message"].startswith("activity result cannot be encoded: ")
    assert "of activity 'returns_an_object'" in failure["message"]
    assert "at result[0]" in failure["message"]
    assert (failure["failure_type"], failure["non_retryable"]) == ("TypeError", True)


async def test_a_result_that_is_refused_fails_for_good(server: Any, pack: Any) -> None:
    def refuse(**_: Any) -> None:
        raise InvalidArgument("too large")

    server.on["complete_activity_task"] = refuse
    worker = _worker(server, double)
    assert await worker._run_activity_task(_task(pack, "double", 1)) == "complete_error"
    assert _failure(server)["message"] == "activity result was refused: too large"


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (RuntimeError("odd"), 1),
        (ServerError(409, {"reason": "stale_attempt"}), 1),
        (ServerError(500, {}), 3),
    ],
    ids=str,
)
async def test_a_completion_that_fails_is_logged_only(
    server: Any, pack: Any, error: Exception, calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    server.on["complete_activity_task"] = refuse
    worker = _worker(server, double)
    assert await worker._run_activity_task(_task(pack, "double", 1)) == "complete_error"
    assert server.count("complete_activity_task") == calls
    assert server.count("fail_activity_task") == 0
    assert "completion of activity double (task t) failed" in caplog.text


async def test_a_completion_waits_for_a_server_that_restarts(server: Any, pack: Any) -> None:
    tries = itertools.count(1)

    def refuse(**_: Any) -> None:
        if next(tries) <= 3:
            raise ConnectionRefusedError

    server.on["complete_activity_task"] = refuse
    worker = _worker(server, double)
    assert await worker._run_activity_task(_task(pack, "double", 1)) == "complete_error"
    worker._reporter.patient = True
    tries = itertools.count(1)
    assert await worker._run_activity_task(_task(pack, "double", 1)) == "completed"


# --- around it ----------------------------------------------------------------------------


async def test_an_interceptor_sees_and_changes_arguments_and_result(server: Any, pack: Any) -> None:
    class Adding(PassthroughWorkerInterceptor):
        async def execute_activity(self, context: Any, next: Any) -> Any:
            from dataclasses import replace

            assert context.activity_type == "double"
            return await next(replace(context, args=(context.args[0] + 1,))) + 1000

    worker = _worker(server, double, interceptors=[Adding()])
    await worker._run_activity_task(_task(pack, "double", 1))
    assert server.calls["complete_activity_task"][0]["result"] == 1004


async def test_an_error_of_an_interceptor_is_the_activitys(server: Any, pack: Any) -> None:
    class Refusing(PassthroughWorkerInterceptor):
        async def execute_activity(self, context: Any, next: Any) -> Any:
            raise NonRetryableError("policy")

    worker = _worker(server, double, interceptors=[Refusing()])
    assert await worker._run_activity_task(_task(pack, "double", 1)) == "failed_non_retryable"
    assert _failure(server)["message"] == "policy"


async def test_outcomes_are_counted(server: Any, pack: Any) -> None:
    metrics = InMemoryMetrics()
    worker = _worker(server, double, metrics=metrics)
    await worker._run_activity_task(_task(pack, "double", 1))
    await worker._run_activity_task(_task(pack, "double", "x", 3))
    for outcome in ("completed", "failed"):
        tags = {"task_kind": "activity", "task_queue": "q", "outcome": outcome}
        assert metrics.counter_value(WORKER_TASKS, tags) == 1


async def test_storage_is_passed_where_driver_and_threshold_are_configured(
    server: Any, pack: Any, tmp_path: Any
) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    for options in (
        {"external_storage": storage},
        {"external_storage": storage, "external_storage_threshold_bytes": 5},
    ):
        await _worker(server, double, **options)._run_activity_task(_task(pack, "double", 1))
    first, second = server.calls["complete_activity_task"]
    assert "external_storage" not in first
    assert second["external_storage"] is storage
    assert second["external_storage_threshold_bytes"] == 5


async def test_a_slot_is_free_only_when_the_thread_has_ended(server: Any, pack: Any) -> None:
    started, release = threading.Event(), threading.Event()

    def blocks() -> None:
        started.set()
        release.wait(10)

    class Impatient(PassthroughWorkerInterceptor):
        async def execute_activity(self, context: Any, next: Any) -> Any:
            call = asyncio.ensure_future(next(context))
            await asyncio.to_thread(started.wait, 10)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            raise TimeoutError("too slow")

    worker = _worker(server, blocks, interceptors=[Impatient()], max_concurrent_activity_tasks=1)
    await worker._act_semaphore.acquire()
    await worker._dispatch_activity_task(_task(pack, "blocks"))
    assert _failure(server)["message"] == "too slow"
    assert worker._act_semaphore.locked()
    release.set()
    async with asyncio.timeout(5):
        await worker._act_semaphore.acquire()


async def test_a_blocking_activity_does_not_stop_the_loop(server: Any, pack: Any) -> None:
    release = threading.Event()

    def blocks() -> str:
        release.wait(10)
        return "released"

    worker = _worker(server, blocks, double)
    running = asyncio.create_task(worker.run())
    server.put("activity", _task(pack, "blocks"))
    server.put("activity", _task(pack, "double", 2, task_id="u"))
    await server.until(lambda: server.count("complete_activity_task") == 1)
    release.set()
    await server.until(lambda: server.count("complete_activity_task") == 2)
    await worker.stop()
    await running
