"""Every value of the tags that a worker's metrics have, by what brings it about."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from durable_workflow import activity, workflow
from durable_workflow.errors import NonRetryableError, ServerError
from durable_workflow.metrics import (
    WORKER_POLL_DURATION_SECONDS,
    WORKER_POLLS,
    WORKER_TASK_DURATION_SECONDS,
    WORKER_TASKS,
    InMemoryMetrics,
    MetricTags,
)
from durable_workflow.worker import Worker


@workflow.defn(name="flow")
class Flow:
    def run(self, ctx: Any, what: str = "") -> Any:
        return object() if what == "an object" else None

    @workflow.query("ask")
    def ask(self, what: str = "") -> Any:
        if what == "raise":
            raise LookupError("no such thing")
        return None


def double(number: int) -> int:
    return 2 * number


def final() -> None:
    raise NonRetryableError("for good")


async def beating() -> None:
    await activity.context().heartbeat({})


async def odd() -> object:
    return object()


ACTIVITIES: list[Callable[..., Any]] = [double, final, beating, odd]


def refuse(error: Exception) -> Callable[..., None]:
    def refusing(**_: Any) -> None:
        raise error

    return refusing


ENDED = refuse(ServerError(409, {"reason": "lease_expired"}))
NOT_OURS = refuse(ServerError(409, {"reason": "lease_owner_mismatch"}))
STOP: Callable[..., Any] = lambda **_: {"cancel_requested": True}  # noqa: E731
# Kind, outcome, what the task asks for, and what the server answers.
TASKS: list[tuple[str, str, dict[str, Any], dict[str, Callable[..., Any]]]] = [
    ("workflow", "completed", {"workflow_type": "flow"}, {}),
    ("workflow", "failed", {"workflow_type": "nobody"}, {}),
    ("workflow", "error", {"workflow_type": "flow", "arguments": ["an object"]}, {}),
    ("activity", "completed", {"activity_type": "double", "arguments": [1]}, {}),
    ("activity", "failed", {"activity_type": "double", "arguments": [1, 2]}, {}),
    ("activity", "failed_non_retryable", {"activity_type": "final"}, {}),
    ("activity", "cancelled", {"activity_type": "beating"}, {"heartbeat_activity_task": STOP}),
    ("activity", "decode_error", {"activity_type": "double", "payload_codec": "php"}, {}),
    ("activity", "no_handler", {"activity_type": "nobody"}, {}),
    ("activity", "complete_error", {"activity_type": "odd"}, {}),
    ("activity", "error", {"task_id": None}, {}),
    ("query", "completed", {"query_name": "ask"}, {}),
    ("query", "failed", {"query_name": "ask", "query_arguments": ["raise"]}, {}),
    ("query", "expired", {"query_name": "ask"}, {"complete_query_task": ENDED}),
    ("query", "error", {"query_task_id": None}, {}),
]


def task_of(kind: str, pack: Callable[[Any], Any], asked: dict[str, Any]) -> dict[str, Any]:
    event = {"sequence": 1, "event_type": "WorkflowStarted", "payload": {"clock": "event"}}
    of_a_run = {"workflow_id": "wf", "run_id": "run", "history_events": [event]}
    common: dict[str, dict[str, Any]] = {
        "workflow": {"task_id": "t", "workflow_task_attempt": 1, "arguments": [], **of_a_run},
        "activity": {
            "task_id": "t",
            "activity_attempt_id": "at",
            "attempt_number": 1,
            "arguments": [],
        },
        "query": {
            "query_task_id": "t",
            "query_task_attempt": 1,
            "workflow_type": "flow",
            "workflow_arguments": pack([]),
            "query_arguments": [],
            "last_history_sequence": 1,
            **of_a_run,
        },
    }
    task = {"payload_codec": "avro", **common[kind], **asked}
    name = "query_arguments" if kind == "query" else "arguments"
    return {**task, name: pack(task[name])}


@pytest.mark.parametrize(("kind", "outcome", "asked", "answers"), TASKS)
async def test_each_outcome_of_a_task_is_counted_once_with_its_duration(
    server: Any,
    pack: Any,
    kind: str,
    outcome: str,
    asked: dict[str, Any],
    answers: dict[str, Callable[..., Any]],
) -> None:
    metrics = InMemoryMetrics()
    worker = Worker(
        server, task_queue="q", workflows=[Flow], activities=ACTIVITIES, metrics=metrics
    )
    server.on |= answers
    run = getattr(worker, f"_run_{kind}_task")
    with suppress(Exception):  # of a task that cannot be read
        await run(task_of(kind, pack, asked))
    tags = {"task_kind": kind, "task_queue": "q", "outcome": outcome}
    key = tuple(sorted(tags.items()))
    assert metrics.counters == {(WORKER_TASKS, key): 1.0}
    assert list(metrics.histograms) == [(WORKER_TASK_DURATION_SECONDS, key)]
    assert len(metrics.observations(WORKER_TASK_DURATION_SECONDS, tags)) == 1


class SeenPolls(InMemoryMetrics):
    """Says when a poll has been counted."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = asyncio.Event()

    def record(self, name: str, value: float, tags: MetricTags | None = None) -> None:
        super().record(name, value, tags)
        if name == WORKER_POLL_DURATION_SECONDS:
            self.counted.set()


POLLS: dict[str, Callable[..., Any]] = {
    "task": lambda **_: {"task_id": "t", "query_task_id": "t"},
    "empty": lambda **_: {},
    "error": refuse(ServerError(500, {})),
}


@pytest.mark.parametrize("kind", ["workflow", "activity", "query"])
@pytest.mark.parametrize("outcome", POLLS)
async def test_each_outcome_of_a_poll_is_counted_with_its_duration(
    server: Any, info: Any, kind: str, outcome: str
) -> None:
    server.info = info(query_tasks=True)
    metrics = SeenPolls()
    worker = Worker(
        server, task_queue="q", workflows=[Flow], activities=ACTIVITIES, metrics=metrics
    )
    polls = itertools.count(1)

    async def once(**asked: Any) -> Any:
        if next(polls) > 1:
            await asyncio.Future[None]()
        return POLLS[outcome](**asked)

    server.on[f"poll_{kind}_task"] = once
    running = asyncio.create_task(worker.run())
    tags = {"task_kind": kind, "task_queue": "q", "outcome": outcome}
    await asyncio.wait_for(metrics.counted.wait(), 10)
    await worker.stop()
    await running
    assert metrics.counter_value(WORKER_POLLS, tags) == 1
    assert len(metrics.observations(WORKER_POLL_DURATION_SECONDS, tags)) == 1
    seen = [dict(labels) for name, labels in metrics.counters if name == WORKER_POLLS]
    assert seen == [tags]
