"""Workflows, their runs and their history (control-plane 4 and 5)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.held import described
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.dispatch import Dispatcher, RunWaiter, TooManyWaiting
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
from durable_workflow.server.views import describing, lists, minimal
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
        return [
            Operation("start_workflow", OPERATORS, StartWorkflow, self._start),
            Operation("list_workflows", OPERATORS, ListWorkflows, self._list),
            Operation("describe_workflow", OPERATORS, DescribeWorkflow, self._describe),
            Operation("list_runs", OPERATORS, ListRuns, self._list_runs),
            Operation("read_history", OPERATORS, ReadHistory, self._history),
        ]

    async def _start(self, call: Call, asked: StartWorkflow) -> Reply:
        """Start a workflow; with the answer held until the run has ended, if the caller prefers."""
        caller, settings = call.caller(), self._units.settings
        if not call.preferred_wait:
            return await self._store.run(lambda tx: workflows.start(tx, caller, asked, settings))
        with self._dispatcher.run_waiter() as waiter:
            begun = await self._store.run(
                lambda tx: workflows.start(tx, caller, asked, settings, waiter), unhurried=True
            )
            if begun.reason is not None:
                return begun
            try:
                ended = await self._end(
                    call, waiter, begun.body["workflow_id"], begun.body["run_id"]
                )
            except TooManyWaiting:
                return begun  # it runs, and its caller can ask for the end
        body = {**ended, "outcome": begun.body["outcome"]}
        return Reply(body, begun.form, waited=call.preferred_wait, minimal=True)

    async def _list(self, call: Call, asked: ListWorkflows) -> Reply:
        return Reply(await lists.list_workflows(self._store, call.namespace, asked))

    async def _describe(self, call: Call, asked: DescribeWorkflow) -> Reply:
        """The current run, or the one that is named; held if the caller prefers."""
        namespace = call.namespace
        if call.prefers_minimal:
            return await self._describe_minimally(call, asked)

        def look(read: Read) -> dict[str, Any]:
            return describing.describe(read, namespace, asked.workflow_id, asked.run_id)

        return await described(self._store, self._dispatcher, call, look)

    async def _describe_minimally(self, call: Call, asked: DescribeWorkflow) -> Reply:
        namespace, seconds = call.namespace, call.preferred_wait
        body = await self._store.read(
            lambda read: minimal.describe(read, namespace, asked.workflow_id, asked.run_id)
        )
        if seconds and not body["is_terminal"]:
            with self._dispatcher.run_waiter() as waiter:
                body = await self._end(call, waiter, asked.workflow_id, body["run_id"])
        return Reply(body, waited=seconds, minimal=True)

    async def _end(
        self, call: Call, waiter: RunWaiter, workflow_id: str, run_id: str
    ) -> dict[str, Any]:
        """How a run ended, or how it is when the time that the caller prefers is up."""

        def look(read: Read) -> dict[str, Any]:
            return minimal.describe(read, call.namespace, workflow_id, run_id)

        async def is_over() -> bool:
            return bool((await self._store.read(look))["is_terminal"])

        end = await self._dispatcher.watch_end(
            run_id, waiter, is_over, call.preferred_wait or 0, call.peer.gone
        )
        return await self._store.read(look) if end is None else minimal.ended(end)

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
