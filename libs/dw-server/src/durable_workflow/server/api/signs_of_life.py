"""Signs of life of workers that have nothing, written together: one unit for all of a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from durable_workflow.server.requests import PollTask, SignOfLife
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import streams as services
from durable_workflow.server.services import workers
from durable_workflow.server.store import Store, StoreError
from durable_workflow.server.store.protocol import Tx

if TYPE_CHECKING:
    from durable_workflow.server.records.workers import Worker

_log = logging.getLogger(__name__)

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
        self._heard: dict[tuple[str, str, str], tuple[Worker, SignOfLife]] = {}

    def note(self, worker: Worker, sign: SignOfLife) -> None:
        """Write a sign of life soon, together with others: a unit for each costs more than all."""
        if not self._heard:
            self._spawn(self._write())
        self._heard[worker.worker_id, worker.session, worker.namespace] = (worker, sign)

    async def _write(self) -> None:
        await asyncio.sleep(_HEARD_SECONDS)
        heard, self._heard = list(self._heard.values()), {}
        await self._store.run(lambda tx: services.note_alive(tx, heard, self._settings))


class SignsOfPolls:
    """Held polls as signs of life: written together too, however many polls a worker has."""

    def __init__(self, store: Store, settings: ServiceSettings) -> None:
        self._store = store
        self._settings = settings
        self._heard: dict[tuple[str, str, str | None], None] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, namespace: str, asked: PollTask) -> None:
        """Write soon that the worker of a poll is there."""
        self._heard[namespace, asked.worker_id, asked.session] = None
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="dw-held-polls")

    async def _write(self) -> None:
        await asyncio.sleep(_HEARD_SECONDS)
        heard, self._heard = list(self._heard), {}
        self._writing = None

        def note(tx: Tx) -> None:
            for namespace, worker_id, session in heard:
                workers.seen_by_lease(tx, namespace, worker_id, session, self._settings)

        try:
            await self._store.run(note)
        except StoreError as error:
            _log.warning("signs of life of held polls could not be noted: %s", error)
