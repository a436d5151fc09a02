"""What a client must have to be given to a worker, and what an activity reports progress to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

Method = Callable[..., Awaitable[Any]]


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
