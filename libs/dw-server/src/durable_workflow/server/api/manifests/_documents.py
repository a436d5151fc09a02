"""Cluster info and server capabilities: fixed documents, filled with what this server is set to.

The fixed parts are data, in ``documents.json``: published contracts, word for word. What the code
or the settings decide is put in here, so that it cannot say otherwise than the server does.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import msgspec

from durable_workflow._protocol import CONTROL_PLANE_VERSION, PROTOCOL_VERSION
from durable_workflow._version import __version__
from durable_workflow._wire import names
from durable_workflow._wire.headers import CONTROL_PLANE_VERSION_HEADER
from durable_workflow.serializer import SUPPORTED_CODECS
from durable_workflow.server.api.manifests._response_contract import response_contract
from durable_workflow.server.capabilities import ENCODINGS, EXTENSIONS
from durable_workflow.server.executors import NOT_CONFIGURED, ExternalExecutors
from durable_workflow.server.settings import Settings
from durable_workflow.server.views.maintenance import repair_candidates, repair_policy

# Announced where an operation with the word in its name is served.
_FEATURES: Final = {
    "schedules": "schedule",
    "schedule_jitter": "schedule",
    "schedule_max_runs": "schedule",
    "search_attributes": "search_attribute",
    "history_export": "export",
    "history_retention": "retention",
}
_OLDEST_SDK: Final = "0.2"
_WARNING_PERCENT: Final = 80
_DOCUMENTS: Final[dict[str, Any]] = msgspec.json.decode(
    Path(__file__).with_name("documents.json").read_bytes()
)


def server_capabilities(settings: Settings) -> dict[str, Any]:
    """What every answer of the worker plane says that this server can do."""
    services = settings.services
    fixed = copy.deepcopy(_DOCUMENTS["server_capabilities"])
    history = {
        **fixed.pop("history_compression"),
        "compression_threshold": services.history_compression_threshold,
    }
    timeout = settings.long_poll_timeout
    return {
        "long_poll_timeout": int(timeout) if timeout == int(timeout) else timeout,
        "supported_workflow_task_commands": list(names.COMMAND_TYPES),
        "history_page_size_default": services.history_page_size_default,
        "history_page_size_max": services.history_page_size_max,
        "response_compression": list(ENCODINGS) if settings.compression else [],
        "history_compression": history,
        **fixed,
        "extensions": dict(EXTENSIONS),
    }


def cluster_info(
    settings: Settings,
    worker_fleet: dict[str, Any],
    served: Collection[str] = (),
    executors: ExternalExecutors = NOT_CONFIGURED,
) -> dict[str, Any]:
    """The body of `GET /cluster/info`.

    Args:
        served: Names of the operations that can be asked for.
        worker_fleet: The live workers of the request's namespace.
        executors: Which activities carriers run.
    """
    fixed = copy.deepcopy(_DOCUMENTS["cluster_info"])
    fixed["capabilities"]["response_compression"] = list(ENCODINGS) if settings.compression else []
    fixed["client_compatibility"]["required_protocols"]["worker_protocol"]["version"] = (
        PROTOCOL_VERSION
    )
    fixed["capabilities"] |= {
        feature: any(word in name for name in served) for feature, word in _FEATURES.items()
    }
    fixed["capabilities"]["payload_codecs"] = list(SUPPORTED_CODECS)
    fixed["supported_sdk_versions"]["python"] = _supported_sdks()
    fixed["client_compatibility"]["clients"]["sdk-python"]["supported_versions"] = _supported_sdks()
    fixed["worker_protocol"]["external_executor_config_contract"]["runtime"] = executors.runtime()
    control_plane = {
        "version": CONTROL_PLANE_VERSION,
        "header": CONTROL_PLANE_VERSION_HEADER,
        "response_contract": response_contract(),
        **fixed.pop("control_plane"),
    }
    worker_protocol = {
        "version": PROTOCOL_VERSION,
        "server_capabilities": server_capabilities(settings),
        **fixed.pop("worker_protocol"),
    }
    services = settings.services
    return {
        "server_id": settings.resolved_server_id,
        "version": __version__,
        "default_namespace": settings.services.default_namespace,
        "worker_fleet": worker_fleet,
        "task_repair": {
            "policy": repair_policy(services),
            "candidates": repair_candidates([], 0),
        },
        "limits": msgspec.to_builtins(settings.wire),
        "structural_limits": _structural_limits(settings),
        "control_plane": control_plane,
        "worker_protocol": worker_protocol,
        **fixed,
    }


def _supported_sdks() -> str:
    """Every Python SDK of the protocol, up to the end of this major version."""
    major = int(__version__.partition(".")[0])
    return f">={_OLDEST_SDK},<{major + 1}.0"


def _structural_limits(settings: Settings) -> dict[str, int]:
    limits = settings.services.limits
    return {
        "pending_activity_count": limits.pending_activities,
        "pending_child_count": limits.pending_children,
        "pending_timer_count": limits.pending_timers,
        "pending_signal_count": limits.pending_signals,
        "pending_update_count": limits.pending_updates,
        "command_batch_size": limits.command_batch_size,
        "payload_size_bytes": limits.payload_bytes,
        "memo_size_bytes": limits.memo_bytes,
        "search_attribute_size_bytes": limits.search_attribute_bytes,
        "history_transaction_size": limits.events_per_transaction,
        "warning_threshold_percent": _WARNING_PERCENT,
    }
