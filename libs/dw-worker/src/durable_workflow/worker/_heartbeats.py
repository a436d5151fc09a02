"""Heartbeats of a worker: the tasks that it holds, at the interval that the server asks for."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from durable_workflow._meet import WorkerTransport
from durable_workflow._wire.json_values import JsonObject, strings
from durable_workflow.worker._held import HeldTasks
from durable_workflow.worker._line import Line
from durable_workflow.worker._log import log
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._reporting import reason_of, status_of

# The longest that servers hold the answer to a heartbeat.
_LONGEST_HOLD_SECONDS = 60
# Shortest pause between two heartbeats, if a server answers at once although it should hold one.
_SHORTEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Naming:
    """How heartbeats name what the worker holds (extension `held_tasks`).

    Attributes:
        session: Tells this worker object from another under the same id.
        held: What it holds.
        in_use: Whether the server knows the extension.
    """

    session: str
    held: HeldTasks
    in_use: Callable[[], bool]


class Heartbeats:
    """Sends heartbeats until the worker stops.

    If the server knows `held_tasks`, a heartbeat names the held tasks and asks for an answer only
    when the next heartbeat is due. The server then notices at once when the worker is gone.

    Attributes:
        interval: Seconds between two; the server's answers may change it.
    """

    def __init__(
        self,
        transport: WorkerTransport,
        worker_id: str,
        interval: float,
        *,
        naming: Naming,
        task_slots: Callable[[], dict[str, int]],
        process_metrics: Callable[[], JsonObject],
        register_again: Callable[[], Awaitable[None]],
    ) -> None:
        self.interval = interval
        self._transport = transport
        self._worker_id = worker_id
        self._naming = naming
        self._task_slots = task_slots
        self._process_metrics = process_metrics
        self._register_again = register_again
        self._failures = 0
        self._warned: set[str] = set()

    def adopt(self, reply: Any) -> None:
        """Take over the interval of a server's answer, where it has one."""
        if not isinstance(reply, dict):
            return
        seconds = cast("JsonObject", reply).get("heartbeat_interval_seconds")
        if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
            self.interval = float(seconds)

    def pass_on(self, warnings: object) -> None:
        """Log what a server warns of, once for as long as it does."""
        texts = set(strings(warnings))
        for text in sorted(texts - self._warned):
            log.warning("worker %s: %s", self._worker_id, text)
        self._warned = texts

    async def run(self, pacing: Pacing, transport: WorkerTransport | None = None) -> None:
        """Send one after the other until the worker stops.

        Args:
            pacing: Says when to stop.
            transport: What to send through; the worker's own where it is None.
        """
        if not self._naming.in_use() or _is_streaming(transport):
            await pacing.pause(self.interval)
        while not pacing.stop.is_set():
            started = time.monotonic()
            try:
                was_held = await self.beat(transport)
            except Exception as error:  # noqa: BLE001 - the next one may get through
                self._failures += 1
                # One line for a server that is away for a while.
                is_told = self._failures > 1 or _is_streaming(transport)
                level = logging.DEBUG if is_told else logging.WARNING
                log.log(level, "worker heartbeat failed: %s", error)
                await pacing.pause(min(self.interval, _SHORTEST_PAUSE_SECONDS))
                continue
            self._failures = 0
            due_in = _SHORTEST_PAUSE_SECONDS if was_held else self.interval
            await pacing.pause(max(0.0, due_in - (time.monotonic() - started)))

    async def beat(self, transport: WorkerTransport | None = None) -> bool:
        """Send one. A server that does not know this worker is told about it again.

        Returns:
            Whether the server held the answer, so that the next one is due.
        """
        named = self._naming.held.named()
        options: dict[str, Any] = {}
        # A stream knows itself what is held, and its answers are never held back.
        if self._naming.in_use() and not _is_streaming(transport):
            options = {
                "session": self._naming.session,
                "held_tasks": named,
                "wait_seconds": max(1, min(int(self.interval), _LONGEST_HOLD_SECONDS)),
            }
        try:
            body = {
                "worker_id": self._worker_id,
                "task_slots": self._task_slots(),
                "process_metrics": self._process_metrics(),
            }
            reply = await (transport or self._transport).alive(body | options)
        except Exception as error:
            if status_of(error) != 404 and reason_of(error) != "worker_not_registered":
                raise
            log.warning("the server does not know this worker: %s", error)
            await self._register_again()
            return False
        self.adopt(reply)
        return self._read(named, reply) if self._naming.in_use() else False

    def _read(self, named: list[JsonObject], reply: object) -> bool:
        answer = cast("JsonObject", reply) if isinstance(reply, dict) else {}
        self._naming.held.drop(named, answer.get("dropped"))
        self.pass_on(answer.get("warnings"))
        return isinstance(answer.get("wait_seconds"), int)


def _is_streaming(transport: WorkerTransport | None) -> bool:
    return isinstance(transport, Line) and transport.is_streaming


def on_loop(
    loop: asyncio.AbstractEventLoop, call: Callable[[], Awaitable[None]]
) -> Callable[[], Awaitable[None]]:
    """Have `call` run on the worker's event loop, whichever loop it is awaited on."""

    async def run() -> None:
        await call()

    async def hand_over() -> None:
        if asyncio.get_running_loop() is loop:
            await call()
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), loop))

    return hand_over
