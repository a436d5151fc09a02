"""Whether this worker can work for a server, and what the server offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from durable_workflow._meet import WorkerTransport
from durable_workflow._protocol import (
    CONTROL_PLANE_REQUEST_CONTRACT_SCHEMA,
    CONTROL_PLANE_REQUEST_CONTRACT_VERSION,
    CONTROL_PLANE_VERSION,
    PROTOCOL_VERSION,
)
from durable_workflow._wire.extensions import QUERY_TASKS
from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.auth_composition import (
    AuthCompositionContractError,
    parse_auth_composition_contract,
)
from durable_workflow.errors import Unauthorized
from durable_workflow.worker._limits import Limits, read_limits
from durable_workflow.worker._log import log
from durable_workflow.worker._reporting import is_passing

QUERY_TASKS_CAPABILITY = QUERY_TASKS
_EXTENSION_VERSION = 1

# Above the server's own limit, so that an empty poll is the server's answer and not a time-out.
_LONG_POLL_MARGIN_SECONDS = 5.0


@dataclass(frozen=True)
class Offer:
    """What a compatible server can do.

    Attributes:
        query_tasks: It routes queries to workers.
        extensions: Additions to the protocol that both sides know.
        long_poll_seconds: How long it may hold a poll, where it says so.
        limits: The largest requests that it accepts.
    """

    query_tasks: bool = False
    extensions: frozenset[str] = frozenset()
    long_poll_seconds: float | None = None
    limits: Limits = field(default_factory=Limits)

    def poll_timeout(self, configured: float) -> float:
        """Seconds to wait for the answer to a poll."""
        if self.long_poll_seconds is None:
            return configured
        return max(configured, self.long_poll_seconds + _LONG_POLL_MARGIN_SECONDS)


async def read_offer(transport: WorkerTransport) -> Offer:
    """Read cluster info and check it.

    Raises:
        RuntimeError: It cannot be read, or the server is not compatible.
        Unauthorized: The login was refused.
        Exception: The server is away, starts or is overloaded: what the client raised.
    """
    try:
        info: object = await transport.cluster_info()
    except Unauthorized:
        raise
    except Exception as error:
        if is_passing(error):
            raise
        raise _incompatible(f"unable to read /api/cluster/info: {error}") from error
    return check_cluster_info(info)


def check_cluster_info(info: object) -> Offer:
    """Check what a server says about itself. Its own `version` decides nothing.

    Raises:
        RuntimeError: The server is not compatible; begins `Server compatibility error:`.
    """
    document = dict_or_none(info) or {}
    control_plane = _check_control_plane(dict_or_none(document.get("control_plane")))
    worker_protocol = _check_worker_protocol(dict_or_none(document.get("worker_protocol")))
    _check_auth_composition(dict_or_none(document.get("auth_composition_contract")))
    log.debug(
        "server compatible: app version %s, control plane %s, worker protocol %s",
        document.get("version"),
        control_plane.get("version"),
        worker_protocol.get("version"),
    )
    capabilities = dict_or_none(worker_protocol.get("server_capabilities")) or {}
    extensions = dict_or_none(capabilities.get("extensions")) or {}
    return Offer(
        query_tasks=capabilities.get(QUERY_TASKS) is True,
        extensions=frozenset(
            name for name, version in extensions.items() if version == _EXTENSION_VERSION
        ),
        long_poll_seconds=_positive_number(capabilities.get("long_poll_timeout")),
        limits=read_limits(document),
    )


def _check_control_plane(control_plane: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if control_plane is None:
        raise _incompatible("cluster info has no control_plane object")
    version = control_plane.get("version")
    if not isinstance(version, str | int) or str(version) != CONTROL_PLANE_VERSION:
        raise _incompatible(
            f"control_plane.version is {version!r}, this worker needs {CONTROL_PLANE_VERSION!r}"
        )
    contract = dict_or_none(control_plane.get("request_contract"))
    if contract is None:
        raise _incompatible("cluster info has no control_plane.request_contract object")
    schema, number = contract.get("schema"), contract.get("version")
    if schema != CONTROL_PLANE_REQUEST_CONTRACT_SCHEMA:
        raise _incompatible(f"control_plane.request_contract.schema is {schema!r}")
    if isinstance(number, bool) or str(number) != str(CONTROL_PLANE_REQUEST_CONTRACT_VERSION):
        raise _incompatible(f"control_plane.request_contract.version is {number!r}")
    return control_plane


def _check_worker_protocol(worker_protocol: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if worker_protocol is None:
        raise _incompatible("cluster info has no worker_protocol object")
    version = worker_protocol.get("version")
    if not isinstance(version, str) or not _speaks(version, PROTOCOL_VERSION):
        raise _incompatible(
            f"worker_protocol.version is {version!r}, this worker needs {PROTOCOL_VERSION!r}"
        )
    return worker_protocol


def _check_auth_composition(contract: Mapping[str, Any] | None) -> None:
    if contract is None:
        raise _incompatible("cluster info has no auth_composition_contract object")
    try:
        parse_auth_composition_contract(contract)
    except AuthCompositionContractError as error:
        raise _incompatible(f"auth_composition_contract: {error}") from error


def _speaks(theirs: str, ours: str) -> bool:
    """Whether a peer of version `theirs` understands `ours`: same major, a minor not lower."""
    their_parts, our_parts = _major_minor(theirs), _major_minor(ours)
    if their_parts is None or our_parts is None:
        return theirs == ours
    return their_parts[0] == our_parts[0] and their_parts[1] >= our_parts[1]


def _major_minor(version: str) -> tuple[int, int] | None:
    parts = version.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def _incompatible(what: str) -> RuntimeError:
    return RuntimeError(f"Server compatibility error: {what}")


def _positive_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None
