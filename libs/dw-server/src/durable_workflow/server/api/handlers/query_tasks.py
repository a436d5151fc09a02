"""Query tasks (worker-protocol 7.4): polled, answered, failed. They are in memory alone."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.polls import Polls
from durable_workflow.server.api.handlers.units import Task, Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.querying import PendingQueries, offering
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import CompleteQueryTask, FailQueryTask, PollTask
from durable_workflow.server.services import workers


class QueryTaskHandlers:
    """What workers ask about query tasks."""

    def __init__(self, units: Units, polls: Polls, queries: PendingQueries) -> None:
        self._units = units
        self._polls = polls
        self._queries = queries

    def operations(self) -> list[Operation[Any]]:
        """The operations."""
        poll = self._polls.handler("query", self._claim, self._give_back, self._stay)
        return [
            Operation("poll_query_task", WORKERS, PollTask, poll),
            Operation("complete_query_task", WORKERS, CompleteQueryTask, self._complete),
            Operation("fail_query_task", WORKERS, FailQueryTask, self._fail),
        ]

    async def _claim(self, namespace: str, asked: PollTask) -> Task | None:
        store, settings, queries = self._units.store, self._units.settings, self._queries
        worker = await store.run(lambda tx: workers.poll_guard(tx, namespace, asked, settings))
        return await offering.claim(store, queries, asked, worker)

    async def _stay(self, namespace: str, asked: PollTask) -> Task | None:
        store, queries = self._units.store, self._queries
        worker = await store.read(lambda read: workers.registered(read, namespace, asked))
        return await offering.claim(store, queries, asked, worker)

    async def _give_back(self, namespace: str, task: Task) -> None:
        self._queries.give_back(task)

    async def _complete(self, call: Call, asked: CompleteQueryTask) -> Reply:
        return Reply(self._queries.complete(call.namespace, asked))

    async def _fail(self, call: Call, asked: FailQueryTask) -> Reply:
        store, settings, queries = self._units.store, self._units.settings, self._queries
        return Reply(await offering.fail(store, queries, call.namespace, asked, settings))
