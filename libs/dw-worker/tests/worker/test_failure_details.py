"""Details of failures, as a worker reports them."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
import logging
from datetime import date
from typing import Any

import pytest

from durable_workflow.errors import ApplicationError, InvalidArgument, NonRetryableError
from durable_workflow.worker import Worker


def _task(pack: Any, activity_type: str) -> dict[str, Any]:
    return {
        "task_id": "t",
        "activity_attempt_id": "at",
        "activity_type": activity_type,
        "payload_codec": "avro",
        "arguments": pack([]),
    }


async def refused() -> None:
    raise NonRetryableError("no", details={"until": date(2026, 5, 1)})


async def typed() -> None:
    raise ApplicationError("no", type="Refused", non_retryable=True, cause=KeyError("k"))


async def foreign() -> None:
    raise ApplicationError("no", details=object())


async def test_details_are_handed_to_the_client(server: Any, pack: Any) -> None:
    worker = Worker(server, task_queue="q", activities=[refused])
    assert await worker._run_activity_task(_task(pack, "refused")) == "failed_non_retryable"
    (failure,) = server.calls["fail_activity_task"]
    assert failure["details"] == {"until": date(2026, 5, 1)}
    assert failure["activity_name"] == "refused"


async def test_an_error_has_the_type_that_it_gives_itself(server: Any, pack: Any) -> None:
    worker = Worker(server, task_queue="q", activities=[typed])
    assert await worker._run_activity_task(_task(pack, "typed")) == "failed_non_retryable"
    (failure,) = server.calls["fail_activity_task"]
    assert (failure["failure_type"], failure["non_retryable"]) == ("Refused", True)
    assert "KeyError" in failure["stack_trace"]
    assert "details" not in failure


async def test_details_that_cannot_be_encoded_are_left_out(
    server: Any, pack: Any, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(server, task_queue="q", activities=[foreign])
    assert await worker._run_activity_task(_task(pack, "foreign")) == "failed"
    (failure,) = server.calls["fail_activity_task"]
    assert "details" not in failure
    (warning,) = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and "details" in record.getMessage()
    ]
    assert "activity failure details of activity 'foreign'" in warning


async def test_details_that_are_refused_are_left_out_of_a_second_report(
    server: Any, pack: Any
) -> None:
    def refuse(**arguments: Any) -> None:
        if "details" in arguments:
            raise InvalidArgument("too large")

    server.on["fail_activity_task"] = refuse
    worker = Worker(server, task_queue="q", activities=[refused])
    assert await worker._run_activity_task(_task(pack, "refused")) == "failed_non_retryable"
    first, second = server.calls["fail_activity_task"]
    assert "details" in first
    assert "details" not in second
    assert second["message"] == "no"
