"""Retention in the background: from time to time it removes what is expired."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.services import retention
from durable_workflow.server.store import Store

_Work: TypeAlias = Callable[[Store, ExternalPayloads | None], Awaitable[object]]

_log = logging.getLogger(__name__)

_FIRST_SECONDS: Final = 1.0


class RetentionService:
    """Removes expired runs in every namespace, from `start` to `stop`.

    Args:
        interval_seconds: How often it looks; 0 leaves expired runs to passes.
        payloads: Deletes what removed runs referred to; without it that is left to others.
    """

    def __init__(
        self, store: Store, interval_seconds: float, payloads: ExternalPayloads | None = None
    ) -> None:
        self._store = store
        self._payloads = payloads
        self._interval = interval_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="dw-retention")

    async def stop(self) -> None:
        """End; what was begun is taken up by the next start."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def _run(self) -> None:
        # What a crash has left is finished in any case, but after the start has settled.
        await asyncio.sleep(min(self._interval or _FIRST_SECONDS, _FIRST_SECONDS))
        await self._look(retention.sweep if not self._interval else retention.remove_expired)
        while self._interval:
            await asyncio.sleep(self._interval)
            await self._look(retention.remove_expired)

    async def _look(self, work: _Work) -> None:
        try:
            removed = await work(self._store, self._payloads)
        except Exception:  # noqa: BLE001  reported, and tried again
            _log.exception("retention could not remove what is expired; trying again later")
            return
        if removed:
            _log.info("retention has removed %d closed runs", removed)
