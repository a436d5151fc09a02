"""Signs of life of workers that have nothing, written together: one unit for all of a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from durable_workflow.server.requests import WorkerHeartbeat
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import streams as services
from durable_workflow.server.store import Store

if TYPE_CHECKING:
    from durable_workflow.server.records.workers import Worker

# How long signs of life are gathered; a small part of the time after which one is missed.
_HEARD_SECONDS: Final = 1.0


class SignsOfLife:
    """What was heard, and is not written yet.

    Args:
        spawn: Has something done beside the caller.
    """

    def __init__(
        self,
        store: Store,
        settings: ServiceSettings,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._spawn = spawn
        self._heard: dict[tuple[str, str, str], tuple[Worker, WorkerHeartbeat]] = {}

    def note(self, worker: Worker, heartbeat: WorkerHeartbeat) -> None:
        """Write a sign of life soon, together with others: a unit for each costs more than all."""
        if not self._heard:
            self._spawn(self._write())
        self._heard[worker.worker_id, worker.session, worker.namespace] = (worker, heartbeat)

    async def _write(self) -> None:
        await asyncio.sleep(_HEARD_SECONDS)
        heard, self._heard = list(self._heard.values()), {}
        await self._store.run(lambda tx: services.note_alive(tx, heard, self._settings))
