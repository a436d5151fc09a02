"""What is done to a running workflow: signals, queries, updates, cancel, terminate."""

from __future__ import annotations

import asyncio
from functools import partial

from durable_workflow.server.api.bodies import operations as bodies
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.notices import TaskReady
from durable_workflow.server.querying import Outcome, QueryBoard, Question, asking
from durable_workflow.server.services import ends, signals, targets, updates
from durable_workflow.server.services.replies import Reply
from durable_workflow.server.services.requests import UpdateWorkflow
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Read

# Longer than a round trip, shorter than patience: without an answer the update is accepted.
_VALIDATION_SECONDS = 5.0


class CommandHandlers:
    """What is asked of a run, on its workflow id or on the run itself."""

    def __init__(
        self, units: Units, dispatcher: Dispatcher, queries: QueryBoard, settings: Settings
    ) -> None:
        self._units = units
        self._store = units.store
        self._settings = units.settings
        self._dispatcher = dispatcher
        self._queries = queries
        self._limits = settings.wire

    def operations(self) -> list[Operation]:
        """The operations."""
        command = self._units.command
        read_signal = partial(bodies.read_signal, limits=self._limits)
        handlers = {
            "signal_workflow": command(read_signal, signals.signal),
            "query_workflow": self._query,
            "update_workflow": self._update,
            "cancel_workflow": command(bodies.read_close, ends.cancel),
            "terminate_workflow": command(bodies.read_close, ends.terminate),
        }
        return [Operation(name, OPERATORS, handle) for name, handle in handlers.items()]

    async def _query(self, call: Call) -> Reply:
        asked = bodies.read_query(call.document, call.names, limits=self._limits)
        namespace, settings = call.namespace, self._settings

        def prepare(read: Read) -> Question:
            row = targets.find(read, namespace, asked.workflow_id, asked.run_id)
            pollers = self._queries.pollers(namespace, row.run.task_queue)
            return asking.prepare(read, namespace, asked, settings, pollers)

        question = await self._store.read(prepare)
        outcome = await self._ask(question, settings.query_timeout_seconds)
        scope = "instance" if asked.run_id is None else "run"
        return asking.answer(question, scope, outcome)

    async def _update(self, call: Call) -> Reply:
        settings = self._settings
        asked = bodies.read_update(
            call.document,
            call.names,
            limits=self._limits,
            default_wait=settings.update_wait_seconds,
        )
        caller = call.caller()
        refusal = await self._validated(call.namespace, asked)
        if refusal is not None:
            reason, message = refusal
            return await self._store.run(
                lambda tx: updates.reject(
                    tx, caller, asked, settings, reason=reason, message=message
                )
            )
        answer = await self._store.run(lambda tx: updates.accept(tx, caller, asked, settings))
        if asked.wait_for == "completed" and answer.body["update_status"] == "accepted":
            return await self._until_ended(call, asked, answer)
        return answer

    async def _validated(self, namespace: str, asked: UpdateWorkflow) -> tuple[str, str] | None:
        """Ask a worker that offers it whether the update may be accepted (`update_validation`)."""
        settings = self._settings

        def prepare(read: Read) -> Question | None:
            if updates.find_by_request(read, namespace, asked) is not None:
                return None
            return asking.prepare_validation(read, namespace, asked, settings)

        question = await self._store.read(prepare)
        if question is None:
            return None
        return asking.refusal_of(await self._ask(question, _VALIDATION_SECONDS))

    async def _until_ended(self, call: Call, asked: UpdateWorkflow, accepted: Reply) -> Reply:
        namespace, update_id = call.namespace, accepted.body["update_id"]
        loop = asyncio.get_running_loop()
        assert asked.wait_timeout_seconds is not None
        until = loop.time() + asked.wait_timeout_seconds
        answer = accepted

        async def look() -> Reply:
            return await self._store.read(
                lambda read: updates.read(read, namespace, update_id, asked)
            )

        while answer.body["update_status"] == "accepted":
            run_id = answer.body["run_id"]

            def enough(seen: Reply, run_id: str = run_id) -> bool:
                # A run that continued as new took the update along: watch the next one then.
                return bool(
                    seen.body["update_status"] != "accepted" or seen.body["run_id"] != run_id
                )

            answer = await self._dispatcher.watch(
                run_id, look, enough, max(until - loop.time(), 0), call.peer.gone
            )
            if not enough(answer):
                answer.body["wait_timed_out"] = True
                break
        return answer

    async def _ask(self, question: Question, timeout: float) -> Outcome:
        def announce() -> None:
            # Looked up each time: a question may move to another queue with its workflow.
            ready = TaskReady("query", question.namespace, question.task_queue)
            self._dispatcher.publish([ready])

        return await self._queries.ask(question, timeout, announce)
