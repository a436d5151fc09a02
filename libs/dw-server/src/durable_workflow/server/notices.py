"""What a committed unit of work tells the rest of the process.

Notices wake long polls and the clock. They are hints: losing one costs time, never correctness,
because whoever is woken looks into the store.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

TaskKind: TypeAlias = Literal["workflow", "activity", "query"]


class TaskReady(msgspec.Struct, frozen=True):
    """A task can be claimed now."""

    kind: TaskKind
    namespace: str
    task_queue: str


class DueAt(msgspec.Struct, frozen=True):
    """Something falls due: a timer, a delayed task, a deadline, a lease."""

    at: int  # microseconds since 1970 UTC


class RunProgressed(msgspec.Struct, frozen=True):
    """Events were appended to a run, or it closed."""

    run_id: str
    closed: bool


class WorkerChallenged(msgspec.Struct, frozen=True):
    """Several sessions are under a worker id: each should send its next heartbeat now."""

    namespace: str
    worker_id: str


class WorkerGone(msgspec.Struct, frozen=True):
    """A session of a worker ended, or began anew: what it was asked it may never answer."""

    namespace: str
    worker_id: str
    session: str


Notice: TypeAlias = TaskReady | DueAt | RunProgressed | WorkerChallenged | WorkerGone
