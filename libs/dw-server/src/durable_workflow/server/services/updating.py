"""An update from the request to its end: validated, accepted, waited for (control-plane 4.10).

Each step is a unit of work or a read of `updates`. Asking workers and waiting for runs are done by
other layers, which are passed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

import msgspec

from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, UpdateWorkflow
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import updates
from durable_workflow.server.store.protocol import Store, Tx

# Asks whether an update may be accepted: reason and message of a refusal, or None.
Validate: TypeAlias = Callable[[str, UpdateWorkflow], Awaitable[tuple[str, str] | None]]
Accept: TypeAlias = Callable[[Tx, UpdateWorkflow], Reply]
Gone: TypeAlias = Callable[[], asyncio.Future[None]]


class Watch(Protocol):
    """Looks at a run until enough is seen, or time is up; what was seen last."""

    def __call__(
        self,
        run_id: str,
        look: Callable[[], Awaitable[Reply]],
        enough: Callable[[Reply], bool],
        timeout: float,
        gone: Gone,
    ) -> Awaitable[Reply]: ...


class UpdateService:
    """Carries updates through.

    Args:
        validate: Asks a worker before an update is accepted.
        watch: Waits for progress of a run.
    """

    def __init__(
        self, store: Store, settings: ServiceSettings, *, validate: Validate, watch: Watch
    ) -> None:
        self._store = store
        self._settings = settings
        self._validate = validate
        self._watch = watch

    async def update(
        self,
        caller: Caller,
        request: UpdateWorkflow,
        gone: Gone,
        *,
        accept: Accept | None = None,
    ) -> Reply:
        """Accept an update, unless its validator refuses, and wait for it where that is asked for.

        Args:
            gone: Done when the caller has gone away: then nobody waits any more.
            accept: Accepts it, in place of `updates.accept`.
        """
        settings = self._settings
        seconds = request.wait_timeout_seconds or settings.update_wait_seconds
        # The wait has a value only where one is asked for.
        wait = seconds if request.wait_for == "completed" else None
        request = msgspec.structs.replace(request, wait_timeout_seconds=wait)
        refusal = await self._validate(caller.namespace, request)
        if refusal is not None:
            reason, message = refusal
            return await self._store.run(
                lambda tx: updates.reject(
                    tx, caller, request, settings, reason=reason, message=message
                )
            )

        def work(tx: Tx) -> Reply:
            if accept is not None:
                return accept(tx, request)
            return updates.accept(tx, caller, request, settings)

        reply = await self._store.run(work)
        if request.wait_for == "completed" and reply.body["update_status"] == "accepted":
            return await self._until_ended(caller.namespace, request, reply, gone)
        return reply

    async def _until_ended(
        self, namespace: str, request: UpdateWorkflow, accepted: Reply, gone: Gone
    ) -> Reply:
        update_id = accepted.body["update_id"]
        loop = asyncio.get_running_loop()
        assert request.wait_timeout_seconds is not None
        until = loop.time() + request.wait_timeout_seconds
        reply = accepted

        async def look() -> Reply:
            return await self._store.read(
                lambda read: updates.read(read, namespace, update_id, request)
            )

        while reply.body["update_status"] == "accepted":
            run_id = reply.body["run_id"]

            def enough(seen: Reply, run_id: str = run_id) -> bool:
                # A run that continued as new took the update along: watch the next one then.
                return bool(
                    seen.body["update_status"] != "accepted" or seen.body["run_id"] != run_id
                )

            reply = await self._watch(run_id, look, enough, max(until - loop.time(), 0), gone)
            if not enough(reply):
                reply.body["wait_timed_out"] = True
                break
        return reply
