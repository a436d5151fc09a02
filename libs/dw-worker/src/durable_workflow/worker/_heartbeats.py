"""The worker's sign of life, and the cadence that the server asks for."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from durable_workflow._meet import WorkerTransport
from durable_workflow.worker._log import log
from durable_workflow.worker._polling import Pacing
from durable_workflow.worker._reporting import reason_of, status_of
from durable_workflow.worker._tasks import JsonObject


class Heartbeats:
    """Says that the worker is alive, again and again.

    Attributes:
        interval: Seconds between two; the server's answers may change it.
    """

    def __init__(
        self,
        client: WorkerTransport,
        worker_id: str,
        interval: float,
        *,
        task_slots: Callable[[], dict[str, int]],
        process_metrics: Callable[[], JsonObject],
        register_again: Callable[[], Awaitable[None]],
    ) -> None:
        self.interval = interval
        self._client = client
        self._worker_id = worker_id
        self._task_slots = task_slots
        self._process_metrics = process_metrics
        self._register_again = register_again

    def adopt(self, reply: Any) -> None:
        """Take over the interval of a server's answer, where it has one."""
        if not isinstance(reply, dict):
            return
        seconds = cast("JsonObject", reply).get("heartbeat_interval_seconds")
        if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
            self.interval = float(seconds)

    async def run(self, pacing: Pacing) -> None:
        """Send one after each interval until the worker stops."""
        while not pacing.stop.is_set():
            await pacing.pause(self.interval)
            if pacing.stop.is_set():
                return
            try:
                await self.beat()
            except Exception as error:  # noqa: BLE001 - the next one may get through
                log.warning("worker heartbeat failed: %s", error)

    async def beat(self) -> None:
        """Send one. A server that does not know this worker is told about it again."""
        try:
            reply = await self._client.heartbeat_worker(
                worker_id=self._worker_id,
                task_slots=self._task_slots(),
                process_metrics=self._process_metrics(),
            )
        except Exception as error:
            if status_of(error) != 404 and reason_of(error) != "worker_not_registered":
                raise
            log.warning("the server does not know this worker: %s", error)
            await self._register_again()
        else:
            self.adopt(reply)
