"""What an operator may set. `configuration` reads it; docs/server.md lists it."""

from __future__ import annotations

import functools
import ipaddress
import socket
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from durable_workflow.server.fields import WireLimits
from durable_workflow.server.service_settings import ServiceSettings

AuthDriver: TypeAlias = Literal["none", "token", "signature"]
MetricsAccess: TypeAlias = Literal["anyone", "operator", "admin"]
LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

# The one secret that may stand for all roles, by the driver.
_ONE_SECRET: Final = {"token": "DW_AUTH_TOKEN", "signature": "DW_SIGNATURE_KEY"}
_WHO: Final = {"worker": "a worker", "operator": "an operator", "admin": "an admin"}
DEFAULT_DATABASE = "durable-workflow.db"


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


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command logs to standard error.

    Attributes:
        access: Whether there is a line for each request.
    """

    level: LogLevel = "info"
    format: LogFormat = "text"
    access: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set.

    Attributes:
        db: Path of the state file, or ``:memory:``.
        external_storage_root: Folder that those of `local` storage policies lie below; None is
            beside the state file.
        external_executor_config_path: File of the external-executor configuration; None for none.
        external_executor_config_overlay: Which of its overlays is applied.
        port: 0 lets the system choose.
        server_id: Name in cluster info; None is the host's.
        long_poll_timeout: Seconds that a poll is held; 0 answers at once.
        compression: Whether large answers are compressed for callers that accept it.
        max_waiting_polls: Polls that may be held at once; more get 429.
        max_waiting_units: Units of work that may wait for the disk; more get 503.
        metrics_access: Who may read `/metrics`.
        shutdown_seconds: How long a stopping server waits for requests in progress.
        services: What the rules read: leases, intervals, limits.
        export: What exported histories are signed with.
        log: What `dw-server` logs; a server inside a program leaves logging to the program.
    """

    db: str = DEFAULT_DATABASE
    external_storage_root: Path | None = None
    external_executor_config_path: str | None = None
    external_executor_config_overlay: str | None = None
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
    metrics_access: MetricsAccess = "operator"
    auth: AuthSettings = AuthSettings()
    wire: WireLimits = WireLimits()
    services: ServiceSettings = ServiceSettings()
    export: ExportSettings = ExportSettings()
    log: LogSettings = LogSettings()

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


def missing_login(auth: AuthSettings) -> str | None:
    """What to set before anybody can log in; None where somebody can, or need not."""
    driver = auth.resolved_driver
    if driver == "none" or any(
        secret
        for role, secret in auth.secrets(driver).items()
        if role != "legacy" or auth.backward_compatible
    ):
        return None
    one, each = _ONE_SECRET[driver], f"a {'token' if driver == 'token' else 'key'} per role"
    if auth.backward_compatible:
        return f"nobody can log in: auth driver {driver} wants {one}, or {each}"
    return (
        f"nobody can log in: auth driver {driver} wants {each}, "
        f"since DW_AUTH_BACKWARD_COMPATIBLE=false has {one} not count"
    )


def shared_secrets(auth: AuthSettings) -> list[str]:
    """A line for each role that nobody can have: what it would present is another role's, too."""
    driver = auth.resolved_driver
    if driver == "none":
        return []
    word = "TOKEN" if driver == "token" else "SIGNATURE_KEY"
    roles: dict[str, str] = {}
    said: list[str] = []
    for role, secret in auth.secrets(driver).items():
        if not secret or (role == "legacy" and not auth.backward_compatible):
            continue
        first = roles.setdefault(secret, role)
        # The secret that stands for an admin may be the admin's.
        if first != role and (first, role) != ("admin", "legacy"):
            name = _ONE_SECRET[driver] if role == "legacy" else f"DW_{role.upper()}_{word}"
            said.append(
                f"{name} is the same as DW_{first.upper()}_{word}: "
                f"who presents it is {_WHO[first]} and nothing else"
            )
    return said


@functools.lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
