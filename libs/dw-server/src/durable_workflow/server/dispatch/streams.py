"""The workers that have a stream, as dispatch sees them: their slots, and what they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol, TypeAlias

from durable_workflow.server.dispatch.takers import Taker, profile_of
from durable_workflow.server.dispatch.waiters import TaskKey
from durable_workflow.server.notices import TaskKind

KINDS: Final[tuple[TaskKind, ...]] = ("workflow", "activity", "query")
# Of those the ones that are in the store.
STORED_KINDS: Final[tuple[TaskKind, ...]] = ("workflow", "activity")

# A task that a worker has: its id, and the attempt.
Held: TypeAlias = tuple[str, int | str]


class Sink(Protocol):
    """The connection behind a stream. Nothing here waits."""

    def push(self, kind: TaskKind, task: Mapping[str, Any]) -> None:
        """Send a task."""
        ...

    def cancel(self, kind: TaskKind, task_id: str, reason: str) -> None:
        """Say that an attempt should stop."""
        ...

    def is_clogged(self) -> bool:
        """Whether so much waits to be read by the peer that it gets no more tasks."""
        ...

    def probe(self) -> None:
        """Ask the worker to show that it is there."""
        ...

    def close(self, code: int, reason: str) -> None:
        """End the connection, once what was sent before has left."""
        ...


class Stream:
    """One stream.

    Attributes:
        worker: Whose it is.
        profiles, keys: What it takes of each kind of tasks, and of which queue.
        slots: How many tasks of each kind it works on at once.
        draining: It gets no new tasks.
        names_claims: Its worker takes workflow tasks that are not committed yet.
    """

    def __init__(
        self,
        worker: Taker,
        slots: Mapping[TaskKind, int],
        sink: Sink,
        *,
        names_claims: bool = False,
    ) -> None:
        self.worker = worker
        self.names_claims = names_claims
        self.slots = dict(slots)
        self.sink = sink
        self.draining = False
        self._has: dict[TaskKind, set[Held]] = {kind: set() for kind in KINDS}
        self._served: dict[TaskKind, int] = dict.fromkeys(KINDS, 0)
        self.learn(worker)

    def learn(self, worker: Taker) -> None:
        """Take what the worker has registered anew."""
        self.worker = worker
        self.profiles = {kind: profile_of(worker, kind) for kind in KINDS}
        self.keys = {kind: TaskKey(kind, worker.namespace, worker.task_queue) for kind in KINDS}

    def credits(self, kind: TaskKind) -> int:
        """How many more tasks of a kind it may be sent."""
        free = self.slots[kind] - len(self._has[kind])
        if free > 0 and (self.draining or self.sink.is_clogged()):
            return 0
        return free

    def is_open(self, kind: TaskKind) -> bool:
        """Whether it can be sent a task of a kind now."""
        return self.credits(kind) > 0 and not self.profiles[kind].draining

    def rank(self, kind: TaskKind, more: int = 0, served: int | None = None) -> tuple[float, int]:
        """Who has the smallest is served next: share of used slots, then when it was served.

        Args:
            more: Tasks that it is about to get.
            served: The turn in which it gets the last of those; None for no such turn.
        """
        share = (len(self._has[kind]) + more) / max(self.slots[kind], 1)
        return share, self._served[kind] if served is None else served

    def served(self, kind: TaskKind) -> int:
        """The turn in which it got a task of a kind last."""
        return self._served[kind]

    def take(self, kind: TaskKind, task: Held, turn: int) -> None:
        """Note that it has a task."""
        self._has[kind].add(task)
        self._served[kind] = turn

    def give_back(self, kind: TaskKind, task: Held) -> bool:
        """Note that it has a task no more; whether it had."""
        had = task in self._has[kind]
        self._has[kind].discard(task)
        return had

    def tasks(self, kind: TaskKind) -> set[Held]:
        """What it has of a kind."""
        return set(self._has[kind])

    def shown(self) -> dict[str, Any]:
        """What an operator is told of it."""
        return {
            "worker_id": self.worker.worker_id,
            "session": self.worker.session,
            "slots": dict(self.slots),
            "used": {kind: len(self._has[kind]) for kind in KINDS},
            "credits": {kind: max(self.credits(kind), 0) for kind in KINDS},
            "clogged": self.sink.is_clogged(),
            "draining": self.draining or bool(self.worker.draining),
        }

    def load(self) -> int:
        """How many tasks it has, of all kinds."""
        return sum(map(len, self._has.values()))

    def is_idle(self) -> bool:
        """Whether it has nothing."""
        return not any(self._has.values())


class Watcher(Protocol):
    """Who does what streams need beside the tasks of the store."""

    def worker_changed(self, stream: Stream) -> None:
        """The worker of a stream registered anew, was missed, or is registered no more."""
        ...

    def query_ready(self, namespace: str, task_queue: str) -> None:
        """There is a query task for the workers of a queue."""
        ...

    def namespace_gone(self, namespace: str) -> None:
        """A namespace is being deleted."""
        ...


class NoWatcher:
    """Does nothing: there are no streams."""

    def worker_changed(self, stream: Stream) -> None:
        """Nothing to do."""

    def query_ready(self, namespace: str, task_queue: str) -> None:
        """Nothing to do."""

    def namespace_gone(self, namespace: str) -> None:
        """Nothing to do."""


class Streams:
    """All streams of this server, by session and by queue."""

    def __init__(self) -> None:
        self._by_session: dict[tuple[str, str, str], Stream] = {}
        self._by_queue: defaultdict[tuple[str, str], list[Stream]] = defaultdict(list)
        self._by_id: defaultdict[tuple[str, str], list[Stream]] = defaultdict(list)
        self._holders: dict[tuple[TaskKind, Held], Stream] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    def __iter__(self) -> Iterator[Stream]:
        return iter(list(self._by_session.values()))

    def of_queue(self, namespace: str, task_queue: str) -> list[Stream]:
        """The streams of a queue."""
        return self._by_queue.get((namespace, task_queue), [])

    def of_session(self, namespace: str, worker_id: str, session: str) -> Stream | None:
        """The stream of a session."""
        return self._by_session.get((namespace, worker_id, session))

    def of_id(self, namespace: str, worker_id: str) -> list[Stream]:
        """The streams of all sessions under a worker id."""
        return list(self._by_id.get((namespace, worker_id), ()))

    def is_alone(self, stream: Stream) -> bool:
        """Whether no other session has a stream under the id of this one's worker."""
        worker = stream.worker
        return len(self._by_id.get((worker.namespace, worker.worker_id), ())) == 1

    def holder(self, kind: TaskKind, task_id: str, attempt: int | str) -> Stream | None:
        """The stream that was sent this attempt of a task, and that has not reported it."""
        return self._holders.get((kind, (task_id, attempt)))

    def take(
        self, stream: Stream, kind: TaskKind, task_id: str, attempt: int | str, turn: int
    ) -> None:
        """Note that a stream has a task."""
        stream.take(kind, (task_id, attempt), turn)
        self._holders[kind, (task_id, attempt)] = stream

    def give_back(self, stream: Stream, kind: TaskKind, task_id: str, attempt: int | str) -> bool:
        """Note that a stream has a task no more; whether it had."""
        had = stream.give_back(kind, (task_id, attempt))
        if had and self._holders.get((kind, (task_id, attempt))) is stream:
            del self._holders[kind, (task_id, attempt)]
        return had

    def add(self, stream: Stream) -> None:
        """A stream has begun; of its session there is no other."""
        worker = stream.worker
        self._by_session[worker.namespace, worker.worker_id, worker.session] = stream
        self._by_queue[worker.namespace, worker.task_queue].append(stream)
        self._by_id[worker.namespace, worker.worker_id].append(stream)

    def remove(self, stream: Stream) -> bool:
        """A stream has ended; whether it was known."""
        worker = stream.worker
        session = worker.namespace, worker.worker_id, worker.session
        if self._by_session.get(session) is not stream:
            return False
        del self._by_session[session]
        for known, key in (
            (self._by_queue, (worker.namespace, worker.task_queue)),
            (self._by_id, (worker.namespace, worker.worker_id)),
        ):
            known[key].remove(stream)
            if not known[key]:
                del known[key]
        for kind in KINDS:
            for task in stream.tasks(kind):
                if self._holders.get((kind, task)) is stream:
                    del self._holders[kind, task]
        return True
