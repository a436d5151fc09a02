"""Who gets a task that is ready: one of the streams of its queue, or a held poll.

Who may have a task follows from what its worker takes, by type and build, and from its credits.
Among the streams that may have a task the one with the smallest share of used slots gets it, then
the one that was served longest ago; new runs go to one in a row while that is quick (`rows`). A
held poll is a candidate with one credit. What else its worker does is not known, so it counts as
used as that stream is: the one served longest ago gets the task, so that neither waits while only
the other is served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from durable_workflow.server.dispatch.rows import Rows
from durable_workflow.server.dispatch.streams import STORED_KINDS, Stream, Streams
from durable_workflow.server.dispatch.takers import may_take, profile_of
from durable_workflow.server.dispatch.waiters import Line, TaskKey, Waiter
from durable_workflow.server.notices import ReadyTask, TaskKind

# Beyond such a share of its slots a worker is given nothing for being near, unless it answers soon.
_NEAR_SHARE: Final = 0.5
# A task that took longer counts as if it took this.
_MOST_TOOK_US: Final = 500_000
# Pollers come and go under new ids: beyond so many their turns are forgotten.
_MOST_TURNS: Final = 10_000


class Choices:
    """Chooses who gets a task, by what was given out before.

    Args:
        streams: The streams there are.
        lines: The held polls there are.
        clock: In seconds, and never set back.
    """

    def __init__(
        self, streams: Streams, lines: Mapping[TaskKey, Line], clock: Callable[[], float]
    ) -> None:
        self._streams = streams
        self._lines = lines
        self._clock = clock
        self._rows: dict[tuple[str, str], Rows] = {}
        self._polls_served: dict[tuple[TaskKey, str], int] = {}

    def next(
        self, key: TaskKey, task: ReadyTask, streams: Sequence[Stream]
    ) -> Stream | Waiter | None:
        """Who gets a task of a queue that has streams, if anybody may have it."""
        kind = key.kind

        def is_able(stream: Stream) -> bool:
            return may_take(stream.profiles[kind], task) and stream.credits(kind) > 0

        polls = self._polls(key, task)
        if len(streams) == 1 and not polls:
            return streams[0] if is_able(streams[0]) else None
        if task.keeper is not None:
            keepers = filter(is_able, _of_id(streams, task.keeper))
            keeper = min(keepers, key=lambda stream: stream.rank(kind), default=None)
            if keeper is not None:
                return keeper
            for poll in polls:
                if poll.worker is not None and poll.worker.worker_id == task.keeper:
                    return poll
        near = filter(is_able, _of_id(streams, task.near))
        best = next((each for each in near if self._has_time(key, each)), None)
        if best is None and kind == "workflow" and not polls:
            rows = self._rows_of(key.namespace, key.task_queue)
            return rows.next(kind, streams, is_able, self._clock())
        if best is None:
            able = filter(is_able, streams)
            best = min(able, key=lambda stream: stream.rank(kind), default=None)
        if not polls:
            return best
        poll = min(polls, key=lambda each: self._polls_served.get(self._name_of(each, key), 0))
        served = self._polls_served.get(self._name_of(poll, key), 0)
        return poll if best is None or served < best.served(kind) else best

    def note_served(self, poll: Waiter, key: TaskKey, turn: int) -> None:
        """A held poll gets a task of a queue."""
        if len(self._polls_served) >= _MOST_TURNS:
            self._polls_served.clear()
        self._polls_served[self._name_of(poll, key)] = turn

    def note_took(self, stream: Stream, kind: TaskKind, took_us: object) -> None:
        """A worker has told for how long a task kept it busy, if it tells."""
        if kind not in STORED_KINDS or not isinstance(took_us, int) or took_us < 0:
            return
        queue = stream.worker.namespace, stream.worker.task_queue
        if self._streams.of_queue(*queue):
            seconds = min(took_us, _MOST_TOOK_US) / 1_000_000
            self._rows_of(*queue).note(stream, kind, seconds, self._clock())

    def forget(self, stream: Stream) -> None:
        """A stream has ended. Of a queue that has no other nothing is remembered."""
        queue = stream.worker.namespace, stream.worker.task_queue
        if (rows := self._rows.get(queue)) is not None:
            rows.forget(stream)
        if not self._streams.of_queue(*queue):
            self._rows.pop(queue, None)
        if not self._streams:
            self._polls_served.clear()

    def _has_time(self, key: TaskKey, stream: Stream) -> bool:
        """Whether others need not take work off a worker."""
        share, _ = stream.rank(key.kind)
        rows = self._rows_of(key.namespace, key.task_queue)
        return share < _NEAR_SHARE or rows.answers_soon(stream)

    def _polls(self, key: TaskKey, task: ReadyTask) -> list[Waiter]:
        """The held polls that may have a task, in order of arrival."""
        line = self._lines.get(key)
        if line is None:
            return []
        found: list[Waiter] = []
        for poll in line.asleep():
            worker = poll.worker
            # Of a worker that is not known it is not known either what it may take: it looks.
            if worker is None or may_take(profile_of(worker, key.kind), task):
                found.append(poll)
        return found

    @staticmethod
    def _name_of(poll: Waiter, key: TaskKey) -> tuple[TaskKey, str]:
        return key, poll.worker.worker_id if poll.worker is not None else ""

    def _rows_of(self, namespace: str, task_queue: str) -> Rows:
        found = self._rows.get((namespace, task_queue))
        if found is None:
            found = self._rows[namespace, task_queue] = Rows()
        return found


def _of_id(streams: Sequence[Stream], worker_id: str | None) -> list[Stream]:
    return [each for each in streams if each.worker.worker_id == worker_id] if worker_id else []
