"""`Client`: the constructor, and the sum of what there is to ask a server."""

from typing import Any, Self

from durable_workflow._meet import register_transport_clone, register_worker_transport
from durable_workflow.client._arguments import Seconds, capable, optional, text, time_limit
from durable_workflow.client._payloads import Payloads
from durable_workflow.client._resources.activities import ActivityMethods
from durable_workflow.client._resources.activity_tasks import ActivityTaskMethods
from durable_workflow.client._resources.bridge import BridgeMethods
from durable_workflow.client._resources.messages import MessageMethods
from durable_workflow.client._resources.namespaces import NamespaceMethods
from durable_workflow.client._resources.query_tasks import QueryTaskMethods
from durable_workflow.client._resources.registration import RegistrationMethods
from durable_workflow.client._resources.runs import RunMethods
from durable_workflow.client._resources.schedule_history import ScheduleHistoryMethods
from durable_workflow.client._resources.schedules import ScheduleMethods
from durable_workflow.client._resources.search_attributes import SearchAttributeMethods
from durable_workflow.client._resources.system import SystemMethods
from durable_workflow.client._resources.task_queues import TaskQueueMethods
from durable_workflow.client._resources.workers import WorkerMethods
from durable_workflow.client._resources.workflow_results import WorkflowResultMethods
from durable_workflow.client._resources.workflow_tasks import WorkflowTaskMethods
from durable_workflow.client._resources.workflows import WorkflowMethods
from durable_workflow.client._transport import Transport
from durable_workflow.client._worker_transport import HttpWorkerTransport
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.metrics import NOOP_METRICS, MetricsRecorder
from durable_workflow.retry_policy import TransportRetryPolicy
from durable_workflow.serializer import (
    DEFAULT_PAYLOAD_SIZE_BYTES,
    DEFAULT_WARNING_THRESHOLD_PERCENT,
    PayloadSizeWarningConfig,
)


class Client(
    WorkflowMethods,
    RunMethods,
    WorkflowResultMethods,
    MessageMethods,
    ScheduleMethods,
    ScheduleHistoryMethods,
    ActivityMethods,
    NamespaceMethods,
    TaskQueueMethods,
    SearchAttributeMethods,
    WorkerMethods,
    SystemMethods,
    BridgeMethods,
    RegistrationMethods,
    WorkflowTaskMethods,
    QueryTaskMethods,
    ActivityTaskMethods,
):
    """The async client of a server: the control plane, and the worker plane for `Worker`.

    Use it as an async context manager, or call `aclose` when done. One client serves many tasks
    of one event loop; on a second loop that runs at the same time, as in another thread, its calls
    raise `RuntimeError`.

    Every method that asks the server can raise `Unauthorized`, `NamespaceNotFound`, `ServerError`
    for refusals without a type of their own, `ClientClosed`, and the `httpx.TransportError` of its
    last attempt.

    Attributes:
        base_url: Origin of the server.
        token: Token for both planes, where they have none of their own.
        control_token: Token for the control plane.
        worker_token: Token for the worker plane.
        namespace: The namespace that calls are about.
        timeout: Seconds that one attempt at a request may take, from connecting to the last byte of
            the response; None is no limit.
        retry_policy: Decides on further attempts at the HTTP level.
        metrics: Receives two observations for each call.
        transport: What requests go through in place of httpx; None is httpx.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        control_token: str | None = None,
        worker_token: str | None = None,
        namespace: str = "default",
        timeout: Seconds | None = 60.0,
        retry_policy: TransportRetryPolicy | None = None,
        metrics: MetricsRecorder | None = None,
        payload_size_limit_bytes: int = DEFAULT_PAYLOAD_SIZE_BYTES,
        payload_size_warning_threshold_percent: int = DEFAULT_WARNING_THRESHOLD_PERCENT,
        payload_size_warnings: bool = True,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_threshold_bytes: int | None = None,
        external_storage_cache: ExternalPayloadCache | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Make a client. Nothing is sent yet.

        Args:
            base_url: Origin of the server, as `https://workflow.example.com`, without `/api`.
            token: Token for both planes, where they have none of their own.
            control_token: Token for the control plane.
            worker_token: Token for the worker plane.
            namespace: The namespace that calls are about.
            timeout: Seconds that one attempt at a request may take, from connecting to the last
                byte of the response; None is no limit. Long polls add the time of their own.
            retry_policy: Decides on further attempts at the HTTP level.
            metrics: Receives two observations for each call.
            payload_size_limit_bytes: The largest payload that the server takes.
            payload_size_warning_threshold_percent: Percentage of that above which to warn.
            payload_size_warnings: Whether to warn at all.
            external_storage: Where large payloads go, and where referenced ones are fetched.
            external_storage_threshold_bytes: Payloads of this size and more go there; None keeps
                all inline.
            external_storage_cache: Cache of fetched payloads, to share one; None makes one.
            transport: What requests go through in place of httpx.

        Raises:
            TypeError: An argument is of a wrong type.
            ValueError: A limit is out of bounds, the URL is not an origin, the namespace is blank,
                or a token or the namespace cannot be sent in a header.
        """
        text("base_url", base_url)
        for argument, token_given in (
            ("token", token),
            ("control_token", control_token),
            ("worker_token", worker_token),
        ):
            optional(text, argument, token_given)
        if retry_policy is not None:
            capable("retry_policy", retry_policy, "execute", "a TransportRetryPolicy")
        if metrics is not None:
            capable("metrics", metrics, "increment", "a MetricsRecorder")
        if external_storage is not None:
            capable("external_storage", external_storage, "put", "an ExternalStorageDriver")
        if external_storage_threshold_bytes is not None and external_storage_threshold_bytes < 1:
            raise ValueError("external_storage_threshold_bytes must be at least 1")
        sizes = PayloadSizeWarningConfig(
            limit_bytes=payload_size_limit_bytes,
            threshold_percent=payload_size_warning_threshold_percent,
        )
        cache = external_storage_cache
        super().__init__(
            base_url,
            token=token,
            control_token=control_token,
            worker_token=worker_token,
            namespace=namespace,
            timeout=optional(time_limit, "timeout", timeout),
            retry_policy=TransportRetryPolicy() if retry_policy is None else retry_policy,
            metrics=NOOP_METRICS if metrics is None else metrics,
            transport=transport,
            payloads=Payloads(
                size_warning=sizes if payload_size_warnings else None,
                external_storage=external_storage,
                threshold_bytes=external_storage_threshold_bytes,
                cache=ExternalPayloadCache() if cache is None else cache,
            ),
        )

    @property
    def payload_size_warning_config(self) -> PayloadSizeWarningConfig | None:
        """When to warn about large payloads; None never."""
        return self._payloads.size_warning

    @payload_size_warning_config.setter
    def payload_size_warning_config(self, config: PayloadSizeWarningConfig | None) -> None:
        self._payloads.size_warning = config

    @property
    def external_storage(self) -> ExternalStorageDriver | None:
        """Where large payloads go, and where referenced ones are fetched."""
        return self._payloads.external_storage

    @external_storage.setter
    def external_storage(self, driver: ExternalStorageDriver | None) -> None:
        self._payloads.external_storage = driver

    @property
    def external_storage_threshold_bytes(self) -> int | None:
        """Payloads of this size and more go to external storage; None keeps all inline."""
        return self._payloads.threshold_bytes

    @external_storage_threshold_bytes.setter
    def external_storage_threshold_bytes(self, size: int | None) -> None:
        self._payloads.threshold_bytes = size

    @property
    def external_storage_cache(self) -> ExternalPayloadCache:
        """Referenced payloads that were fetched before."""
        return self._payloads.cache

    @external_storage_cache.setter
    def external_storage_cache(self, cache: ExternalPayloadCache) -> None:
        self._payloads.cache = cache

    def _payload_envelope(self, value: Any, **options: Any) -> dict[str, Any]:
        """`Payloads.envelope`, under the name that existing test suites call."""
        return self._payloads.envelope(value, **options)

    def __repr__(self) -> str:
        # Without tokens, because representations get into logs.
        return f"{type(self).__name__}({self.base_url!r}, namespace={self.namespace!r})"

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(self, *exc: Any) -> None:
        """Close the client."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. May be called again.

        Calls that wait for a response end at once with `ClientClosed`, and so does each later one.
        """
        self._open_calls.end()
        await self._http.aclose()
        if self._fast is not None:
            await self._fast.aclose()


def clone_client(client: Client, **overrides: Any) -> Client:
    """A client with the settings of another and connections of its own, for another event loop.

    Args:
        client: The client to copy.
        overrides: Constructor arguments in which the copy differs.
    """
    sizes = client.payload_size_warning_config
    limits: dict[str, Any] = (
        {"payload_size_warnings": False}
        if sizes is None
        else {
            "payload_size_limit_bytes": sizes.limit_bytes,
            "payload_size_warning_threshold_percent": sizes.threshold_percent,
        }
    )
    settings: dict[str, Any] = {
        "base_url": client.base_url,
        "token": client.token,
        "control_token": client.control_token,
        "worker_token": client.worker_token,
        "namespace": client.namespace,
        "timeout": client.timeout,
        "retry_policy": client.retry_policy,
        "metrics": client.metrics,
        "external_storage": client.external_storage,
        "external_storage_threshold_bytes": client.external_storage_threshold_bytes,
        "external_storage_cache": client.external_storage_cache,
        "transport": None if client.transport is None else client.transport.clone(),
        **limits,
    }
    return Client(**(settings | overrides))


register_transport_clone(Client, clone_client)
register_worker_transport(Client, HttpWorkerTransport)
