"""Every variable: the field that it sets, how its text is read, and what it is about.

docs/server.md says more of each. The names are those of the environment; `flag_of` and `key_of`
give the ones of the command line and of the settings file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from durable_workflow.server.admission_settings import read_overrides
from durable_workflow.server.configuration._readers import (
    count,
    days,
    folder,
    namespace,
    one_of,
    port,
    positive,
    seconds,
    some_seconds,
    switch,
    text,
    within,
)

PREFIX: Final = "DW_"
OLDER_PREFIX: Final = "WORKFLOW_SERVER_"
# Names the settings file, so it cannot stand in it.
CONFIG: Final = "DW_CONFIG"


class Variable(NamedTuple):
    """One setting.

    Attributes:
        field: In the structure of its group.
        read: Reads its text; a `ValueError` says what would fit.
        about: One line for `--help`.
        secret: Whether its value is never shown.
    """

    field: str
    read: Callable[[str], Any]
    about: str
    secret: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is true or false, so that its flag takes no value."""
        return self.read is switch


Variables: TypeAlias = dict[str, Variable]


def flag_of(variable: str) -> str:
    """The flag of a variable: ``--worker-poll-timeout`` of ``DW_WORKER_POLL_TIMEOUT``."""
    return "--" + key_of(variable).replace("_", "-")


def key_of(variable: str) -> str:
    """The key of a variable in the settings file: ``worker_poll_timeout``."""
    return variable.removeprefix(PREFIX).lower()


def _secret(field: str, about: str) -> Variable:
    return Variable(field, text, about, secret=True)


def _budget(kind: str) -> Variables:
    members = {
        "max_active_leases_per_queue": f"{kind} tasks of a queue that workers have at once",
        "max_active_leases_per_namespace": "the same over all queues of a namespace",
        "max_dispatches_per_minute": f"{kind} tasks of a queue that are given out in a minute",
        "max_dispatches_per_minute_per_namespace": "the same over all queues of a namespace",
    }
    return {
        f"DW_{kind.upper()}_TASK_{member.upper()}": Variable(member, positive, about)
        for member, about in members.items()
    }


def _bounds(fields: dict[str, tuple[str, str]]) -> Variables:
    return {name: Variable(field, count, about) for name, (field, about) in fields.items()}


_AUTH: Final[Variables] = {
    "DW_AUTH_DRIVER": Variable(
        "driver",
        one_of("none", "token", "signature"),
        "none, token or signature; by what else is set",
    ),
    "DW_AUTH_TOKEN": _secret("token", "the one token, while no role has its own"),
    "DW_WORKER_TOKEN": _secret("worker_token", "token of workers"),
    "DW_OPERATOR_TOKEN": _secret("operator_token", "token of operators"),
    "DW_ADMIN_TOKEN": _secret("admin_token", "token of admins"),
    "DW_SIGNATURE_KEY": _secret("signature_key", "the one key, while no role has its own"),
    "DW_WORKER_SIGNATURE_KEY": _secret("worker_signature_key", "key of workers"),
    "DW_OPERATOR_SIGNATURE_KEY": _secret("operator_signature_key", "key of operators"),
    "DW_ADMIN_SIGNATURE_KEY": _secret("admin_signature_key", "key of admins"),
    "DW_AUTH_BACKWARD_COMPATIBLE": Variable(
        "backward_compatible", switch, "whether the one secret for everything counts"
    ),
}

_SERVER: Final[Variables] = {
    "DW_DB": Variable("db", text, "path of the state file, or :memory:"),
    "DW_HOST": Variable("host", text, "address to listen on"),
    "DW_PORT": Variable("port", port, "port, 0 for a free one"),
    "DW_SERVER_ID": Variable("server_id", text, "name in cluster info; the host's"),
    "DW_EXTERNAL_STORAGE_ROOT": Variable(
        "external_storage_root", folder, "folder of `local` storage policies; DB.payloads"
    ),
    "DW_EXTERNAL_EXECUTOR_CONFIG_PATH": Variable(
        "external_executor_config_path", text, "file: which activities carriers run, and where"
    ),
    "DW_EXTERNAL_EXECUTOR_CONFIG_OVERLAY": Variable(
        "external_executor_config_overlay", text, "which overlay of that file is applied"
    ),
    "DW_WORKER_POLL_TIMEOUT": Variable("long_poll_timeout", seconds, "seconds a poll is held"),
    "DW_COMPRESSION_ENABLED": Variable("compression", switch, "compress large answers"),
    "DW_MAX_WAITING_POLLS": Variable("max_waiting_polls", positive, "polls held at once"),
    "DW_MAX_WAITING_UNITS": Variable(
        "max_waiting_units", positive, "requests that wait for the disk"
    ),
    "DW_SHUTDOWN_SECONDS": Variable(
        "shutdown_seconds", count, "seconds that stopping waits for requests in progress"
    ),
    "DW_TRUST_FORWARDED_ATTRIBUTION_HEADERS": Variable(
        "trust_forwarded_attribution", switch, "believe what a proxy says of the caller"
    ),
    "DW_METRICS_ACCESS": Variable(
        "metrics_access", one_of("anyone", "operator", "admin"), "who may read /metrics"
    ),
    "DW_EXPOSE_PACKAGE_PROVENANCE": Variable(
        "expose_package_provenance", switch, "tell admins where the package came from"
    ),
}

_SERVICES: Final[Variables] = {
    "DW_DEFAULT_NAMESPACE": Variable(
        "default_namespace", namespace, "namespace of requests that name none"
    ),
    "DW_HISTORY_RETENTION_DAYS": Variable(
        "retention_days", days, "days that closed runs of new namespaces are kept"
    ),
    "DW_RETENTION_INTERVAL_SECONDS": Variable(
        "retention_interval_seconds", seconds, "seconds between removals of closed runs; 0: none"
    ),
    "DW_WORKFLOW_TASK_LEASE_SECONDS": Variable(
        "workflow_lease_seconds", some_seconds, "seconds a workflow task is leased"
    ),
    "DW_ACTIVITY_TASK_LEASE_SECONDS": Variable(
        "activity_lease_seconds", some_seconds, "seconds an activity task is leased"
    ),
    "DW_ACTIVITY_MAX_REDELIVERIES": Variable(
        "activity_max_redeliveries", count, "lost leases until an attempt fails; 0: no limit"
    ),
    "DW_HEARTBEAT_INTERVAL_SECONDS": Variable(
        "heartbeat_interval_seconds", within(1, 3600), "seconds between heartbeats of workers"
    ),
    "DW_MISSED_HEARTBEATS": Variable(
        "missed_heartbeats",
        within(1, 100_000),
        "missed heartbeats until what a worker holds is free",
    ),
    "DW_WORKER_STALE_AFTER_SECONDS": Variable(
        "worker_stale_after_seconds",
        within(1, 1_000_000),
        "seconds of silence until a worker is stale; twice DW_WORKER_POLL_TIMEOUT if that is more",
    ),
    "DW_STREAM_GRACE_SECONDS": Variable(
        "stream_grace_seconds", seconds, "seconds in which a cut stream may come back"
    ),
    "DW_HISTORY_PAGE_SIZE_DEFAULT": Variable(
        "history_page_size_default", positive, "events in a page of history"
    ),
    "DW_HISTORY_PAGE_SIZE_MAX": Variable(
        "history_page_size_max", positive, "events in a page of history at most"
    ),
    "DW_TASK_BACKOFF_FIRST_SECONDS": Variable(
        "task_backoff_first_seconds", seconds, "pause after a workflow task failed"
    ),
    "DW_TASK_BACKOFF_MAX_SECONDS": Variable(
        "task_backoff_max_seconds", seconds, "that pause at most; it doubles"
    ),
    "DW_QUERY_TASK_TIMEOUT": Variable(
        "query_timeout_seconds", seconds, "seconds a query's caller waits"
    ),
    "DW_QUERY_TASK_LEASE_TIMEOUT": Variable(
        "query_lease_seconds", some_seconds, "seconds a worker has a query"
    ),
    "DW_QUERY_TASK_TTL_SECONDS": Variable(
        "query_ttl_seconds", some_seconds, "seconds a query is kept"
    ),
    "DW_QUERY_TASK_MAX_PENDING_PER_QUEUE": Variable(
        "query_max_pending_per_queue", count, "queries that wait for workers of a queue"
    ),
    "DW_V2_UPDATE_WAIT_COMPLETION_TIMEOUT_SECONDS": Variable(
        "update_wait_seconds", positive, "seconds an update's caller waits who names no time"
    ),
    "DW_SCHEDULE_MAX_BUFFERED": Variable(
        "max_buffered_fires", count, "fires of a schedule that wait for their turn"
    ),
    "DW_SCHEDULE_MAX_BACKFILL": Variable("max_backfilled_fires", positive, "fires of one backfill"),
}

_WIRE: Final[Variables] = {
    "DW_MAX_PAYLOAD_BYTES": Variable("max_payload_bytes", positive, "bytes of a body"),
    "DW_MAX_MEMO_BYTES": Variable("max_memo_bytes", positive, "bytes of a memo"),
    "DW_MAX_SEARCH_ATTRIBUTES": Variable(
        "max_search_attributes", positive, "search attributes of a namespace"
    ),
    "DW_MAX_SEARCH_ATTRIBUTE_KEY_LENGTH": Variable(
        "max_search_attribute_key_length", positive, "bytes of a search attribute's key"
    ),
    "DW_MAX_SEARCH_ATTRIBUTE_VALUE_BYTES": Variable(
        "max_search_attribute_value_bytes", positive, "bytes of a search attribute's text"
    ),
    "DW_MAX_OPERATION_NAME_LENGTH": Variable(
        "max_operation_name_length", positive, "bytes of the name of a signal, query or update"
    ),
    **_bounds(
        {
            "DW_MAX_PENDING_ACTIVITIES": ("max_pending_activities", "only reported"),
            "DW_MAX_PENDING_CHILDREN": ("max_pending_children", "only reported"),
        }
    ),
}

_LIMITS: Final[Variables] = _bounds(
    {
        "DW_LIMIT_PENDING_ACTIVITIES": ("pending_activities", "pending activities of a run"),
        "DW_LIMIT_PENDING_CHILDREN": ("pending_children", "open children of a run"),
        "DW_LIMIT_PENDING_TIMERS": ("pending_timers", "pending timers of a run"),
        "DW_LIMIT_PENDING_SIGNALS": ("pending_signals", "signals that a run has not applied"),
        "DW_LIMIT_PENDING_UPDATES": ("pending_updates", "updates that a run has not completed"),
        "DW_LIMIT_COMMAND_BATCH_SIZE": ("command_batch_size", "commands of a completion"),
        "DW_LIMIT_PAYLOAD_BYTES": ("payload_bytes", "bytes of a payload in a command"),
        "DW_LIMIT_MEMO_BYTES": ("memo_bytes", "bytes of a run's memo"),
        "DW_LIMIT_SEARCH_ATTRIBUTE_BYTES": ("search_attribute_bytes", "bytes of all of a run's"),
        "DW_LIMIT_EVENTS_PER_TRANSACTION": ("events_per_transaction", "events of a completion"),
        "DW_HISTORY_HINT_EVENTS": ("history_hint_events", "events until continue-as-new is asked"),
        "DW_HISTORY_HINT_BYTES": ("history_hint_bytes", "bytes until continue-as-new is asked"),
        "DW_LIMIT_HISTORY_EVENTS": ("history_events", "events beyond which a run fails"),
        "DW_LIMIT_HISTORY_BYTES": ("history_bytes", "bytes beyond which a run fails"),
    }
)

# By group of settings.
VARIABLES: Final[dict[str, Variables]] = {
    "server": _SERVER,
    "auth": _AUTH,
    "log": {
        "DW_LOG_LEVEL": Variable(
            "level", one_of("debug", "info", "warning", "error"), "debug, info, warning or error"
        ),
        "DW_LOG_FORMAT": Variable("format", one_of("text", "json"), "text, or json: one per line"),
        "DW_ACCESS_LOG": Variable("access", switch, "log every request"),
    },
    "services": _SERVICES,
    "export": {
        "DW_V2_HISTORY_EXPORT_SIGNING_KEY": _secret("signing_key", "signs exported histories"),
        "DW_V2_HISTORY_EXPORT_SIGNING_KEY_ID": Variable(
            "signing_key_id", text, "tells receivers which key it is"
        ),
    },
    "wire": _WIRE,
    "limits": _LIMITS,
    "workflow_budget": _budget("workflow"),
    "activity_budget": _budget("activity"),
    "admission": {
        "DW_TASK_QUEUE_ADMISSION_OVERRIDES": Variable(
            "overrides", read_overrides, "JSON: budgets that queues have of their own"
        )
    },
}

# Variables of other servers of this protocol that this one cannot follow: whoever sets one must
# hear of it, and not find out later that it did nothing.
REFUSED: Final = {
    "DW_AUTH_PROVIDER": "this server has no custom login; set DW_AUTH_DRIVER",
    "DW_WORKER_PROTOCOL_VERSION": "it is no setting: the server speaks 1.0 and 1.1",
}
# What others read, who may share an environment with the server.
OTHERS: Final = frozenset(
    {
        "DW_ENV",
        "DW_HTTP_CLIENT",
        "DW_SERVER_IMAGE",
    }
)
