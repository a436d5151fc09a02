"""How a worker speaks to a server: by requests, and over a stream where there is one."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from durable_workflow._meet._tasks import Lease, Report


class WorkerTransport(Protocol):
    """How a worker speaks to a server.

    Bodies are those of the HTTP requests. A call that got no answer raises `ServerUnreachable`, a
    refusal the error that it stands for.

    Attributes:
        encodes: Whether reports hold results unencoded. An object of the application's own, with
            the public methods of the client, encodes them itself.
        names_session: Whether `register`, `alive` and `poll` may hold what belongs to the
            extensions `held_tasks` and `deregister`, and `goodbye` can be called.
    """

    @property
    def encodes(self) -> bool: ...

    @property
    def names_session(self) -> bool: ...

    async def cluster_info(self) -> Any:
        """What the server is and can do."""
        ...

    async def describe(self, workflow_id: str) -> Any:
        """The newest run of a workflow: an object with `status`."""
        ...

    async def register(self, body: dict[str, Any]) -> Any:
        """Announce a worker and what it can run."""
        ...

    async def alive(self, body: dict[str, Any]) -> Any:
        """Say that a worker is alive; the answer may name tasks that it does not hold any more."""
        ...

    async def goodbye(self, body: dict[str, Any]) -> Any:
        """Say that a worker has ended: what it holds is free at once."""
        ...

    async def poll(self, kind: str, body: dict[str, Any], *, timeout: float) -> Any:
        """Wait for a task of a kind, `timeout` seconds at most; None where there was none."""
        ...

    async def report(self, report: Report) -> Any:
        """Say how a task ended.

        Raises:
            Unencodable: The transport encodes, and the result cannot be.
        """
        ...

    async def heartbeat(self, lease: Lease, details: dict[str, Any] | None) -> Any:
        """Report progress of an activity; the answer may ask it to stop."""
        ...

    async def history(self, lease: Lease, token: str) -> Any:
        """Fetch a further page of the history of a workflow task."""
        ...


class StreamEnded(Exception):
    """The stream of a worker has ended for good: what it did is done by requests from now on."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a worker says when it opens a stream.

    Attributes:
        worker_id: Its id, which is registered.
        session: Tells this worker object from another under the same id.
        task_queue: The queue that it serves.
        build_id: Version of its code; None for none.
        slots: How many tasks of each kind it works on at once.
        message_bytes: Largest message that the server says it takes; None where it says nothing.
    """

    worker_id: str
    session: str
    task_queue: str
    build_id: str | None
    slots: Mapping[str, int]
    message_bytes: int | None = None


class StreamListener(Protocol):
    """What a stream tells its worker. Called in the thread that `WorkerStream.run` runs in."""

    def welcomed(self, welcome: Mapping[str, Any]) -> None:
        """The server has opened the stream, or opened it again."""
        ...

    def dropped(self, task_id: str, attempt: int | str) -> None:
        """A task is not this worker's any more."""
        ...

    def cancelled(self, task_id: str, reason: str) -> None:
        """An activity should stop."""
        ...

    def doubted(self, claims: Collection[str]) -> None:
        """The connection ended before the tasks of these claims were acknowledged.

        Perhaps they were never committed: nothing that rests on them may be kept.
        """
        ...

    def settled(self, claim: str) -> None:
        """The task of this claim was dropped before it was handed out. From any thread."""
        ...

    async def register_again(self) -> None:
        """The server does not know this worker."""
        ...


class WorkerStream(Protocol):
    """One connection of a worker, kept up for the worker's whole life.

    `run` keeps it up, in the thread that it runs in. Everything else may be called from any event
    loop, and raises `StreamEnded` once the stream has ended. What is lost with a connection is
    repeated on the next one, so a report waits for as long as the server is away.
    """

    async def run(self) -> None:
        """Connect, serve, and connect again, until `close`.

        Raises:
            StreamEnded: The server, or a proxy before it, gives no stream.
        """
        ...

    async def poll(
        self, kind: str, *, timeout: float, begin: Callable[[Any], None] | None = None
    ) -> Any:
        """Wait for a task that the server sends; None where there was none for so long.

        Args:
            kind: Of the task.
            timeout: How long to wait, in seconds.
            begin: Called with the task on this event loop as soon as it is there, before whoever
                waits here goes on.
        """
        ...

    async def report(self, report: Report) -> Any:
        """Say how a task ended; returns once the server has stored it."""
        ...

    async def heartbeat(self, lease: Lease, details: dict[str, Any] | None) -> Any:
        """Report progress of an activity; the answer may ask it to stop."""
        ...

    async def history(self, lease: Lease, token: str) -> Any:
        """Fetch a further page of the history of a workflow task."""
        ...

    async def alive(self, body: dict[str, Any]) -> Any:
        """Say that the worker is alive."""
        ...

    def release(self, lease: Lease) -> None:
        """The worker has ended a task. One that it could not report is failed, so that it is free.

        May be called from any thread.
        """
        ...

    def drain(self) -> None:
        """Ask for no more tasks. May be called from any thread."""
        ...

    async def close(self) -> None:
        """Say that nothing more will be reported: what is held is free at once. Then end."""
        ...


@runtime_checkable
class StreamingTransport(Protocol):
    """What a `WorkerTransport` can do besides, towards a server that lists `worker_stream`."""

    @property
    def can_stream(self) -> bool:
        """Whether it can open a stream as it is set up now."""
        ...

    def stream(self, opening: Opening, listener: StreamListener) -> WorkerStream:
        """A stream, not connected yet."""
        ...
