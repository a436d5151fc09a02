"""The queries of this process that wait for workers, each in a query task.

A query lives as long as its caller waits. It needs no disk: a process that dies takes its
callers' connections with it, and they ask again. On several nodes this is the one piece that
is per node, so a worker must be able to poll the node that was asked; the interface is small so
that another carrier can take its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from durable_workflow.server.engine.times import SECOND, seconds
from durable_workflow.server.notices import NamespaceGone, Notice, WorkerGone
from durable_workflow.server.querying.query import UPDATE_VALIDATION, Query
from durable_workflow.server.querying.query_task import (
    Answered,
    Asker,
    Claim,
    Failed,
    Outcome,
    QueryTask,
    Unanswered,
)
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import (
    CompleteQueryTask,
    FailQueryTask,
    QueryTaskOwner,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.views.namespaces import not_found

# How long a worker counts as one that answers queries after it has polled for one.
_POLLER_SECONDS = 60
# Queues whose pollers are remembered without a look for those that are gone.
_QUEUES: Final = 100
# The share of the caller's time after which a second worker is asked too.
_PATIENCE = 0.2
# The notices that concern queries.
_HEEDED: Final = frozenset({NamespaceGone, WorkerGone})
# What a worker says that was sent the end of a history and does not keep its beginning any more.
HISTORY_NEEDED = "query_history_needed"


class PendingQueries:
    """Where queries wait, are claimed and answered. It belongs to one event loop.

    Args:
        settings: Lease, time to live, and how many queries a queue may hold.
        now: The time in microseconds.
        new_id: The id source.
    """

    def __init__(
        self, settings: ServiceSettings, now: Callable[[], int], new_id: Callable[[], str]
    ) -> None:
        self._settings = settings
        self._now = now
        self._new_id = new_id
        self._tasks: dict[str, QueryTask] = {}
        self._queues: dict[tuple[str, str], dict[str, QueryTask]] = {}
        self._pollers: dict[tuple[str, str], dict[str, int]] = {}
        # Beyond so many, those that nobody polls any more are looked for.
        self._most_queues = _QUEUES
        self._closed = False

    def close(self) -> None:
        """Tell every waiting caller that there will be no answer, and accept no more queries."""
        self._closed = True
        for task in list(self._tasks.values()):
            if not task.answer.done():
                task.answer.set_exception(_stopping())

    async def ask(
        self,
        query: Query,
        timeout: float,
        announce: Callable[[], None],
        gone: asyncio.Future[None] | None = None,
    ) -> Outcome:
        """Offer a query to workers, and wait for its answer.

        Args:
            timeout: Seconds to wait.
            announce: Wakes the polls of the query's queue, once its task is there.
            gone: Done when the caller has gone away: then nobody is asked any more.
        Raises:
            Refused: Too many queries wait in the queue, or the server stops.
        """
        if self._closed:
            raise _stopping()
        task = self._add(query, timeout, announce)

        def forget(_: asyncio.Future[None]) -> None:
            self._settle(task, Unanswered(task.attempt > 0))

        if gone is not None:
            gone.add_done_callback(forget)
        announce()
        try:
            return await asyncio.wait_for(task.answer, timeout)
        except TimeoutError:
            return task.refusal or Unanswered(task.attempt > 0)
        finally:
            if gone is not None:
                gone.remove_done_callback(forget)
            self._withdraw(task)

    def note_poll(self, namespace: str, task_queue: str, worker_id: str) -> None:
        """Remember that a worker polls for query tasks."""
        queue = namespace, task_queue
        if queue not in self._pollers and len(self._pollers) >= self._most_queues:
            self._forget_queues()
        pollers = self._pollers.setdefault(queue, {})
        pollers[worker_id] = self._now()
        if len(pollers) > 1000:
            self._forget_old(pollers)

    def pollers(self, namespace: str, task_queue: str) -> Collection[str]:
        """The workers that have polled for query tasks of a queue lately."""
        since = self._now() - seconds(_POLLER_SECONDS)
        known = self._pollers.get((namespace, task_queue), {})
        return {worker_id for worker_id, at in known.items() if at >= since}

    def pending(self, namespace: str, task_queue: str) -> int:
        """How many queries of a queue wait for an answer."""
        return len(self._queues.get((namespace, task_queue), ()))

    def claim(
        self,
        namespace: str,
        task_queue: str,
        *,
        worker_id: str,
        poll_request_id: str | None,
        asker: Callable[[Query], Asker | None],
    ) -> Claim | None:
        """Lease the oldest query task that suits a worker; None where there is none.

        A poll that is repeated with its id gets the task it already has, for longer.

        Args:
            asker: What a query must know of the worker; None where it does not suit.
        """
        now = self._now()
        expires_at = now + seconds(self._settings.query_lease_seconds)
        for task in list(self._queues.get((namespace, task_queue), {}).values()):
            for claim in task.claims.values():
                same = claim.poll_request_id == poll_request_id is not None
                if same and claim.worker.worker_id == worker_id and claim.is_live(now):
                    claim.expires_at = expires_at
                    return claim
            worker = asker(task.query)
            if worker is not None and task.is_offered_to(worker, now):
                task.attempt += 1
                claim = Claim(task, worker, task.attempt, now, expires_at, poll_request_id)
                task.claims[claim.attempt] = claim
                self._later(task, task.announce)
                return claim
        return None

    def free(self, claim: Claim) -> None:
        """Offer a query again whose task was claimed and is not sent."""
        task = claim.task
        if task.claims.pop(claim.attempt, None) is not None and not task.answer.done():
            task.announce()

    def give_back(self, body: dict[str, Any]) -> None:
        """Offer a query again whose task was claimed and reached nobody.

        Unless the poll was repeated meanwhile: then that one was given it, with a renewed lease.
        """
        task = self._tasks.get(body["query_task_id"])
        claim = None if task is None else task.claims.get(body["query_task_attempt"])
        if claim is not None and claim.members().items() <= body.items():
            self.free(claim)

    def publish(self, notices: Sequence[Notice]) -> None:
        """Offer to others what workers have that are gone; drop queries of a gone namespace."""
        if not _HEEDED.intersection(map(type, notices)):
            return
        for notice in notices:
            if isinstance(notice, WorkerGone):
                self.lose(notice.namespace, notice.worker_id, notice.session)
            elif isinstance(notice, NamespaceGone):
                self._drop(notice.namespace)

    def lose(self, namespace: str, worker_id: str, session: str) -> None:
        """Offer to others what a worker has that is gone, or that has begun anew."""
        for task in list(self._tasks.values()):
            if task.query.namespace != namespace:
                continue
            mine = [
                each
                for each in task.claims.values()
                if (each.worker.worker_id, each.worker.session) == (worker_id, session)
            ]
            for claim in mine:
                claim.lost = True
            if mine:
                task.announce()

    def _drop(self, namespace: str) -> None:
        """Tell the callers of a namespace that it is gone."""
        for task in list(self._tasks.values()):
            if task.query.namespace == namespace and not task.answer.done():
                task.answer.set_exception(not_found(namespace))

    def move(self, claim: Claim, query: Query) -> None:
        """Ask another run instead, maybe in another queue."""
        task = claim.task
        self._take_out(task)
        for name in query.__struct_fields__:
            setattr(task.query, name, getattr(query, name))
        self._put_in(task)
        self.free(claim)

    def refuse(self, claim: Claim, message: str) -> None:
        """Answer a query that no worker can be asked any more."""
        self._settle(claim.task, Failed("query_rejected", message, None))

    def query(self, namespace: str, owner: QueryTaskOwner) -> Query | None:
        """The query of a task; None where there is none for the caller."""
        task = self._tasks.get(owner.query_task_id)
        if task is None or task.query.namespace != namespace:
            return None
        return task.query

    def holds(self, namespace: str, owner: QueryTaskOwner) -> bool:
        """Whether a worker has a query task, so that its answer would be taken."""
        try:
            self._held(namespace, owner)
        except Refused:
            return False
        return True

    def complete(self, namespace: str, request: CompleteQueryTask) -> dict[str, Any]:
        """Take an answer.

        Args:
            namespace: The caller's: the queries of others are not there for it.

        Raises:
            Refused: The query is not the caller's to answer.
        """
        task = self._held(namespace, request.owner).task
        self._settle(task, Answered(request.value, request.result_envelope))
        return _names(request.owner) | {"outcome": "completed"}

    def fail(
        self, namespace: str, request: FailQueryTask, others: Collection[Asker]
    ) -> dict[str, Any]:
        """Take the reason why there is no answer.

        A reason that is the worker's own sends the query to another worker, as long as there is
        one. A validation that fails with a message alone is the validator's refusal: a worker that
        cannot ask it gives another reason.

        Args:
            others: All live workers that could answer.

        Raises:
            Refused: The query is not the caller's to answer.
        """
        claim = self._held(namespace, request.owner)
        task = claim.task
        validates = task.query.kind == UPDATE_VALIDATION
        failure = request.failure
        reason = failure.reason or ("update_rejected" if validates else "query_rejected")
        failed = Failed(reason, failure.message, failure.type)
        if reason == HISTORY_NEEDED and claim.partial:
            task.whole = True
            self.free(claim)
        elif failed.another_might_answer:
            task.refused_by(claim.worker, failed)
            self._ask_another(claim, others)
        else:
            self._settle(task, failed)
        return _names(request.owner) | {"outcome": "failed", "reason": reason}

    def _ask_another(self, claim: Claim, others: Collection[Asker]) -> None:
        task = claim.task
        self.free(claim)
        if any(task.may_be_asked(other) for other in others):
            # They may be gone unnoticed, so their time is bounded.
            self._later(task, lambda: self._give_up(task))
        else:
            self._give_up(task)

    def _give_up(self, task: QueryTask) -> None:
        """Answer with the last refusal, unless some worker has the query."""
        if task.refusal is not None and not task.is_held(self._now()):
            self._settle(task, task.refusal)

    def _later(self, task: QueryTask, act: Callable[[], None]) -> None:
        """Do something when one worker has had its time, if the query is still there."""
        # A millisecond more: the loop's clock and the server's need not agree.
        delay = task.patience / SECOND + 0.001
        task.timers.append(asyncio.get_running_loop().call_later(delay, act))

    def _add(self, query: Query, timeout: float, announce: Callable[[], None]) -> QueryTask:
        most = self._settings.query_max_pending_per_queue
        if most and self.pending(query.namespace, query.task_queue) >= most:
            raise Refused(
                "query_task_queue_full",
                "Too many queries wait in the task queue.",
            )
        task = QueryTask(
            self._new_id().upper(),
            query,
            expires_at=self._now() + seconds(self._settings.query_ttl_seconds),
            patience=seconds(timeout * _PATIENCE),
            announce=announce,
        )
        self._tasks[task.task_id] = task
        self._put_in(task)
        return task

    def _withdraw(self, task: QueryTask) -> None:
        if self._tasks.pop(task.task_id, None) is not None:
            self._take_out(task)
        for timer in task.timers:
            timer.cancel()

    def _put_in(self, task: QueryTask) -> None:
        key = (task.query.namespace, task.query.task_queue)
        self._queues.setdefault(key, {})[task.task_id] = task

    def _take_out(self, task: QueryTask) -> None:
        key = (task.query.namespace, task.query.task_queue)
        queue = self._queues.get(key)
        if queue is not None:
            queue.pop(task.task_id, None)
            if not queue:
                del self._queues[key]

    def _settle(self, task: QueryTask, outcome: Outcome) -> None:
        self._withdraw(task)
        if not task.answer.done():
            task.answer.set_result(outcome)

    def _held(self, namespace: str, owner: QueryTaskOwner) -> Claim:
        task = self._tasks.get(owner.query_task_id)
        if task is None or task.query.namespace != namespace:
            raise _refused(owner, "query_task_not_found", "Query task not found.")
        if not task.claims:
            raise _refused(owner, "query_task_not_leased", "Query task is not leased.")
        claims = task.claims.values()
        mine = [claim for claim in claims if claim.worker.worker_id == owner.lease_owner]
        if not mine:
            text = "Query task lease is owned by another worker."
            raise _refused(owner, "lease_owner_mismatch", text)
        claim = next((each for each in mine if each.attempt == owner.attempt), None)
        if claim is None:
            text = "Query task attempt does not match the current claim."
            raise _refused(owner, "query_task_attempt_mismatch", text)
        if claim.expires_at <= self._now():
            raise _refused(owner, "lease_expired", "Query task lease has expired.")
        return claim

    def _forget_queues(self) -> None:
        """Forget queues that nobody has polled lately: each host may have one, and hosts go."""
        for queue, pollers in list(self._pollers.items()):
            self._forget_old(pollers)
            if not pollers:
                del self._pollers[queue]
        # So that to look at all takes little for each queue that comes.
        self._most_queues = 2 * len(self._pollers) + _QUEUES

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
