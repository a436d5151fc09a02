"""The query service: asks live workers about runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from durable_workflow.server.notices import Notice, TaskReady
from durable_workflow.server.querying import asking
from durable_workflow.server.querying.pending_queries import PendingQueries
from durable_workflow.server.querying.query import Query
from durable_workflow.server.querying.query_task import Outcome
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import QueryWorkflow, UpdateWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import targets, updates
from durable_workflow.server.store.protocol import Read, Store

# Longer than a round trip, and shorter than callers wait: without an answer the update is accepted.
_VALIDATION_SECONDS: Final = 5.0


class QueryService:
    """Asks workers: for the answer of a query, and whether an update may be accepted.

    Args:
        publish: Wakes the polls for query tasks.
    """

    def __init__(
        self,
        store: Store,
        queries: PendingQueries,
        settings: ServiceSettings,
        publish: Callable[[Sequence[Notice]], None],
    ) -> None:
        self._store = store
        self._queries = queries
        self._settings = settings
        self._publish = publish

    async def query(
        self, namespace: str, request: QueryWorkflow, gone: Callable[[], asyncio.Future[None]]
    ) -> Reply:
        """Ask a run for a value.

        Args:
            gone: Done when the caller has gone away: then nobody is asked any more.
        Raises:
            Refused: There is no such workflow, or no worker that could answer.
        """

        def find(read: Read) -> str:
            target = targets.find(read, namespace, request.workflow_id, request.run_id)
            return target.run.task_queue

        # A read may run anywhere, so what is in memory is asked between two.
        pollers = self._queries.pollers(namespace, await self._store.read(find))

        def prepare(read: Read) -> Query:
            return asking.prepare(read, namespace, request, self._settings, pollers)

        query = await self._store.read(prepare)
        outcome = await self._ask(query, self._settings.query_timeout_seconds, gone())
        scope = "instance" if request.run_id is None else "run"
        return asking.answer(query, scope, outcome)

    async def validate(self, namespace: str, request: UpdateWorkflow) -> tuple[str, str] | None:
        """Ask a worker that offers it whether an update may be accepted (`update_validation`).

        Returns:
            Reason and message of the validator's refusal; None where nothing speaks against it.
        """

        def prepare(read: Read) -> Query | None:
            if updates.find_by_request(read, namespace, request) is not None:
                return None
            return asking.prepare_validation(read, namespace, request, self._settings)

        query = await self._store.read(prepare)
        if query is None:
            return None
        return asking.refusal_of(await self._ask(query, _VALIDATION_SECONDS))

    async def _ask(
        self, query: Query, timeout: float, gone: asyncio.Future[None] | None = None
    ) -> Outcome:
        def announce() -> None:
            # Looked up each time: a query may move to another queue with its workflow.
            self._publish([TaskReady("query", query.namespace, query.task_queue)])

        return await self._queries.ask(query, timeout, announce, gone)
