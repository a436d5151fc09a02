"""What the log says of activities."""

# pyright: reportPrivateUsage=false
import logging
import traceback
from typing import Any

import pytest

from durable_workflow.errors import ActivityCancelled, NonRetryableError, ServerError
from durable_workflow.worker import Worker


def _task(pack: Any, activity_type: str, *args: Any, **changes: Any) -> dict[str, Any]:
    return {
        "task_id": "t",
        "activity_attempt_id": "at",
        "activity_type": activity_type,
        "payload_codec": "avro",
        "arguments": pack(list(args)),
    } | changes


class CardDeclined(NonRetryableError):
    pass


async def test_a_result_is_logged_for_debugging_only_and_not_all_of_a_long_one(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def say(word: str, times: int) -> str:
        return word * times

    worker = Worker(server, task_queue="q", activities=[say])
    caplog.set_level(logging.INFO, logger="durable_workflow.worker")
    await worker._run_activity_task(_task(pack, "say", "secret", 1))
    assert "completing activity say (task t)" in caplog.messages
    assert "secret" not in caplog.text
    caplog.set_level(logging.DEBUG, logger="durable_workflow.worker")
    await worker._run_activity_task(_task(pack, "say", "short", 1))
    assert "result of activity say (task t): 'short'" in caplog.messages
    await worker._run_activity_task(_task(pack, "say", "long", 100_000))
    assert all(len(message) < 2100 for message in caplog.messages)


POLICY: dict[str, Any] = {
    "max_attempts": 3, "backoff_seconds": [1, 4], "non_retryable_error_types": ["KeyError"],
}  # fmt: skip
OF_A_RUN = {"workflow_id": "order-1", "run_id": "r-1", "retry_policy": POLICY}


@pytest.mark.parametrize(
    ("attempt", "error", "level", "says"),
    [
        (
            1,
            ValueError("no"),
            logging.WARNING,
            "failed, attempt 1 of 3, next in 1 s: ValueError: no",
        ),
        (
            2,
            ValueError("no"),
            logging.WARNING,
            "failed, attempt 2 of 3, next in 4 s: ValueError: no",
        ),
        (3, ValueError("no"), logging.ERROR, "failed, attempt 3 of 3, not tried again"),
        (1, KeyError("no"), logging.ERROR, "failed, attempt 1 of 3, not tried again"),
        (1, CardDeclined("no"), logging.ERROR, "failed, attempt 1 of 3, not tried again"),
    ],
)
async def test_a_failed_attempt_is_one_line_and_the_last_has_a_traceback(
    server: Any,
    pack: Any,
    caplog: pytest.LogCaptureFixture,
    attempt: int,
    error: Exception,
    level: int,
    says: str,
) -> None:
    async def charge() -> None:
        raise error

    task = _task(pack, "charge", attempt_number=attempt, **OF_A_RUN)
    worker = Worker(server, task_queue="q", activities=[charge])
    await worker._run_activity_task(task)
    [line] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.levelno == level
    about = "activity charge of workflow order-1, run r-1"
    assert line.getMessage() == f"{about} {says}"
    assert bool(line.exc_info) is (level == logging.ERROR)


def decline() -> None:
    raise CardDeclined("no funds")


def in_a_thread() -> None:
    decline()


async def on_the_loop() -> None:
    decline()


@pytest.mark.parametrize("function", [in_a_thread, on_the_loop])
async def test_tracebacks_begin_with_the_activitys_own_code(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture, function: Any
) -> None:
    worker = Worker(server, task_queue="q", activities=[function])
    await worker._run_activity_task(_task(pack, function.__name__))
    [line] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.exc_info is not None
    logged = traceback.extract_tb(line.exc_info[2])
    assert [frame.name for frame in logged] == [function.__name__, "decline"]
    [sent] = server.calls["fail_activity_task"]
    _, first, *_ = sent["stack_trace"].splitlines()
    assert f"in {function.__name__}" in first
    assert sent["stack_trace"].endswith("CardDeclined: no funds\n")


async def test_an_activity_without_a_policy_says_what_would_try_it_again(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def charge() -> None:
        raise ValueError("no")

    worker = Worker(server, task_queue="q", activities=[charge])
    await worker._run_activity_task(_task(pack, "charge"))
    [line] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.getMessage().endswith(
        "failed, attempt 1 of 1, not tried again: a retry_policy with max_attempts would"
    )


async def test_an_attempt_after_one_that_lost_its_worker_is_numbered_among_all(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def charge() -> None:
        raise ValueError("no")

    worker = Worker(server, task_queue="q", activities=[charge])
    await worker._run_activity_task(_task(pack, "charge", attempt_number=2, redeliveries=1))
    [line] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "failed, attempt 2 of 2, not tried again" in line.getMessage()


@pytest.mark.parametrize("reason", ["run_cancelled", "run_terminated", "run_closed"])
@pytest.mark.parametrize("ending", ["fail", "complete"])
async def test_that_the_run_of_a_report_has_ended_is_no_warning(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture, ending: str, reason: str
) -> None:
    def refuse(**_: Any) -> None:
        raise ServerError(409, {"reason": reason, "message": "The run is over."})

    async def stop() -> None:
        if ending == "fail":
            raise ActivityCancelled

    server.on[f"{ending}_activity_task"] = refuse
    caplog.set_level(logging.INFO, "durable_workflow.worker")
    worker = Worker(server, task_queue="q", activities=[stop])
    await worker._run_activity_task(_task(pack, "stop", **OF_A_RUN))
    line = caplog.records[-1]
    assert line.levelno == logging.INFO
    assert line.getMessage().startswith(
        "activity stop of workflow order-1, run r-1 is over, its run has ended: "
    )
    assert server.count("fail_activity_task") == (ending == "fail")
