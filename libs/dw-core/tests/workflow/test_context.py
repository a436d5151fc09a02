"""What `ctx` gives to workflow code: vectors of the specification, and how commands are built."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import random
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.workflow import WorkflowContext

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
VECTORS = [
    pytest.param(
        "",
        16406829232824261652,
        ["0d240545-dd7c-40f4-b790-69a1efea6fb9", "046dc412-b667-417a-b64a-635d8d3d70fa"],
        [0.9371709672141619, 0.865173392380259],
        ["019e830e-1a00-7000-bde4-1a68efea6fb9", "019e830e-1a00-7001-8349-0151dd7c00f4"],
        [7, 71, 28],
        id="empty",
    ),
    pytest.param(
        "run-1",
        5649154386500085045,
        ["61149e89-8a80-4e8d-b9e3-6238e7431f0f", "a7f87b85-ea67-4c9a-abed-c1ca04e69401"],
        [0.9033679382959443, 0.5410279361845618],
        ["019e830e-1a00-7000-8e78-d88ee7431f0f", "019e830e-1a00-7001-9845-27a28a80ce8d"],
        [29, 70, 49],
        id="run-1",
    ),
    pytest.param(
        "test-run",
        3795615194748191378,
        ["e6a2167f-6434-472f-8aff-793542328edd", "2dc37967-ddc6-4466-8141-404f006e56cc"],
        [0.25858395206153917, 0.39143319354139827],
        ["019e830e-1a00-7000-a2bf-de4d42328edd", "019e830e-1a00-7001-b9a8-859f6434f72f"],
        [34, 70, 51],
        id="test-run",
    ),
]


def context(run_id: Any = "", now: Any = NOON) -> Any:
    return WorkflowContext(run_id=run_id, current_time=now)


@pytest.mark.parametrize(("run_id", "seed", "uuid4", "randoms", "uuid7", "randint"), VECTORS)
def test_random_vectors(
    run_id: Any, seed: Any, uuid4: Any, randoms: Any, uuid7: Any, randint: Any
) -> None:
    ctx = context(run_id)
    assert [str(ctx.uuid4()) for _ in range(2)] == uuid4
    ctx = context(run_id)
    assert [ctx.random().random() for _ in range(2)] == randoms
    ctx = context(run_id)
    assert [str(ctx.uuid7()) for _ in range(2)] == uuid7
    ctx = context(run_id)
    assert [ctx.random().randint(1, 100) for _ in range(3)] == randint
    assert context(run_id).random().getstate() == random.Random(seed).getstate()


def test_uuid7_golden_of_another_time() -> None:
    ctx = context("run-1", datetime(2026, 1, 1, tzinfo=UTC))
    assert [str(ctx.uuid7()) for _ in range(2)] == [
        "019b76da-a800-7000-8e78-d88ee7431f0f",
        "019b76da-a800-7001-9845-27a28a80ce8d",
    ]


def test_uuids_have_version_and_variant() -> None:
    ctx = context("x")
    assert (ctx.uuid4().version, ctx.uuid7().version) == (4, 7)
    assert ctx.uuid7().variant == uuid.RFC_4122


def test_uuid7_counter_wraps_at_twelve_bits() -> None:
    ctx = context("x")
    first = [ctx.uuid7() for _ in range(4097)]
    assert (first[4095].int >> 64) & 0xFFF == 0xFFF
    assert (first[4096].int >> 64) & 0xFFF == 0


def test_uuid7_of_a_time_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        context("x", datetime(1969, 12, 31, tzinfo=UTC)).uuid7()


def test_uuid7_of_the_last_year_of_all_fits() -> None:
    assert context("x", datetime(9999, 12, 31, tzinfo=UTC)).uuid7().version == 7


def test_uuid7_is_of_the_moment_and_not_of_the_zone() -> None:
    zoned = NOON.astimezone(timezone(timedelta(hours=5)))
    assert context("run-1", zoned).uuid7() == context("run-1").uuid7()


def test_uuid7_takes_a_time_without_a_zone_for_utc() -> None:
    bare = NOON.replace(tzinfo=None)
    assert context("run-1", bare).uuid7() == context("run-1").uuid7()


def test_now_is_fixed_even_without_a_recorded_time() -> None:
    ctx = WorkflowContext()
    assert ctx.now() == ctx.now()
    assert ctx.now().tzinfo is not None


def test_all_random_sources_share_one_generator() -> None:
    ctx = context("run-1")
    ctx.random().random()
    assert str(ctx.uuid4()) != "61149e89-8a80-4e8d-b9e3-6238e7431f0f"


@pytest.mark.parametrize(("seconds", "delay"), [(0.2, 1), (1, 1), (1.0001, 2), (-3, 0), (0, 0)])
def test_sleep_rounds_up_and_is_never_negative(seconds: Any, delay: Any) -> None:
    assert context().sleep(seconds) == workflow.StartTimer(delay)


def test_start_timer_passes_its_value_through() -> None:
    assert context().start_timer(7) == workflow.StartTimer(7)


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, None), (0, 0), (0.1, 1), (2.5, 3), (-1, 0)]
)
def test_wait_timeout_rounds_up(timeout: Any, seconds: Any) -> None:
    wait = context().wait_condition(lambda: True, key="k", timeout=timeout)
    assert (wait.timeout_seconds, wait.condition_key) == (seconds, "k")
    assert wait.condition_definition_fingerprint.startswith("sha256:")


def test_activity_carries_its_options() -> None:
    policy = workflow.ActivityRetryPolicy(max_attempts=2)
    command = context().schedule_activity(
        "a",
        [1],
        queue="q",
        retry_policy=policy,
        start_to_close_timeout=1,
        schedule_to_start_timeout=2,
        schedule_to_close_timeout=3,
        heartbeat_timeout=4,
    )
    assert command == workflow.ScheduleActivity("a", [1], "q", policy, 1, 2, 3, 4)


def test_child_carries_its_options() -> None:
    command = context().start_child_workflow(
        "c",
        [1],
        task_queue="q",
        parent_close_policy="terminate",
        retry_policy={"max_attempts": 2},
        execution_timeout_seconds=9,
        run_timeout_seconds=8,
    )
    assert command == workflow.StartChildWorkflow(
        "c", [1], "q", "terminate", {"max_attempts": 2}, 9, 8
    )
    assert context().start_child_workflow("c").arguments == []


def test_version_markers_say_by_which_call_they_were_made() -> None:
    ctx = context()
    assert ctx.get_version("id", 1, 3) == workflow.RecordVersionMarker("id", 3, 1, 3)
    assert ctx.patched("id") == workflow.RecordVersionMarker("id", 1, -1, 1, "patched")
    assert ctx.deprecate_patch("id").result_kind == "deprecate_patch"


def test_search_attributes_are_copied() -> None:
    attributes = {"a": 1}
    command = context().upsert_search_attributes(attributes)
    attributes["a"] = 2
    assert command.attributes == {"a": 1}


def test_continue_as_new() -> None:
    command = context().continue_as_new(1, 2, workflow_type="t", task_queue="q")
    assert command == workflow.ContinueAsNew("t", [1, 2], "q")


def test_side_effect_is_computed_when_its_value_is_asked_for_and_once() -> None:
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return 7

    command = context().side_effect(compute)
    assert calls == []
    assert command.result == command.result == 7
    assert calls == [1]
    assert command == workflow.RecordSideEffect(7)
    assert repr(command) == "RecordSideEffect(result=7)"
    assert repr(context().side_effect(lambda: 1 // 0)) == "RecordSideEffect(result=...)"
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        command.other  # noqa: B018


def test_logger_outside_of_a_task_is_silent(caplog: Any) -> None:
    ctx = context()
    for level in ("debug", "info", "warning", "error", "exception", "critical"):
        getattr(ctx.logger, level)("hello %s", "you")
    assert caplog.records == []
