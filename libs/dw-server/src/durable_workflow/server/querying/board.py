"""The questions of this process that wait for workers.

A question lives as long as its caller waits. It needs no disk: a process that dies takes its
callers' connections with it, and they ask again. On several nodes this board is the one piece that
is per node, so a worker must be able to poll the node that was asked; the interface is small so
that another carrier can take its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import msgspec

from durable_workflow.server.engine.state import JsonObject
from durable_workflow.server.engine.times import precise, seconds
from durable_workflow.server.querying.question import UPDATE_VALIDATION, Question
from durable_workflow.server.services.refusals import Refused
from durable_workflow.server.services.requests import (
    CompleteQueryTask,
    FailQueryTask,
    QueryTaskOwner,
)
from durable_workflow.server.services.settings import ServiceSettings

# How long a worker counts as one that answers queries after it has polled for one.
_POLLER_SECONDS = 60
# What a worker says that was sent the end of a history and does not keep its beginning any more.
HISTORY_NEEDED = "query_history_needed"


class Answered(msgspec.Struct, frozen=True):
    """The worker's answer."""

    result: Any
    envelope: JsonObject | None


class Failed(msgspec.Struct, frozen=True):
    """The worker could not answer, or refused."""

    reason: str
    message: str
    type: str | None = None


class Unanswered(msgspec.Struct, frozen=True):
    """Time was up. `claimed` says whether a worker had the question."""

    claimed: bool


Outcome: TypeAlias = Answered | Failed | Unanswered


class Posted:
    """A question on the board.

    Attributes:
        partial: Whether the worker that has it was sent the end of the history only.
        whole: Whether the next one gets all of it, whoever that is.
    """

    __slots__ = (
        "announce",
        "answer",
        "attempt",
        "expires_at",
        "lease_expires_at",
        "lease_owner",
        "partial",
        "poll_request_id",
        "question",
        "task_id",
        "whole",
    )

    def __init__(
        self, task_id: str, question: Question, expires_at: int, announce: Callable[[], None]
    ) -> None:
        self.task_id = task_id
        self.announce = announce
        self.partial = False
        self.whole = False
        self.question = question
        self.expires_at = expires_at
        self.attempt = 0
        self.lease_owner: str | None = None
        self.lease_expires_at = 0
        self.poll_request_id: str | None = None
        self.answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def members(self) -> dict[str, Any]:
        """What of the lease stands in the task that a worker gets."""
        return {
            "query_task_id": self.task_id,
            "query_task_attempt": self.attempt,
            "lease_owner": self.lease_owner,
            "lease_expires_at": precise(self.lease_expires_at),
        }


class QueryBoard:
    """Where questions are posted, taken and answered. It belongs to one event loop.

    Args:
        settings: Lease, time to live, and how many questions a queue may hold.
        now: The time in microseconds.
        new_id: The id source.
    """

    def __init__(
        self, settings: ServiceSettings, now: Callable[[], int], new_id: Callable[[], str]
    ) -> None:
        self._settings = settings
        self._now = now
        self._new_id = new_id
        self._posted: dict[str, Posted] = {}
        self._queues: dict[tuple[str, str], dict[str, Posted]] = {}
        self._pollers: dict[tuple[str, str], dict[str, int]] = {}
        self._closed = False

    def close(self) -> None:
        """Have every caller that waits told now that there will be no answer, and take no more."""
        self._closed = True
        for posted in list(self._posted.values()):
            if not posted.answer.done():
                posted.answer.set_exception(_stopping())

    async def ask(
        self, question: Question, timeout: float, announce: Callable[[], None]
    ) -> Outcome:
        """Post a question and wait for its answer.

        Args:
            timeout: Seconds to wait.
            announce: Wakes the polls of the question's queue, once it is posted.
        Raises:
            Refused: Too many questions wait in the queue, or the server stops.
        """
        if self._closed:
            raise _stopping()
        posted = self._post(question, announce)
        announce()
        try:
            return await asyncio.wait_for(posted.answer, timeout)
        except TimeoutError:
            return Unanswered(posted.attempt > 0)
        finally:
            self._withdraw(posted)

    def note_poll(self, namespace: str, task_queue: str, worker_id: str) -> None:
        """Remember that a worker polls for questions."""
        pollers = self._pollers.setdefault((namespace, task_queue), {})
        pollers[worker_id] = self._now()
        if len(pollers) > 1000:
            self._forget_old(pollers)

    def pollers(self, namespace: str, task_queue: str) -> Collection[str]:
        """The workers that have polled for questions of a queue lately."""
        since = self._now() - seconds(_POLLER_SECONDS)
        known = self._pollers.get((namespace, task_queue), {})
        return {worker_id for worker_id, at in known.items() if at >= since}

    def pending(self, namespace: str, task_queue: str) -> int:
        """How many questions of a queue wait for an answer."""
        return len(self._queues.get((namespace, task_queue), ()))

    def claim(
        self,
        namespace: str,
        task_queue: str,
        *,
        worker_id: str,
        poll_request_id: str | None,
        suits: Callable[[Question], bool],
    ) -> Posted | None:
        """Lease the oldest question that suits a worker; None where there is none.

        A poll that is repeated with its id gets the question it already has, for longer.
        """
        now = self._now()
        expires_at = now + seconds(self._settings.query_lease_seconds)
        queue = self._queues.get((namespace, task_queue), {})
        for posted in list(queue.values()):
            leased = posted.lease_owner is not None and posted.lease_expires_at > now
            if leased:
                same = posted.poll_request_id == poll_request_id is not None
                if same and posted.lease_owner == worker_id:
                    posted.lease_expires_at = expires_at
                    return posted
            elif posted.expires_at > now and suits(posted.question):
                posted.attempt += 1
                posted.lease_owner = worker_id
                posted.lease_expires_at = expires_at
                posted.poll_request_id = poll_request_id
                return posted
        return None

    def give_back(self, task: dict[str, Any]) -> None:
        """Offer a question again that was claimed and reached nobody.

        Unless the poll was repeated meanwhile: then that one was given it, with a renewed lease.
        """
        posted = self._posted.get(task["query_task_id"])
        if posted is not None and posted.members().items() <= task.items():
            self._offer_again(posted)

    def complete(self, namespace: str, request: CompleteQueryTask) -> dict[str, Any]:
        """Take an answer.

        Args:
            namespace: The caller's: the questions of others are not there for it.

        Raises:
            Refused: The question is not the caller's to answer.
        """
        posted = self._held(namespace, request.owner)
        self._settle(posted, Answered(request.result, request.result_envelope))
        return _names(request.owner) | {"outcome": "completed"}

    def fail(self, namespace: str, request: FailQueryTask) -> dict[str, Any]:
        """Take the reason why there is no answer.

        A validation that fails with a message alone is the validator's refusal: a worker that
        cannot ask it gives another reason.

        Raises:
            Refused: The question is not the caller's to answer.
        """
        posted = self._held(namespace, request.owner)
        validates = posted.question.kind == UPDATE_VALIDATION
        reason = request.reason or ("update_rejected" if validates else "query_rejected")
        if reason == HISTORY_NEEDED and posted.partial:
            posted.whole = True
            self._offer_again(posted)
            return _names(request.owner) | {"outcome": "failed", "reason": reason}
        self._settle(posted, Failed(reason, request.message, request.type))
        return _names(request.owner) | {"outcome": "failed", "reason": reason}

    def _post(self, question: Question, announce: Callable[[], None]) -> Posted:
        queue = self._queues.setdefault((question.namespace, question.task_queue), {})
        most = self._settings.query_max_pending_per_queue
        if most and len(queue) >= most:
            raise Refused(
                "query_task_queue_full",
                "Too many queries wait in the task queue.",
            )
        expires_at = self._now() + seconds(self._settings.query_ttl_seconds)
        posted = Posted(self._new_id().upper(), question, expires_at, announce)
        queue[posted.task_id] = self._posted[posted.task_id] = posted
        return posted

    def _offer_again(self, posted: Posted) -> None:
        posted.lease_owner = posted.poll_request_id = None
        posted.announce()

    def _withdraw(self, posted: Posted) -> None:
        self._posted.pop(posted.task_id, None)
        key = (posted.question.namespace, posted.question.task_queue)
        queue = self._queues.get(key)
        if queue is not None:
            queue.pop(posted.task_id, None)
            if not queue:
                del self._queues[key]

    def _settle(self, posted: Posted, outcome: Outcome) -> None:
        self._withdraw(posted)
        if not posted.answer.done():
            posted.answer.set_result(outcome)

    def _held(self, namespace: str, owner: QueryTaskOwner) -> Posted:
        posted = self._posted.get(owner.query_task_id)
        if posted is None or posted.question.namespace != namespace:
            raise _refused(owner, "query_task_not_found", "Query task not found.")
        if posted.lease_owner is None:
            raise _refused(owner, "query_task_not_leased", "Query task is not leased.")
        if posted.lease_owner != owner.lease_owner:
            text = "Query task lease is owned by another worker."
            raise _refused(owner, "lease_owner_mismatch", text)
        if posted.attempt != owner.attempt:
            text = "Query task attempt does not match the current claim."
            raise _refused(owner, "query_task_attempt_mismatch", text)
        if posted.lease_expires_at <= self._now():
            raise _refused(owner, "lease_expired", "Query task lease has expired.")
        return posted

    def _forget_old(self, pollers: dict[str, int]) -> None:
        since = self._now() - seconds(_POLLER_SECONDS)
        for worker_id in [known for known, at in pollers.items() if at < since]:
            del pollers[worker_id]


def _stopping() -> Refused:
    return Refused("query_task_queue_unavailable", "The server stops; ask again.")


def _names(owner: QueryTaskOwner) -> dict[str, Any]:
    return {"query_task_id": owner.query_task_id, "query_task_attempt": owner.attempt}


def _refused(owner: QueryTaskOwner, reason: str, message: str) -> Refused:
    extra = _names(owner) | {"outcome": "rejected"}
    return Refused(reason, message, extra=extra)
