"""Where wheels meet: Protocols and registries that belong to none of those that use them.

The worker speaks to a server through a `WorkerTransport`: a few calls over bodies that are encoded
already. It is given a client, and looks up here how a client of that type makes a transport. A
client that registered nothing needs only the client's public methods, the `WorkerClient`.
"""

from durable_workflow._meet._clients import (
    HEARTBEAT_OPTIONS,
    ActivityHeartbeatTransport,
    HeartbeatOptions,
    Method,
    SessionClient,
    WorkerClient,
    heartbeat_options,
)
from durable_workflow._meet._registries import (
    TransportCloneFactory,
    is_unanswered,
    register_transport_clone,
    register_unanswered,
    register_worker_transport,
    takes_transport,
    transport_clone_for,
    worker_transport_for,
)
from durable_workflow._meet._tasks import (
    Lease,
    Report,
    ServerUnreachable,
    Unencodable,
    lease_of,
)
from durable_workflow._meet._transports import (
    Opening,
    StreamEnded,
    StreamingTransport,
    StreamListener,
    WorkerStream,
    WorkerTransport,
)
from durable_workflow._wire.names import ATTEMPT_FIELDS, TASK_ID_FIELDS

__all__ = [
    "ATTEMPT_FIELDS",
    "HEARTBEAT_OPTIONS",
    "TASK_ID_FIELDS",
    "ActivityHeartbeatTransport",
    "HeartbeatOptions",
    "Lease",
    "Method",
    "Opening",
    "Report",
    "ServerUnreachable",
    "SessionClient",
    "StreamEnded",
    "StreamListener",
    "StreamingTransport",
    "TransportCloneFactory",
    "Unencodable",
    "WorkerClient",
    "WorkerStream",
    "WorkerTransport",
    "heartbeat_options",
    "is_unanswered",
    "lease_of",
    "register_transport_clone",
    "register_unanswered",
    "register_worker_transport",
    "takes_transport",
    "transport_clone_for",
    "worker_transport_for",
]
