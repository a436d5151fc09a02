"""What a committed unit of work tells the rest of the process.

Notices wake long polls and the timer service. They are hints: a lost one costs time and never
correctness, because whoever is woken reads the store.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

TaskKind: TypeAlias = Literal["workflow", "activity", "query"]


class ReadyTask(msgspec.Struct, frozen=True):
    """What decides who may have a ready task.

    Attributes:
        type: Of the workflow or the activity.
        build_id: The build that its run is pinned to; None for any.
        keeper: The worker that it is offered to first, while it is.
        near: The worker that keeps the machine of the run which waits for this activity alone: it
            can decide what follows as soon as it has the result.
    """

    task_id: str
    type: str
    build_id: str | None = None
    keeper: str | None = None
    near: str | None = None


class TaskReady(msgspec.Struct, frozen=True):
    """A task can be claimed now.

    Attributes:
        task: Which one; None where there are several, or that is not known.
    """

    kind: TaskKind
    namespace: str
    task_queue: str
    task: ReadyTask | None = None


class TaskOffered(msgspec.Struct):
    """A task was claimed for a stream in the unit that made it ready: now it may be sent.

    Attributes:
        stream: The stream, which dispatch knows.
        task: What a poll would have been answered.
        has_left: It was sent before its commit.
    """

    kind: TaskKind
    stream: object
    task_id: str
    attempt: int | str
    task: dict[str, Any]
    has_left: bool = False


class TaskDropped(msgspec.Struct, frozen=True):
    """An attempt of an activity is over without its worker's knowing: it should stop.

    Attributes:
        reason: What a heartbeat of the attempt would be told.
    """

    task_id: str
    attempt: str
    reason: str


class PollWoken(msgspec.Struct, frozen=True):
    """A held poll was woken for a task, before its commit: a unit that claims it may follow."""


class DueAt(msgspec.Struct, frozen=True):
    """Something falls due: a timer, a delayed task, a deadline, a lease."""

    at: int  # microseconds since 1970 UTC


class RunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: what is told to those who wait for no more than that.

    Attributes:
        output: Envelope of what it returned.
        failure: Why it did not return, as a description shows it.
        continued_to_run_id: The next run of its chain, where it continued as new.
    """

    workflow_id: str
    run_id: str
    workflow_type: str
    status: str
    closed_reason: str | None
    codec: str
    output: Any = None
    failure: dict[str, Any] | None = None
    continued_to_run_id: str | None = None


class RunProgressed(msgspec.Struct, frozen=True):
    """Events were appended to a run, or it closed.

    Attributes:
        end: How it ended, in the notice of the unit that closed it.
    """

    run_id: str
    closed: bool
    end: RunEnd | None = None


class RunRemoved(msgspec.Struct, frozen=True):
    """Nobody finds a run any more."""

    run_id: str


class RunAwaited(msgspec.Struct, frozen=True):
    """A run began whose end its caller waits for.

    It is published before every notice about the run's end, so that end cannot be missed.

    Attributes:
        waiter: The caller's, which dispatch knows.
    """

    run_id: str
    waiter: object


class WorkerChallenged(msgspec.Struct, frozen=True):
    """Several sessions are under a worker id: each should send its next heartbeat now."""

    namespace: str
    worker_id: str


class WorkerGone(msgspec.Struct, frozen=True):
    """A session of a worker ended, or began anew: what it was asked it may never answer."""

    namespace: str
    worker_id: str
    session: str


class NamespaceGone(msgspec.Struct, frozen=True):
    """A namespace is being deleted: nobody finds it any more."""

    namespace: str


class WorkersChanged(msgspec.Struct, frozen=True):
    """Who may have tasks of a queue is not who it was: a build was drained, a worker taken out."""

    namespace: str
    task_queue: str


class DispatchThrottled(msgspec.Struct, frozen=True):
    """A budget of a queue is used up.

    Attributes:
        seconds: After how long it is there again; None where that is when a lease ends.
    """

    kind: TaskKind
    namespace: str
    task_queue: str
    seconds: float | None


class LeaseEnded(msgspec.Struct, frozen=True):
    """A lease that counts for a budget has ended: others of the namespace may have its place."""

    kind: TaskKind
    namespace: str


Notice: TypeAlias = (
    TaskReady
    | TaskOffered
    | TaskDropped
    | PollWoken
    | DueAt
    | RunProgressed
    | RunRemoved
    | RunAwaited
    | WorkerChallenged
    | WorkerGone
    | NamespaceGone
    | WorkersChanged
    | DispatchThrottled
    | LeaseEnded
)
