"""Descriptions that are held until what they describe has ended (`Prefer: wait`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.replies import Reply
from durable_workflow.server.store import Read, Store


async def described(
    store: Store,
    dispatcher: Dispatcher,
    call: Call,
    look: Callable[[Read], dict[str, Any]],
    *,
    run_id_member: str = "run_id",
) -> Reply:
    """What `look` sees: at once, or as soon as the run has ended if the caller prefers that.

    Args:
        look: Describes a run; `is_terminal` says whether it has ended.
        run_id_member: Where the description has the id of the run.
    """
    body = await store.read(look)
    seconds = call.preferred_wait
    if seconds is None or body["is_terminal"]:
        return Reply(body, waited=seconds)
    run_id: str = body[run_id_member]

    async def look_again() -> dict[str, Any]:
        return await store.read(look)

    def enough(seen: dict[str, Any]) -> bool:
        # A run that continued as new is closed, and the current run is another.
        return bool(seen["is_terminal"]) or seen[run_id_member] != run_id

    body = await dispatcher.watch(
        run_id, look_again, enough, seconds, call.peer.gone, end_only=True
    )
    return Reply(body, waited=seconds)
