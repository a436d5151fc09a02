"""The worker's end of its stream: opening it, and telling the parts what it says."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from durable_workflow._meet import (
    Opening,
    StreamEnded,
    StreamingTransport,
    WorkerStream,
    WorkerTransport,
)
from durable_workflow.worker._definitions import Identity
from durable_workflow.worker._heartbeats import Heartbeats
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._limits import Limits
from durable_workflow.worker._line import Standing
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import MachineCache


class Listener:
    """Takes what a stream tells, in its thread."""

    def __init__(
        self,
        identity: Identity,
        held: HeldTasks,
        heartbeats: Heartbeats,
        machines: MachineCache,
        standing: Standing,
        register_again: Callable[[], Awaitable[None]],
    ) -> None:
        self._identity = identity
        self._held = held
        self._heartbeats = heartbeats
        self._machines = machines
        self._standing = standing
        self._register_again = register_again

    def welcomed(self, welcome: Mapping[str, Any]) -> None:
        """The server has opened the stream, or opened it again."""
        self._heartbeats.adopt({"heartbeat_interval_seconds": welcome.get("heartbeat_seconds")})
        self._heartbeats.pass_on(welcome.get("warnings"))
        self._standing.welcome_takes_decisions = welcome.get("takes_decisions") is True
        self._standing.passes_on = welcome.get("passes_on") is True

    def dropped(self, task_id: str, attempt: int | str) -> None:
        """A task is not this worker's any more."""
        self._held.drop_attempt(task_id, attempt)

    def cancelled(self, task_id: str, reason: str) -> None:
        """An activity should stop."""
        self._held.cancel(task_id, reason)

    def doubted(self, claims: Collection[str]) -> None:
        """Machines that rest on these claims are not used again: each is rebuilt from history."""
        self._machines.doubt(claims)

    def settled(self, claim: str) -> None:
        """The task of this claim was dropped before anybody worked on it."""
        self._machines.settle(claim)

    async def register_again(self) -> None:
        """The server does not know this worker."""
        log.warning("the server does not know worker %s", self._identity.worker_id)
        await self._register_again()


def can_stream(transport: WorkerTransport) -> bool:
    """Whether a transport can open a stream."""
    return isinstance(transport, StreamingTransport) and transport.can_stream


def stream_of(
    transport: WorkerTransport,
    identity: Identity,
    slots: Mapping[str, int],
    listener: Listener,
    *,
    limits: Limits,
) -> WorkerStream | None:
    """The stream of a worker, not connected yet; None where its client can't open one."""
    if not isinstance(transport, StreamingTransport):
        return None
    opening = Opening(
        worker_id=identity.worker_id,
        session=identity.session,
        task_queue=identity.task_queue,
        build_id=identity.build_id,
        slots=slots,
        message_bytes=limits.request_bytes,
    )
    return transport.stream(opening, listener)


async def keep_up(stream: WorkerStream, standing: Standing, worker_id: str) -> None:
    """Run a stream until the worker closes it, or the server, or a proxy, gives none."""
    try:
        await stream.run()
    except StreamEnded as ended:
        log.warning(
            "worker %s has no stream, and polls from now on: %s",
            worker_id,
            str(ended) or "it has ended",
        )
    except asyncio.CancelledError:
        raise
    except Exception:  # noqa: BLE001 - logged; polls serve on
        log.exception("the stream of worker %s ended in an error, and it polls now", worker_id)
    finally:
        standing.ended(stream)
