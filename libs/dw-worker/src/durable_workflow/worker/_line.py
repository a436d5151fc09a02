"""What the parts of a worker speak through: its stream while there is one, and else requests."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from durable_workflow._meet import Lease, Report, StreamEnded, WorkerStream, WorkerTransport
from durable_workflow._wire.json_values import JsonObject

# A stream that brought no task for so long counts as an empty poll, as a held one would be.
_IDLE_SECONDS: Final = 30.0


class Standing:
    """The stream of one worker, shared by the lines of all its threads.

    Attributes:
        stream: The stream; None before it begins, and for good once it has ended.
        welcome_takes_decisions: Whether its server takes decisions that come with a result.
        passes_on: Whether it puts that result where the decision returns it.
    """

    def __init__(self) -> None:
        self.stream: WorkerStream | None = None
        self.welcome_takes_decisions = False
        self.passes_on = False

    @property
    def takes_decisions(self) -> bool:
        """Whether there is a stream, and a server behind it that takes decisions with results."""
        return self.stream is not None and self.welcome_takes_decisions

    def ended(self, stream: WorkerStream) -> None:
        """A stream has ended for good. From any thread."""
        if self.stream is stream:
            self.stream = None

    def release(self, lease: Lease) -> None:
        """A task has ended, reported or not. From any thread."""
        if (stream := self.stream) is not None:
            stream.release(lease)


class Line:
    """A `WorkerTransport` for one event loop.

    Args:
        requests: Gives what takes requests on that loop, or takes this report.
        standing: The worker's stream.
    """

    def __init__(
        self, requests: Callable[[Report | None], WorkerTransport], standing: Standing
    ) -> None:
        self._requests = requests
        self._standing = standing

    @property
    def requests(self) -> WorkerTransport:
        """What takes requests now."""
        return self._requests(None)

    @property
    def encodes(self) -> bool:
        return not self.is_streaming and self.requests.encodes

    @property
    def names_session(self) -> bool:
        return self.requests.names_session

    @property
    def is_streaming(self) -> bool:
        """Whether there is a stream."""
        return self._standing.stream is not None

    async def cluster_info(self) -> Any:
        return await self.requests.cluster_info()

    async def describe(self, workflow_id: str) -> Any:
        return await self.requests.describe(workflow_id)

    async def register(self, body: JsonObject) -> Any:
        return await self.requests.register(body)

    async def goodbye(self, body: JsonObject) -> Any:
        return await self.requests.goodbye(body)

    async def alive(self, body: JsonObject) -> Any:
        return await self._either(lambda way: way.alive(body))

    async def poll(
        self,
        kind: str,
        body: JsonObject,
        *,
        timeout: float,
        begin: Callable[[Any], None] | None = None,
    ) -> Any:
        """Ask for a task.

        Args:
            kind: Of the task.
            body: Of the request, where there is no stream.
            timeout: How long to wait, in seconds.
            begin: Called at once with a task that a stream brings.
        """
        if (stream := self._standing.stream) is not None:
            try:
                most = min(timeout, _IDLE_SECONDS)
                return await stream.poll(kind, timeout=most, begin=begin)
            except StreamEnded:
                self._standing.ended(stream)
        return await self.requests.poll(kind, body, timeout=timeout)

    async def report(self, report: Report) -> Any:
        return await self._either(lambda way: way.report(report), report)

    async def heartbeat(self, lease: Lease, details: JsonObject | None) -> Any:
        return await self._either(lambda way: way.heartbeat(lease, details))

    async def history(self, lease: Lease, token: str) -> Any:
        return await self._either(lambda way: way.history(lease, token))

    async def _either(
        self,
        call: Callable[[WorkerStream | WorkerTransport], Awaitable[Any]],
        report: Report | None = None,
    ) -> Any:
        if (stream := self._standing.stream) is not None:
            try:
                return await call(stream)
            except StreamEnded:  # what it did not take before it ended is a request
                self._standing.ended(stream)
        return await call(self._requests(report))
