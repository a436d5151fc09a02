"""A placement with a queue in memory for the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import msgspec
import pytest

from durable_workflow.server.dispatch import TaskKey
from durable_workflow.server.dispatch.placement import Placement
from durable_workflow.server.dispatch.streams import Stream, Streams
from durable_workflow.server.dispatch.waiters import Line, Waiter
from durable_workflow.server.notices import (
    Notice,
    ReadyTask,
    TaskKind,
    TaskReady,
)
from durable_workflow.server.store.errors import StoreError

TX = cast("Any", None)
KEY = TaskKey("workflow", "default", "q")


class Worker(msgspec.Struct, frozen=True):
    worker_id: str
    session: str = "s"
    namespace: str = "default"
    task_queue: str = "q"
    build_id: str | None = None
    workflow_types: list[str] = []
    activity_types: list[str] = []
    draining: int = 0


class Sink:
    """A connection that notes what it is given."""

    def __init__(self) -> None:
        self.pushed: list[str] = []
        self.cancelled: list[tuple[str, str]] = []
        self.closed: list[int] = []
        self.clogged = False

    def push(self, kind: TaskKind, task: Mapping[str, Any]) -> None:
        self.pushed.append(task["task_id"])

    def cancel(self, kind: TaskKind, task_id: str, reason: str) -> None:
        self.cancelled.append((task_id, reason))

    def is_clogged(self) -> bool:
        return self.clogged

    def probe(self) -> None: ...

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)


class Scene:
    """A placement over tasks that are in a list, the oldest first."""

    def __init__(self) -> None:
        self.tasks: dict[TaskKind, list[ReadyTask]] = {"workflow": [], "activity": []}
        self.claims: list[tuple[str, str | None]] = []
        # Whom each claim of what waited was for, where several tasks can be claimed at once.
        self.claims_of_waiting: list[list[str]] = []
        # Tasks whose run is ended by their claim.
        self.lost: set[str] = set()
        self.busy: list[Collection[str]] = []
        self.fails_at = 0  # which claim fails
        self.empty_units = 0
        self.now = 1000.0  # of the clock
        self.streams = Streams()
        self.line = Line()
        self.placement = Placement(
            self.streams,
            {KEY: self.line},
            {kind: self._claimer(kind) for kind in self.tasks},
            self._run_empty_unit,
            {"activity": self._claim_waiting},
            clock=lambda: self.now,
        )

    def stream(
        self, worker_id: str, slots: int = 10, *, names_claims: bool = False, **worker: Any
    ) -> Stream:
        given: dict[TaskKind, int] = {"workflow": slots, "activity": slots, "query": 0}
        of = Worker(worker_id, session=worker_id, **worker)
        stream = Stream(of, given, Sink(), names_claims=names_claims)
        self.streams.add(stream)
        self.placement.look_for(stream)
        self.unit()  # it looks for what may have waited
        self.claims.clear()
        return stream

    def poll(self, worker_id: str, **worker: Any) -> Waiter:
        return self.line.enter(Worker(worker_id, **worker))

    def unit(self, *tasks: ReadyTask, kind: TaskKind = "workflow") -> list[Notice]:
        """A unit that makes tasks ready, and commits."""
        left = self.uncommitted(*tasks, kind=kind)
        self.placement.publish(left)
        return left

    def uncommitted(self, *tasks: ReadyTask, kind: TaskKind = "workflow") -> list[Notice]:
        self.tasks[kind] += tasks
        ready = [TaskReady(kind, "default", "q", task) for task in tasks]
        return self.placement.place(TX, ready)

    def roll_back(self, left: Sequence[Notice], *tasks: ReadyTask) -> None:
        for task in tasks:
            if task in self.tasks["workflow"]:
                self.tasks["workflow"].remove(task)
        self.placement.revoke(left)

    async def _run_empty_unit(self) -> None:
        self.empty_units += 1
        await asyncio.sleep(0)
        self.unit()

    def _claim_waiting(self, tx: Any, workers: Sequence[Worker]) -> list[dict[str, Any] | None]:
        self.claims_of_waiting.append([worker.worker_id for worker in workers])
        claim = self._claimer("activity")
        found = [claim(tx, worker, None, tuple, False) for worker in workers]
        return [
            None if task["task_id"] in self.lost else task for task in found if task is not None
        ]

    def _claimer(self, kind: TaskKind) -> Any:
        attempt = {"workflow": "workflow_task_attempt", "activity": "activity_attempt_id"}[kind]

        def claim(
            _: Any,
            worker: Worker,
            task_id: str | None,
            busy: Callable[[], Collection[str]],
            names_claims: bool,
        ) -> dict[str, Any] | None:
            self.claims.append((worker.worker_id, task_id))
            self.busy.append(busy())
            if len(self.claims) == self.fails_at:
                raise StoreError("the disk is full")
            types = worker.workflow_types if kind == "workflow" else worker.activity_types
            for task in self.tasks[kind]:
                if task_id in (None, task.task_id) and (not types or task.type in types):
                    self.tasks[kind].remove(task)
                    claim = {"claim": f"c-{task.task_id}"} if names_claims else {}
                    number = 1 if kind == "workflow" else "a"
                    return {"task_id": task.task_id, attempt: number, **claim}
            return None

        return claim


@pytest.fixture
async def scene() -> Scene:
    return Scene()


def task(number: object, type_: str = "flow", **more: Any) -> ReadyTask:
    return ReadyTask(f"t{number}", type_, **more)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


def pushed(stream: Stream) -> list[str]:
    assert isinstance(stream.sink, Sink)
    return stream.sink.pushed
