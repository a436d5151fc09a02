"""What an operator may set: read from the environment, overridden by the command line.

Every variable is called ``DW_…``; where it is unset, the older ``WORKFLOW_SERVER_…`` of the same
ending is read. docs/server.md lists them.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from durable_workflow.server.admission_settings import (
    AdmissionSettings,
    Budget,
    read_overrides,
)
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.fields import WireLimits
from durable_workflow.server.requests.namespaces import LONGEST_NAMESPACE, NAMESPACE
from durable_workflow.server.service_settings import ServiceSettings

AuthDriver: TypeAlias = Literal["none", "token", "signature"]

DEFAULT_DATABASE = "durable-workflow.db"
_PREFIX = "DW_"
_OLDER_PREFIX = "WORKFLOW_SERVER_"


class SettingsError(ValueError):
    """A setting does not fit; the text names it and says what would."""


class AuthSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call.

    Attributes:
        driver: None chooses by what else is set: keys, then tokens, then nothing.
        token: The legacy secret: full access where no role has a secret of its own.
        backward_compatible: Whether the legacy secret counts at all.
    """

    driver: AuthDriver | None = None
    token: str | None = None
    worker_token: str | None = None
    operator_token: str | None = None
    admin_token: str | None = None
    signature_key: str | None = None
    worker_signature_key: str | None = None
    operator_signature_key: str | None = None
    admin_signature_key: str | None = None
    backward_compatible: bool = True

    def __repr__(self) -> str:
        return f"AuthSettings(driver={self.resolved_driver!r}, secrets redacted)"

    @property
    def resolved_driver(self) -> AuthDriver:
        """The driver in force."""
        if self.driver is not None:
            return self.driver
        if any(self.secrets("signature").values()):
            return "signature"
        return "token" if any(self.secrets("token").values()) else "none"

    def secrets(self, driver: AuthDriver) -> dict[str, str | None]:
        """Secrets of a driver by role, in the order in which they are compared."""
        if driver == "signature":
            return {
                "worker": self.worker_signature_key,
                "operator": self.operator_signature_key,
                "admin": self.admin_signature_key,
                "legacy": self.signature_key,
            }
        return {
            "worker": self.worker_token,
            "operator": self.operator_token,
            "admin": self.admin_token,
            "legacy": self.token,
        }


class ExportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What exported histories are signed with.

    Attributes:
        signing_key: None signs none.
        signing_key_id: Tells receivers which key it is.
    """

    signing_key: str | None = None
    signing_key_id: str | None = None

    def __repr__(self) -> str:
        return f"ExportSettings(signing_key_id={self.signing_key_id!r}, key redacted)"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set.

    Attributes:
        db: Path of the state file, or ``:memory:``.
        external_storage_root: Folder that those of `local` storage policies lie below; None is
            beside the state file.
        port: 0 lets the system choose.
        server_id: Name in cluster info; None is the host's.
        long_poll_timeout: Seconds that a poll is held; 0 answers at once.
        compression: Whether large answers are compressed for callers that accept it.
        max_waiting_polls: Polls that may be held at once; more get 429.
        max_waiting_units: Units of work that may wait for the disk; more get 503.
        shutdown_seconds: How long a stopping server waits for requests in progress.
        services: What the rules read: leases, intervals, limits.
        export: What exported histories are signed with.
    """

    db: str = DEFAULT_DATABASE
    external_storage_root: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    server_id: str | None = None
    long_poll_timeout: float = 30.0
    compression: bool = True
    max_waiting_polls: int = 10_000
    max_waiting_units: int = 5_000
    shutdown_seconds: int = 10
    trust_forwarded_attribution: bool = False
    expose_package_provenance: bool = False
    auth: AuthSettings = AuthSettings()
    wire: WireLimits = WireLimits()
    services: ServiceSettings = ServiceSettings()
    export: ExportSettings = ExportSettings()

    @property
    def resolved_external_storage_root(self) -> Path | None:
        """The folder of `local` storage policies; None for state in memory where none is set."""
        if self.external_storage_root is not None or self.db == ":memory:":
            return self.external_storage_root
        return Path(f"{self.db}.payloads")

    @property
    def resolved_server_id(self) -> str:
        """The name of this server in cluster info."""
        return self.server_id or socket.gethostname()

    def require_safe(self) -> None:
        """Refuse to serve other machines unless a login was configured.

        Raises:
            SettingsError: Bound beyond loopback, and no secret and no driver is set.
        """
        auth = self.auth
        if auth.driver is None and auth.resolved_driver == "none" and not is_loopback(self.host):
            raise SettingsError(
                f"{self.host} can be reached from other machines: set DW_AUTH_TOKEN (or --token), "
                "or DW_AUTH_DRIVER=none to serve everybody without a login"
            )


@functools.lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def from_env(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables; what is unset or blank has its default.

    Raises:
        SettingsError: A variable has a value that does not fit.
    """
    environment = os.environ if environment is None else environment
    groups: dict[str, dict[str, Any]] = {group: {} for group in VARIABLES}
    for group, variables in VARIABLES.items():
        for variable, (field, read) in variables.items():
            text = _lookup(environment, variable)
            if text:
                groups[group][field] = _read(variable, text, read)
    admission = AdmissionSettings(
        workflow=Budget(**groups["workflow_budget"]),
        activity=Budget(**groups["activity_budget"]),
        **groups["admission"],
    )
    services: dict[str, Any] = {
        **groups["services"],
        "limits": Limits(**groups["limits"]),
        "admission": admission,
    }
    return Settings(
        **groups["server"],
        auth=AuthSettings(**groups["auth"]),
        wire=WireLimits(**groups["wire"]),
        services=ServiceSettings(**services),
        export=ExportSettings(**groups["export"]),
    )


def _lookup(environment: Mapping[str, str], variable: str) -> str:
    older = _OLDER_PREFIX + variable.removeprefix(_PREFIX)
    return (environment.get(variable) or environment.get(older) or "").strip()


def _read(variable: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError as error:
        # The value is never shown: it may be a secret in the wrong variable.
        raise SettingsError(f"{variable}: {error}") from None


def _text(text: str) -> str:
    return text


def _driver(text: str) -> str:
    if text not in {"none", "token", "signature"}:
        raise ValueError("must be none, token or signature")
    return text


def _switch(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError("must be true or false")
    return words[text.lower()]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("must be a whole number, 0 or more")
    return int(text)


def _positive(text: str) -> int:
    value = _count(text)
    if value < 1:
        raise ValueError("must be a whole number, 1 or more")
    return value


def _port(text: str) -> int:
    if _count(text) > 65_535:
        raise ValueError("must be a port number")
    return _count(text)


def _seconds(text: str) -> float:
    message = "must be a number of seconds, 0 or more"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(message) from None
    if not 0 <= value < 1e9:
        raise ValueError(message)
    return value


def _days(text: str) -> int:
    if not 1 <= _count(text) <= 365:
        raise ValueError("must be a whole number of days, 1 to 365")
    return _count(text)


def _folder(text: str) -> Path:
    return Path(text)


def _namespace(text: str) -> str:
    if len(text) > LONGEST_NAMESPACE or not NAMESPACE.fullmatch(text):
        raise ValueError("must be a name of letters, digits, dots, dashes and underscores")
    return text.lower()


def _budget(kind: str) -> _Variables:
    return {
        f"DW_{kind}_TASK_{member.upper()}": (member, _positive)
        for member in (
            "max_active_leases_per_queue",
            "max_active_leases_per_namespace",
            "max_dispatches_per_minute",
            "max_dispatches_per_minute_per_namespace",
        )
    }


_Variables: TypeAlias = dict[str, tuple[str, Callable[[str], Any]]]

# By group of settings: the variable, the field that it sets, and how its text is read.
VARIABLES: dict[str, _Variables] = {
    "server": {
        "DW_DB": ("db", _text),
        "DW_HOST": ("host", _text),
        "DW_PORT": ("port", _port),
        "DW_EXTERNAL_STORAGE_ROOT": ("external_storage_root", _folder),
        "DW_SERVER_ID": ("server_id", _text),
        "DW_WORKER_POLL_TIMEOUT": ("long_poll_timeout", _seconds),
        "DW_COMPRESSION_ENABLED": ("compression", _switch),
        "DW_MAX_WAITING_POLLS": ("max_waiting_polls", _positive),
        "DW_MAX_WAITING_UNITS": ("max_waiting_units", _positive),
        "DW_SHUTDOWN_SECONDS": ("shutdown_seconds", _count),
        "DW_TRUST_FORWARDED_ATTRIBUTION_HEADERS": ("trust_forwarded_attribution", _switch),
        "DW_EXPOSE_PACKAGE_PROVENANCE": ("expose_package_provenance", _switch),
    },
    "auth": {
        "DW_AUTH_DRIVER": ("driver", _driver),
        "DW_AUTH_TOKEN": ("token", _text),
        "DW_WORKER_TOKEN": ("worker_token", _text),
        "DW_OPERATOR_TOKEN": ("operator_token", _text),
        "DW_ADMIN_TOKEN": ("admin_token", _text),
        "DW_SIGNATURE_KEY": ("signature_key", _text),
        "DW_WORKER_SIGNATURE_KEY": ("worker_signature_key", _text),
        "DW_OPERATOR_SIGNATURE_KEY": ("operator_signature_key", _text),
        "DW_ADMIN_SIGNATURE_KEY": ("admin_signature_key", _text),
        "DW_AUTH_BACKWARD_COMPATIBLE": ("backward_compatible", _switch),
    },
    "wire": {
        "DW_MAX_PAYLOAD_BYTES": ("max_payload_bytes", _positive),
        "DW_MAX_MEMO_BYTES": ("max_memo_bytes", _positive),
        "DW_MAX_SEARCH_ATTRIBUTES": ("max_search_attributes", _positive),
        "DW_MAX_SEARCH_ATTRIBUTE_KEY_LENGTH": ("max_search_attribute_key_length", _positive),
        "DW_MAX_SEARCH_ATTRIBUTE_VALUE_BYTES": ("max_search_attribute_value_bytes", _positive),
        "DW_MAX_OPERATION_NAME_LENGTH": ("max_operation_name_length", _positive),
        "DW_MAX_PENDING_ACTIVITIES": ("max_pending_activities", _count),
        "DW_MAX_PENDING_CHILDREN": ("max_pending_children", _count),
    },
    "services": {
        "DW_DEFAULT_NAMESPACE": ("default_namespace", _namespace),
        "DW_HISTORY_RETENTION_DAYS": ("retention_days", _days),
        "DW_RETENTION_INTERVAL_SECONDS": ("retention_interval_seconds", _seconds),
        "DW_WORKFLOW_TASK_LEASE_SECONDS": ("workflow_lease_seconds", _seconds),
        "DW_ACTIVITY_TASK_LEASE_SECONDS": ("activity_lease_seconds", _seconds),
        "DW_ACTIVITY_MAX_REDELIVERIES": ("activity_max_redeliveries", _count),
        "DW_HEARTBEAT_INTERVAL_SECONDS": ("heartbeat_interval_seconds", _positive),
        "DW_MISSED_HEARTBEATS": ("missed_heartbeats", _positive),
        "DW_STREAM_GRACE_SECONDS": ("stream_grace_seconds", _seconds),
        "DW_HISTORY_PAGE_SIZE_DEFAULT": ("history_page_size_default", _positive),
        "DW_HISTORY_PAGE_SIZE_MAX": ("history_page_size_max", _positive),
        "DW_TASK_BACKOFF_FIRST_SECONDS": ("task_backoff_first_seconds", _seconds),
        "DW_TASK_BACKOFF_MAX_SECONDS": ("task_backoff_max_seconds", _seconds),
        "DW_QUERY_TASK_TIMEOUT": ("query_timeout_seconds", _seconds),
        "DW_QUERY_TASK_LEASE_TIMEOUT": ("query_lease_seconds", _seconds),
        "DW_QUERY_TASK_TTL_SECONDS": ("query_ttl_seconds", _seconds),
        "DW_QUERY_TASK_MAX_PENDING_PER_QUEUE": ("query_max_pending_per_queue", _count),
        "DW_SCHEDULE_MAX_BUFFERED": ("max_buffered_fires", _count),
        "DW_SCHEDULE_MAX_BACKFILL": ("max_backfilled_fires", _positive),
    },
    "export": {
        "DW_V2_HISTORY_EXPORT_SIGNING_KEY": ("signing_key", _text),
        "DW_V2_HISTORY_EXPORT_SIGNING_KEY_ID": ("signing_key_id", _text),
    },
    "workflow_budget": _budget("WORKFLOW"),
    "activity_budget": _budget("ACTIVITY"),
    "admission": {"DW_TASK_QUEUE_ADMISSION_OVERRIDES": ("overrides", read_overrides)},
    "limits": {
        "DW_LIMIT_PENDING_ACTIVITIES": ("pending_activities", _count),
        "DW_LIMIT_PENDING_CHILDREN": ("pending_children", _count),
        "DW_LIMIT_PENDING_TIMERS": ("pending_timers", _count),
        "DW_LIMIT_PENDING_SIGNALS": ("pending_signals", _count),
        "DW_LIMIT_PENDING_UPDATES": ("pending_updates", _count),
        "DW_LIMIT_COMMAND_BATCH_SIZE": ("command_batch_size", _count),
        "DW_LIMIT_PAYLOAD_BYTES": ("payload_bytes", _count),
        "DW_LIMIT_MEMO_BYTES": ("memo_bytes", _count),
        "DW_LIMIT_SEARCH_ATTRIBUTE_BYTES": ("search_attribute_bytes", _count),
        "DW_LIMIT_EVENTS_PER_TRANSACTION": ("events_per_transaction", _count),
        "DW_HISTORY_HINT_EVENTS": ("history_hint_events", _count),
        "DW_HISTORY_HINT_BYTES": ("history_hint_bytes", _count),
        "DW_LIMIT_HISTORY_EVENTS": ("history_events", _count),
        "DW_LIMIT_HISTORY_BYTES": ("history_bytes", _count),
    },
}
