"""What activities raise with `details=`: in the workflow, in history and in descriptions."""

# pyright: reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import (
    ActivityFailed,
    ActivityRetryPolicy,
    ApplicationError,
    NonRetryableError,
    activity,
    serializer,
    workflow,
)
from durable_workflow.errors import WorkflowFailed
from durable_workflow.external_storage import LocalFilesystemExternalStorage
from durable_workflow.testing import WorkflowEnvironment
from integration.harness.waiting import eventually
from integration.language.scene import QUEUE, Scene, payloads_of

POLICY = ActivityRetryPolicy(
    max_attempts=3, backoff_seconds=[0], non_retryable_error_types=["Refused"]
)
REASON = {"code": 51, "until": date(2026, 5, 1)}
PLAIN = {"code": 51, "until": "2026-05-01"}


@activity.defn(name="raise-details")
async def raise_details(how: str) -> None:
    match how:
        case "never":
            raise NonRetryableError("refused", details=REASON)
        case "by type":
            raise ApplicationError("refused", type="Refused", details=REASON)
        case "by flag":
            raise ApplicationError("refused", non_retryable=True, details=REASON)
        case "large":
            raise NonRetryableError("refused", details={"text": "x" * 5000})
        case "foreign":
            raise NonRetryableError("refused", details=[object()])
        case _:
            raise ApplicationError("again", details={"how": how})


@workflow.defn(name="details")
class Details:
    def run(self, ctx: Any, how: str) -> Any:
        try:
            yield ctx.schedule_activity("raise-details", [how], retry_policy=POLICY)
        except ActivityFailed as error:
            if how == "large":
                return len(error.details["text"])
            return [str(error), error.exception_type, error.non_retryable, error.details]


ACTIVITIES: list[Callable[..., Any]] = [raise_details]
CASES = [
    ("never", ["refused", "NonRetryableError", True, PLAIN], 1),
    ("by type", ["refused", "Refused", False, PLAIN], 1),
    ("by flag", ["refused", "ApplicationError", True, PLAIN], 1),
    ("retried", ["again", "ApplicationError", False, {"how": "retried"}], 3),
    ("foreign", ["refused", "NonRetryableError", True, None], 1),
]


@pytest.mark.parametrize(("how", "expected", "attempts"), CASES)
async def test_details_reach_the_workflow_and_history(
    scene: Scene, how: str, expected: list[Any], attempts: int
) -> None:
    async with scene.working(Details, activities=ACTIVITIES):
        handle = await scene.start("details", how)
        assert await scene.result(handle) == expected
    history = await scene.history(handle)
    (failed,) = payloads_of(history, "ActivityFailed")
    retried = payloads_of(history, "ActivityRetryScheduled")
    assert len(retried) == attempts - 1
    for payload in (failed, *retried):
        exception = payload["exception"]
        if expected[3] is None:
            assert "details" not in exception
        else:
            codec = exception["details_payload_codec"]
            assert serializer.decode(exception["details"], codec) == expected[3]


async def test_large_details_are_offloaded(scene: Scene, tmp_path: Path) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path / "payloads")
    async with scene.working(
        Details,
        activities=ACTIVITIES,
        external_storage=storage,
        external_storage_threshold_bytes=1000,
    ):
        handle = await scene.start("details", "large")
        assert await handle.result(timeout=20) == 5000
    (failed,) = payloads_of(await scene.history(handle), "ActivityFailed")
    assert failed["exception"]["details"].keys() == {"codec", "external_storage"}


async def test_the_description_of_a_standalone_activity_has_them(scene: Scene) -> None:
    async with scene.working(activities=ACTIVITIES):
        handle = await scene.client.start_activity(
            activity_type="raise-details", task_queue=QUEUE, input=["never"]
        )
        with pytest.raises(WorkflowFailed, match="refused"):
            await handle.result(timeout=20)
    seen = await eventually(
        lambda: scene.get(f"/api/workflows/{handle.activity_id}"), lambda seen: "failure" in seen
    )
    failure = seen["failure"]
    codec = failure["details_payload_codec"]
    assert serializer.decode(failure["details"], codec) == PLAIN


@pytest.mark.parametrize(("how", "expected", "attempts"), CASES[:-1])
def test_the_test_environment_does_alike(how: str, expected: list[Any], attempts: int) -> None:
    env = WorkflowEnvironment()
    env.register_activities(*ACTIVITIES)
    assert env.execute_workflow(Details, how) == expected
