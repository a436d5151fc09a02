"""Where wheels meet: Protocols and registries that belong to none of those that use them.

The worker takes whatever speaks the worker plane, and an activity whatever takes a heartbeat;
neither knows the client. A wheel that can do more than its Protocol says, as giving a second
client for another thread, registers that here.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from durable_workflow.external_storage import ExternalStorageDriver

# Called with the client to copy and the constructor arguments that the copy shall differ in.
TransportCloneFactory = Callable[..., Any]


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


@runtime_checkable
class WorkerTransport(ActivityHeartbeatTransport, Protocol):
    """What a worker needs of a client: the worker plane, cluster info, and one description.

    A transport may also have `metrics`, `namespace`, `external_storage`,
    `external_storage_threshold_bytes`, `external_storage_cache` and
    `payload_size_warning_config`. They are optional and thus not part of the Protocol: look them
    up with `getattr` and check their type, for a mock of a client has every attribute.
    """

    async def get_cluster_info(self) -> dict[str, Any]:
        """What the server is and can do."""
        ...

    async def describe_workflow(self, workflow_id: str) -> Any:
        """The newest run of a workflow: an object with `status`."""
        ...

    async def register_worker(
        self,
        *,
        worker_id: str,
        task_queue: str,
        supported_workflow_types: list[str] | None = None,
        workflow_definition_fingerprints: dict[str, str] | None = None,
        supported_activity_types: list[str] | None = None,
        max_concurrent_workflow_tasks: int | None = None,
        max_concurrent_activity_tasks: int | None = None,
        runtime: str = "python",
        sdk_version: str | None = None,
        build_id: str | None = None,
        capabilities: list[str] | None = None,
        task_slots: dict[str, int] | None = None,
        process_metrics: dict[str, Any] | None = None,
        heartbeat_interval_seconds: int | None = None,
    ) -> Any:
        """Announce a worker and what it can run."""
        ...

    async def heartbeat_worker(
        self,
        *,
        worker_id: str,
        task_slots: dict[str, int] | None = None,
        process_metrics: dict[str, Any] | None = None,
        heartbeat_interval_seconds: int | None = None,
    ) -> Any:
        """Say that a worker is alive."""
        ...

    async def poll_workflow_task(
        self, *, worker_id: str, task_queue: str, timeout: float = 35.0
    ) -> Any:
        """Wait for a workflow task; None when there was none."""
        ...

    async def complete_workflow_task(
        self,
        *,
        task_id: str,
        lease_owner: str,
        workflow_task_attempt: int,
        commands: list[dict[str, Any]],
        keep_history: bool = False,
    ) -> Any:
        """Hand in the commands of a workflow task.

        `keep_history` is given only where the server offers the extension `sticky_history`.
        """
        ...

    async def fail_workflow_task(
        self,
        *,
        task_id: str,
        lease_owner: str,
        workflow_task_attempt: int,
        message: str,
        failure_type: str | None = None,
        stack_trace: str | None = None,
    ) -> Any:
        """Give a workflow task back, with the reason it could not be done."""
        ...

    async def workflow_task_history(
        self,
        *,
        task_id: str,
        next_history_page_token: str | None = None,
        page_token: str | None = None,
        lease_owner: str,
        workflow_task_attempt: int,
    ) -> Any:
        """Fetch a further page of a leased task's history."""
        ...

    async def poll_query_task(
        self, *, worker_id: str, task_queue: str, timeout: float = 35.0
    ) -> Any:
        """Wait for a query task; None when there was none."""
        ...

    async def complete_query_task(
        self,
        *,
        query_task_id: str,
        lease_owner: str,
        query_task_attempt: int,
        result: Any,
        codec: str = "avro",
        workflow_id: str | None = None,
        run_id: str | None = None,
        query_name: str | None = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> Any:
        """Answer a query."""
        ...

    async def fail_query_task(
        self,
        *,
        query_task_id: str,
        lease_owner: str,
        query_task_attempt: int,
        message: str,
        reason: str = "query_rejected",
        failure_type: str | None = None,
        stack_trace: str | None = None,
    ) -> Any:
        """Refuse a query, or say why it has no answer."""
        ...

    async def poll_activity_task(
        self, *, worker_id: str, task_queue: str, timeout: float = 35.0
    ) -> Any:
        """Wait for an activity task; None when there was none."""
        ...

    async def complete_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        result: Any,
        codec: str = "avro",
        activity_name: str | None = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
    ) -> Any:
        """Hand in the result of an attempt."""
        ...

    async def fail_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        message: str,
        failure_type: str | None = None,
        stack_trace: str | None = None,
        non_retryable: bool = False,
        details: Any | None = None,
        codec: str = "avro",
        activity_name: str | None = None,
    ) -> Any:
        """Report that an attempt failed."""
        ...


@runtime_checkable
class SessionTransport(Protocol):
    """What a transport can do besides, so that a worker may name what it holds.

    For the extensions `held_tasks` and `deregister`. A transport that has this takes `session` in
    `register_worker`, `heartbeat_worker` and the polls, and `held_tasks` and `wait_seconds` in
    `heartbeat_worker`. They are given only where the server offers the extensions.
    """

    async def release_worker(self, *, worker_id: str, session: str) -> Any:
        """Say that a worker has ended: what it holds is free at once."""
        ...


_clone_factories: dict[type[object], TransportCloneFactory] = {}


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
