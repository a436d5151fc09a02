"""Names of what a server or a worker can do beyond the required, as both announce it.

A server lists its extensions with their versions in cluster info and in every answer of the worker
plane. A worker lists the names that it uses as capabilities when it registers. Either uses one only
where the other named it too.
"""

from typing import Final

# A capability that the protocol itself knows: the worker answers queries.
QUERY_TASKS: Final = "query_tasks"

DEREGISTER: Final = "deregister"
HELD_TASKS: Final = "held_tasks"
IDEMPOTENCY_KEY: Final = "idempotency_key"
PASSED_SIGNALS: Final = "passed_signals"
PREFER_WAIT: Final = "prefer_wait"
STICKY_HISTORY: Final = "sticky_history"
UPDATE_VALIDATION: Final = "update_validation"
WORKER_STREAM: Final = "worker_stream"
