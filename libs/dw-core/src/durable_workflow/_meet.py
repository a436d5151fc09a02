"""Where wheels meet: Protocols and registries that belong to none of those that use them.

The worker speaks to a server through a `WorkerTransport`: a few calls over bodies that are encoded
already. It is given a client, and looks up here how a client of that type makes a transport. A
client that registered nothing needs only the client's public methods, the `WorkerClient`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast, runtime_checkable

# By kind of task, how the task and its attempt are named.
TASK_ID_FIELDS: Final[Mapping[str, str]] = {
    "workflow": "task_id",
    "activity": "task_id",
    "query": "query_task_id",
}
ATTEMPT_FIELDS: Final[Mapping[str, str]] = {
    "workflow": "workflow_task_attempt",
    "activity": "activity_attempt_id",
    "query": "query_task_attempt",
}
_NOTHING: Final[Mapping[str, Any]] = {}

Method = Callable[..., Awaitable[Any]]
# Called with the client to copy and the constructor arguments that the copy shall differ in.
TransportCloneFactory = Callable[..., Any]


class ServerUnreachable(ConnectionError):
    """A request got no answer: the connection was refused, broke, or took too long."""


class Unencodable(Exception):
    """A result cannot be encoded, so nothing was sent.

    Attributes:
        error: What the codec or the storage driver raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Lease:
    """A leased task, as requests about it name it.

    Attributes:
        kind: `workflow`, `activity` or `query`.
        task_id: The task.
        attempt: `workflow_task_attempt`, `activity_attempt_id` or `query_task_attempt`.
        owner: The worker that holds it.
    """

    kind: str
    task_id: str
    attempt: int | str
    owner: str

    def fields(self) -> dict[str, Any]:
        """What every request about the task holds."""
        return {"lease_owner": self.owner, ATTEMPT_FIELDS[self.kind]: self.attempt}


def lease_of(kind: str, task: object, owner: str) -> Lease | None:
    """The lease of a task as the server sent it; None where it names no task or no attempt."""
    if kind not in ATTEMPT_FIELDS or not isinstance(task, dict):
        return None
    found = cast("dict[str, Any]", task)
    task_id, attempt = found.get(TASK_ID_FIELDS[kind]), found.get(ATTEMPT_FIELDS[kind])
    if not isinstance(task_id, str) or not isinstance(attempt, int | str):
        return None
    return Lease(kind, task_id, attempt, owner)


@dataclass(frozen=True, slots=True)
class Report:
    """How a task ended, as a worker tells it.

    Attributes:
        lease: The task.
        verb: `complete` or `fail`.
        body: What the request holds besides the lease, encoded.
        unencoded: A result and how to encode it, for a transport with `encodes`: arguments of the
            client's method.
    """

    lease: Lease
    verb: str
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    unencoded: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


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

    async def poll(self, kind: str, *, timeout: float) -> Any:
        """Wait for a task that the server sends; None where there was none for so long."""
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


@runtime_checkable
class ActivityHeartbeatTransport(Protocol):
    """What an `ActivityContext` needs in order to report progress."""

    async def heartbeat_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        details: dict[str, Any] | None = None,
    ) -> Any:
        """Report progress of an attempt; the answer may ask it to stop."""
        ...


@dataclass(frozen=True, slots=True)
class HeartbeatOptions:
    """How the heartbeats of an activity are sent in the background.

    Attributes:
        automatic: Whether they are sent without the code asking.
        every: Least seconds between two; None for a third of the heartbeat timeout.
    """

    automatic: bool
    every: float | None


# The member of an activity function that holds its options.
HEARTBEAT_OPTIONS: Final = "__activity_heartbeats__"


def heartbeat_options(function: Callable[..., Any]) -> HeartbeatOptions | None:
    """How the heartbeats of an activity are sent; None for as its code asks."""
    options = getattr(function, HEARTBEAT_OPTIONS, None)
    return options if isinstance(options, HeartbeatOptions) else None


@runtime_checkable
class WorkerClient(ActivityHeartbeatTransport, Protocol):
    """What a `Worker` may be given: the public methods of the client about the worker plane.

    Their parameters are those of `Client`. A client may also have `metrics`, `namespace`,
    `external_storage`, `external_storage_threshold_bytes`, `external_storage_cache` and
    `payload_size_warning_config`. They are optional and thus not part of the Protocol: look them
    up with `getattr` and check their type, for a mock of a client has every attribute.
    """

    @property
    def get_cluster_info(self) -> Method: ...
    @property
    def describe_workflow(self) -> Method: ...
    @property
    def register_worker(self) -> Method: ...
    @property
    def heartbeat_worker(self) -> Method: ...
    @property
    def poll_workflow_task(self) -> Method: ...
    @property
    def complete_workflow_task(self) -> Method: ...
    @property
    def fail_workflow_task(self) -> Method: ...
    @property
    def workflow_task_history(self) -> Method: ...
    @property
    def poll_activity_task(self) -> Method: ...
    @property
    def complete_activity_task(self) -> Method: ...
    @property
    def fail_activity_task(self) -> Method: ...
    @property
    def poll_query_task(self) -> Method: ...
    @property
    def complete_query_task(self) -> Method: ...
    @property
    def fail_query_task(self) -> Method: ...


@runtime_checkable
class SessionClient(Protocol):
    """What a client may have besides, for the extensions `held_tasks` and `deregister`.

    It then takes `session` in `register_worker`, `heartbeat_worker` and the polls, and
    `held_tasks` and `wait_seconds` in `heartbeat_worker`. They are given only where the server
    offers the extensions.
    """

    @property
    def release_worker(self) -> Method: ...


_clone_factories: dict[type[object], TransportCloneFactory] = {}
_transport_factories: dict[type[object], Callable[[Any], WorkerTransport]] = {}
_unanswered: list[type[Exception]] = [ConnectionError, TimeoutError]


def register_transport_clone(client_type: type[object], factory: TransportCloneFactory) -> None:
    """Say how a client of exactly this type is copied for use on another event loop.

    Args:
        client_type: The concrete class. Its subclasses need their own entry.
        factory: Called as `factory(client, **overrides)`; returns an independent client.
    """
    _clone_factories[client_type] = factory


def transport_clone_for(client: object) -> TransportCloneFactory | None:
    """The factory registered for the exact type of `client`, or None.

    Exact, because a subclass may hold what cannot be copied, and because a mock passes every
    `isinstance`: for those the caller stays with the one client that it has.
    """
    return _clone_factories.get(type(client))


def register_worker_transport(
    client_type: type[object], factory: Callable[[Any], WorkerTransport]
) -> None:
    """Say how a client of exactly this type makes a transport for a worker.

    Args:
        client_type: The concrete class. Its subclasses need their own entry: they may have changed
            a public method, and that is then what the worker calls.
        factory: Called with the client.
    """
    _transport_factories[client_type] = factory


def worker_transport_for(client: object) -> WorkerTransport | None:
    """A transport over `client`, or None where only its public methods can be called.

    Test suites replace public methods of a client: those are called then.
    """
    factory = _transport_factories.get(type(client))
    if factory is None or vars(client).keys() & _METHODS:
        return None
    return factory(client)


def register_unanswered(kind: type[Exception]) -> None:
    """Say that errors of this type mean that a request got no answer."""
    if kind not in _unanswered:
        _unanswered.append(kind)


def is_unanswered(error: BaseException) -> bool:
    """Whether a request got no answer at all, as far as the error tells."""
    return isinstance(error, tuple(_unanswered))


_METHODS: Final = frozenset(
    name
    for protocol in (WorkerClient, SessionClient, ActivityHeartbeatTransport)
    for name in vars(protocol)
    if not name.startswith("_")
)
