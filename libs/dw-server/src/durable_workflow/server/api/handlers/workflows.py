"""Workflows, their runs and their history (control-plane 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    DescribeWorkflow,
    ListRuns,
    ListWorkflows,
    ReadHistory,
    StartWorkflow,
)
from durable_workflow.server.services import workflows
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Read
from durable_workflow.server.views import describing, lists
from durable_workflow.server.views import history as history_service


class WorkflowHandlers:
    """What is asked about workflows."""

    def __init__(self, units: Units, dispatcher: Dispatcher, settings: Settings) -> None:
        self._units = units
        self._store = units.store
        self._dispatcher = dispatcher
        self._long_poll_timeout = settings.long_poll_timeout

    def operations(self) -> list[Operation[Any]]:
        """The operations."""
        start = self._units.command(workflows.start)
        return [
            Operation("start_workflow", OPERATORS, StartWorkflow, start),
            Operation("list_workflows", OPERATORS, ListWorkflows, self._list),
            Operation("describe_workflow", OPERATORS, DescribeWorkflow, self._describe),
            Operation("list_runs", OPERATORS, ListRuns, self._list_runs),
            Operation("read_history", OPERATORS, ReadHistory, self._history),
        ]

    async def _list(self, call: Call, asked: ListWorkflows) -> Reply:
        return Reply(await lists.list_workflows(self._store, call.namespace, asked))

    async def _describe(self, call: Call, asked: DescribeWorkflow) -> Reply:
        """The current run, or the one that is named; held if the caller prefers."""
        namespace = call.namespace

        def look(read: Read) -> dict[str, Any]:
            return describing.describe(read, namespace, asked.workflow_id, asked.run_id)

        body = await self._store.read(look)
        seconds = call.preferred_wait
        if seconds is not None and not body["is_terminal"]:
            body = await self._until_closed(call, body["run_id"], look, seconds)
        return Reply(body, waited=seconds)

    async def _list_runs(self, call: Call, asked: ListRuns) -> Reply:
        namespace, workflow_id = call.namespace, asked.workflow_id
        body = await self._store.read(
            lambda read: describing.list_runs(read, namespace, workflow_id)
        )
        return Reply(body)

    async def _history(self, call: Call, asked: ReadHistory) -> Reply:
        """A page of a run's history, held for a new event if the caller wants one."""
        namespace = call.namespace

        async def look() -> dict[str, Any]:
            return await history_service.page(self._store, namespace, asked)

        if not asked.wait:
            return Reply(await look())
        body = await self._dispatcher.watch(
            asked.run_id,
            look,
            history_service.has_events,
            self._long_poll_timeout,
            call.peer.gone,
        )
        return Reply(body)

    async def _until_closed(
        self, call: Call, run_id: str, look: Callable[[Read], dict[str, Any]], seconds: int
    ) -> dict[str, Any]:
        async def look_again() -> dict[str, Any]:
            return await self._store.read(look)

        def enough(body: dict[str, Any]) -> bool:
            # A run that continued as new is closed, and the current run is another.
            return bool(body["is_terminal"]) or body["run_id"] != run_id

        return await self._dispatcher.watch(
            run_id, look_again, enough, seconds, call.peer.gone, end_only=True
        )
