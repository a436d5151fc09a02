"""A query that waits for its answer: who has it, and who has refused it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import precise
from durable_workflow.server.querying.query import Query

# What a worker says that cannot answer, where another one might.
_ANOTHER_MIGHT: Final = frozenset(
    {
        "query_payload_decode_failed",
        "query_workflow_state_unavailable",
        "query_workflow_type_not_registered",
        "rejected_unknown_query",
    }
)
# Code that does not know a query does not know it in another process either. But a process may fail
# to rebuild a state by itself, so then a second process with the same code is asked.
_REFUSALS_OF_A_VERSION: Final = 2
# A run that nobody can replay must not keep a whole fleet busy.
_REFUSALS: Final = 8


class Answered(msgspec.Struct, frozen=True):
    """The worker's answer."""

    result: Any
    envelope: JsonObject | None


class Failed(msgspec.Struct, frozen=True):
    """The worker could not answer, or refused."""

    reason: str
    message: str
    type: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether the worker's code has no such query or update."""
        return self.reason == "rejected_unknown_query" or self.type == "UnknownUpdate"

    @property
    def another_might_answer(self) -> bool:
        """Whether this is about the worker that was asked, rather than about the query."""
        return self.is_unknown or self.reason in _ANOTHER_MIGHT


class Unanswered(msgspec.Struct, frozen=True):
    """The time ran out. `claimed` says whether a worker had the query."""

    claimed: bool


Outcome: TypeAlias = Answered | Failed | Unanswered


class Asker(msgspec.Struct, frozen=True):
    """A worker that polls for query tasks.

    Attributes:
        version: Stands for the code that it runs for the query's workflow type; None where it
            did not say.
    """

    worker_id: str
    session: str = ""
    version: str | None = None

    def is_same(self, other: Asker) -> bool:
        """Whether both are one worker object, or may be."""
        return (self.worker_id, self.session) == (other.worker_id, other.session)


class Claim(msgspec.Struct):
    """A worker's lease of a query. Times are microseconds.

    Attributes:
        lost: The worker is gone, as far as is known: others may have the query. If it answers
            after all, its answer counts.
        partial: The worker was sent the end of the history only.
    """

    task: QueryTask
    worker: Asker
    attempt: int
    claimed_at: int
    expires_at: int
    poll_request_id: str | None
    lost: bool = False
    partial: bool = False

    def is_live(self, now: int) -> bool:
        """Whether an answer may still come of it."""
        return self.expires_at > now and not self.lost

    def members(self) -> dict[str, Any]:
        """What of the lease stands in the task that a worker gets."""
        return {
            "query_task_id": self.task.task_id,
            "query_task_attempt": self.attempt,
            "lease_owner": self.worker.worker_id,
            "lease_expires_at": precise(self.expires_at),
        }


class QueryTask:
    """A query that is offered to workers.

    Several workers may have it: if one is silent for `patience`, another one is asked too, and the
    first answer counts. Queries change nothing, so asking twice is harmless.

    Attributes:
        patience: Microseconds.
        claims: Leases by attempt.
        whole: Whether the next worker gets all of the history, whoever that is.
        refusal: What the worker said that refused last, where another one might answer.
        timers: What is to be done about it later.
    """

    __slots__ = (
        "_refused",
        "announce",
        "answer",
        "attempt",
        "claims",
        "expires_at",
        "patience",
        "query",
        "refusal",
        "task_id",
        "timers",
        "whole",
    )

    def __init__(
        self,
        task_id: str,
        query: Query,
        *,
        expires_at: int,
        patience: int,
        announce: Callable[[], None],
    ) -> None:
        self.task_id = task_id
        self.query = query
        self.expires_at = expires_at
        self.patience = patience
        self.announce = announce
        self.attempt = 0
        self.claims: dict[int, Claim] = {}
        self.whole = False
        self.refusal: Failed | None = None
        self.answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.timers: list[asyncio.TimerHandle] = []
        self._refused: list[tuple[Asker, Failed]] = []

    def is_held(self, now: int) -> bool:
        """Whether some worker has it."""
        return any(claim.is_live(now) for claim in self.claims.values())

    def is_offered_to(self, worker: Asker, now: int) -> bool:
        """Whether a worker that polls may have it."""
        if self.expires_at <= now or not self.may_be_asked(worker):
            return False
        held = [claim for claim in self.claims.values() if claim.is_live(now)]
        mine = any(claim.worker.is_same(worker) for claim in held)
        return not mine and all(now >= claim.claimed_at + self.patience for claim in held)

    def may_be_asked(self, worker: Asker) -> bool:
        """Whether a worker has not refused it yet, nor others of its version for it."""
        if any(who.is_same(worker) for who, _ in self._refused):
            return False
        if len(self._refused) >= _REFUSALS:
            return False
        alike = [why for who, why in self._refused if who.version == worker.version is not None]
        return len(alike) < _REFUSALS_OF_A_VERSION and not any(why.is_unknown for why in alike)

    def refused_by(self, worker: Asker, failed: Failed) -> None:
        """Note that a worker cannot answer, where another one might."""
        self._refused.append((worker, failed))
        self.refusal = failed
