"""Announcing a worker to a server: at its start, when it is forgotten, and at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from durable_workflow._meet import WorkerTransport
from durable_workflow._wire.extensions import (
    DEREGISTER,
    HELD_TASKS,
    PASSED_SIGNALS,
    QUERY_TASKS,
    STICKY_HISTORY,
    UPDATE_VALIDATION,
    WORKER_STREAM,
)
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.worker._arrival import until_done
from durable_workflow.worker._compatibility import (
    Offer,
    read_offer,
)
from durable_workflow.worker._definitions import Definitions, Identity
from durable_workflow.worker._log import log
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._slots import TaskSlots


class Registration:
    """The registration of one worker with its server.

    Attributes:
        offer: What the server can do.
        streams: Whether the worker opens a stream where the server has them.
        registered: Set while the server knows the worker.
    """

    def __init__(
        self,
        identity: Identity,
        definitions: Definitions,
        *,
        transport: WorkerTransport,
        slots: TaskSlots,
        keeps_machines: bool,
        process_metrics: Callable[[], JsonObject],
        adopt: Callable[[Any], None],
        register: Callable[[], Awaitable[None]],
    ) -> None:
        """Nothing is sent yet.

        Args:
            identity: Who the worker is.
            definitions: What it can run.
            transport: What speaks to the server.
            slots: How many tasks it may run.
            keeps_machines: Whether it keeps replayed runs.
            process_metrics: The state of the process.
            adopt: Takes what the server answered to a registration.
            register: Registers once: `self.register`, unless it is replaced.
        """
        self.offer = Offer()
        self.streams = False
        self._identity = identity
        self._definitions = definitions
        self._transport = transport
        self._slots = slots
        self._keeps_machines = keeps_machines
        self._process_metrics = process_metrics
        self._adopt = adopt
        self._register = register
        self._again: asyncio.Task[None] | None = None
        self.registered = asyncio.Event()
        self._is_over = False
        # For which offer, and whether with a stream, and what both sides know: asked for each task.
        self._used: tuple[Offer, bool, list[str]] = (self.offer, False, [])
        # What they knew, and what requests say then.
        self._session: tuple[list[str], JsonObject] = ([], {})

    async def register(self) -> None:
        """Check the server, adopt what it offers, and announce the worker."""
        self.offer = await read_offer(self._transport)
        identity, definitions = self._identity, self._definitions
        body: JsonObject = {
            "worker_id": identity.worker_id,
            "task_queue": identity.task_queue,
            "supported_workflow_types": list(definitions.workflows),
            "workflow_definition_fingerprints": dict(definitions.fingerprints),
            "supported_activity_types": list(definitions.activities),
            "max_concurrent_workflow_tasks": self._slots.most["workflow"],
            "max_concurrent_activity_tasks": self._slots.most["activity"],
            "task_slots": self._slots.available(),
            "process_metrics": self._process_metrics(),
            **self.session_fields(),
        }
        if identity.build_id is not None:
            body["build_id"] = identity.build_id
        if capabilities := self.capabilities():
            body["capabilities"] = capabilities
        reply = await self._transport.register(body)
        self.registered.set()
        self._adopt(reply)
        log.info("worker %s registered on task queue %s", identity.worker_id, identity.task_queue)

    async def first(self, where: str, pacing: Pacing, deadline: float | None = None) -> bool:
        """Register, waiting for a server that is not there yet; False where stopped first."""
        return await until_done(self._register, where=where, pacing=pacing, deadline=deadline)

    async def again(self) -> None:
        """Register with a server that has forgotten the worker: once for all who notice."""
        if self._is_over:
            return
        if self._again is None or self._again.done():
            self._again = asyncio.ensure_future(self._register())
        await asyncio.shield(self._again)

    def end(self) -> set[asyncio.Task[None]]:
        """Register no more; returns what is still under way."""
        self._is_over = True
        return set() if self._again is None else {self._again}

    async def say_goodbye(self, seconds: float) -> None:
        """Say that nothing more will be reported: the server frees held tasks at once."""
        if not self.registered.is_set() or not self.uses(DEREGISTER):
            return
        self.registered.clear()
        body = {"worker_id": self._identity.worker_id, "session": self._identity.session}
        try:
            async with asyncio.timeout(seconds):
                await self._transport.goodbye(body)
        except RuntimeError as error:  # the client cannot be used any more
            log.warning(
                "worker %s ended without a goodbye, so the server waits before it gives what the "
                "worker held to others: stop a worker before its client is closed (%s)",
                self._identity.worker_id,
                error,
            )
        except Exception as error:  # noqa: BLE001 - the server notices the silence
            log.warning(
                "worker %s could not say goodbye: %s",
                self._identity.worker_id,
                str(error) or type(error).__name__,
            )

    @property
    def answers_queries(self) -> bool:
        """Whether the server routes queries to workers, and this one has workflows."""
        return self.offer.query_tasks and self._definitions.serves_workflows

    def capabilities(self) -> list[str]:
        """What the worker says that it can do."""
        queries = [QUERY_TASKS] if self.answers_queries else []
        return queries + self.used_extensions()

    def uses(self, extension: str) -> bool:
        """Whether both sides know an extension."""
        return extension in self.used_extensions()

    def used_extensions(self) -> list[str]:
        """The extensions that both sides know."""
        offer, streams, used = self._used
        if offer is not self.offer or streams is not self.streams:
            used = self._both_know()
            self._used = (self.offer, self.streams, used)
        return used

    def _both_know(self) -> list[str]:
        offered, used = self.offer.extensions, list[str]()
        serves_workflows = self._definitions.serves_workflows
        if STICKY_HISTORY in offered and self._keeps_machines and serves_workflows:
            used.append(STICKY_HISTORY)
        if PASSED_SIGNALS in offered and serves_workflows:
            used.append(PASSED_SIGNALS)
        if UPDATE_VALIDATION in offered and self.answers_queries:
            used.append(UPDATE_VALIDATION)
        if self._transport.names_session:
            used += [each for each in (DEREGISTER, HELD_TASKS) if each in offered]
            if self.streams and WORKER_STREAM in offered:
                used.append(WORKER_STREAM)
        return used

    def session_fields(self) -> JsonObject:
        """The session, if the server uses it to tell worker objects with one id apart.

        Clients that do not know the extension are never given the argument.
        """
        used = self.used_extensions()
        used_then, fields = self._session
        if used_then is not used:
            named = not {HELD_TASKS, DEREGISTER, WORKER_STREAM}.isdisjoint(used)
            fields = {"session": self._identity.session} if named else {}
            self._session = used, fields
        return fields
