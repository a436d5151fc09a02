"""What a worker holds, and what it waits for an answer to. Used with the lock of its stream.

Everything that is not acknowledged is held: tasks that wait to be started, tasks that run, and
finished ones whose report was not answered yet.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from durable_workflow._meet import Lease
from durable_workflow.client._stream._loop_calls import Answer
from durable_workflow.errors import ServerError

# Kind, task, attempt and claim.
Key: TypeAlias = tuple[str, str, int | str, str | None]


def key_of(lease: Lease) -> Key:
    """What a lease is known by."""
    return lease.kind, lease.task_id, lease.attempt, lease.claim


@dataclass(slots=True, eq=False)
class Request:
    """A message that is answered.

    Attributes:
        text: The message without its id, as JSON.
        answer: Where its answer goes.
        reports: What it reports; None where it reports nothing.
        again: Whether it is sent again on the next connection.
        refusals: How often the server had no time for it.
    """

    text: bytes
    answer: Answer
    reports: Key | None = None
    again: bool = True
    refusals: int = field(default=0)


class Ledger:
    """The tasks and requests of one stream.

    Args:
        clock: In seconds, and never set back.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        # Asked for now, not when this module was read: a simulation has a clock of its own.
        self._clock = clock or time.monotonic
        # Each with when it came.
        self._held: dict[Key, float] = {}
        self._ended_at = 0.0
        # Dropped tasks that take a slot until the worker has ended them.
        self._dropped: set[Key] = set()
        # In the order in which they were made.
        self._unanswered: dict[Request, None] = {}
        self._numbers: dict[int, Request] = {}
        self._count = itertools.count(1)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held, and no answer waited for. From any thread."""
        return not self._held and not self._unanswered

    # --- tasks ----------------------------------------------------------------------------

    def hold(self, key: Key) -> None:
        """Note a task that came."""
        self._held[key] = self._clock()

    def holds(self, key: Key) -> bool:
        """Whether a task is held."""
        return key in self._held

    def may_take_slot(self, key: Key) -> bool:
        """Whether `give_back` could find that a task takes a slot. From any thread."""
        # In this order: what is dropped is added there before it is taken out here.
        return key in self._held or key in self._dropped

    def is_alone(self, key: Key) -> bool:
        """Whether a task is held, and no other."""
        return key in self._held and len(self._held) == 1

    def took(self, key: Key) -> float | None:
        """How many seconds a task took that ends now; None if it is not held. From any thread.

        Since it came, or since the one before it ended: so tasks that are worked on together share
        the time that passes.
        """
        came_at = self._held.get(key)
        if came_at is None:
            return None
        now = self._clock()
        began_at, self._ended_at = max(came_at, self._ended_at), now
        return max(now - began_at, 0.0)

    def give_back(self, key: Key) -> bool:
        """The worker has ended a task; whether it still takes a slot, as nobody reported it."""
        was_dropped = key in self._dropped
        self._dropped.discard(key)
        return was_dropped or (key in self._held and not self._is_reported(key))

    def let_go(self, key: Key) -> None:
        """Note that a task is not held any more."""
        self._held.pop(key, None)

    def held(self) -> list[dict[str, Any]]:
        """What is held, as `hello` and `alive` name it."""
        return [
            {"kind": kind, "task_id": task_id, "attempt": attempt}
            | ({} if claim is None else {"claim": claim})
            for kind, task_id, attempt, claim in self._held
        ]

    def claims(self) -> list[str]:
        """The claims of what is held: perhaps what they came with was never committed."""
        return [claim for *_, claim in self._held if claim is not None]

    def unreported(self, task_ids: object) -> list[object]:
        """The tasks that nothing is reported of now: an answer to a report says more than a list.

        A report may have been handled before the list was made, and be answered after it.
        """
        found = cast("list[object]", task_ids) if isinstance(task_ids, list) else []
        reported = {each.reports[1] for each in self._unanswered if each.reports is not None}
        return [task_id for task_id in found if task_id not in reported]

    def drop(self, task_ids: object) -> list[Key]:
        """Take the server's word that tasks are not held; returns which of them were.

        Reports of them are refused here: nobody waits for them.
        """
        if not isinstance(task_ids, list):
            return []
        dropped = [key for key in self._held if key[1] in task_ids]
        self._dropped.update(dropped)
        for key in dropped:
            del self._held[key]
            for request in [each for each in self._unanswered if each.reports == key]:
                error = ServerError(409, {"reason": "lease_expired", "message": "lease expired"})
                self.refuse(request, error)
        return dropped

    # --- requests -------------------------------------------------------------------------

    def add(self, request: Request) -> None:
        """Note a request that waits for its answer."""
        self._unanswered[request] = None

    def forget(self, answer: Answer) -> None:
        """Nobody waits for this answer any more: what asks for it is not sent again."""
        answer.is_settled = True
        for request in self._unanswered:
            if request.answer is answer:
                del self._unanswered[request]
                return

    def number(self, request: Request) -> int:
        """The id of a request on this connection."""
        number = next(self._count)
        self._numbers[number] = request
        return number

    def disconnect(self, lost: Callable[[], Exception]) -> None:
        """Begin anew for the next connection. What is not sent again is lost.

        Args:
            lost: Makes the error of a request that is lost.
        """
        self._numbers.clear()
        self._count = itertools.count(1)
        for request in list(self._unanswered):
            if not request.again:
                self.refuse(request, lost())

    def to_send(self) -> Iterator[Request]:
        """What has to be sent on a new connection, in order."""
        return iter(list(self._unanswered))

    def answer(self, number: object, body: Any) -> None:
        """The server has done what a request asked for."""
        request = self._pop(number)
        if request is None:
            return
        if request.reports is not None:
            self.let_go(request.reports)
        self._unanswered.pop(request, None)
        request.answer.set(body)

    def take(self, number: object) -> Request | None:
        """The request that an answer is about, where it is still waited for."""
        request = self._pop(number)
        return None if request is None or request.answer.is_settled else request

    def refuse(self, request: Request, error: Exception) -> None:
        """Let a request fail."""
        self._unanswered.pop(request, None)
        request.answer.fail(error)

    def largest(self) -> Request | None:
        """The largest request that waits for its answer."""
        return max(self._unanswered, key=lambda request: len(request.text), default=None)

    def end(self, error: Exception) -> None:
        """Fail everything."""
        for request in list(self._unanswered):
            self.refuse(request, error)
        self._held.clear()
        self._dropped.clear()

    def _is_reported(self, key: Key) -> bool:
        return any(request.reports == key for request in self._unanswered)

    def _pop(self, number: object) -> Request | None:
        return self._numbers.pop(number, None) if isinstance(number, int) else None
