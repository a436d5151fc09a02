"""What `durable_workflow` offers at the top, and where each of it lives.

The package re-exports names of every wheel and may depend on none. So each name is a row of a
table, imported when it is asked for; one whose wheel is missing says what to install.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Final

_PACKAGE: Final = "durable_workflow"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a public name lives.

    Attributes:
        module: Module below the package.
        attribute: Its name there; empty for the module itself.
        wheel: The wheel to install for it.
        probe: Module whose presence shows that the wheel is installed. It differs from `module`
            where a module of one wheel re-exports the name from another wheel.
    """

    module: str
    attribute: str
    wheel: str
    probe: str


def _names(
    module: str, wheel: str, *names: str, probe: str = "", **renamed: str
) -> dict[str, Home]:
    """Rows for the names of one module: under their own name, or as `public=there`."""
    attributes = {name: name for name in names} | renamed
    return {
        name: Home(module, attribute, wheel, probe or module)
        for name, attribute in attributes.items()
    }


def _modules(wheel: str, *modules: str) -> dict[str, Home]:
    """Rows for modules that are attributes of the package."""
    return {module: Home(module, "", wheel, module) for module in modules}


EXPORTS: Final[Mapping[str, Home]] = {
    **_modules("dw-core", "activity", "workflow"),
    **_modules("dw-client", "sync"),
    **_modules("dw-testing", "testing"),
    **_names("activity", "dw-core", "ActivityContext", "ActivityInfo"),
    **_names(
        "auth_composition",
        "dw-core",
        "AUTH_COMPOSITION_CONTRACT_SCHEMA",
        "AUTH_COMPOSITION_CONTRACT_VERSION",
        "AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS",
        "AuthCompositionContract",
        "AuthCompositionContractError",
        "parse_auth_composition_contract",
    ),
    **_names(
        "errors",
        "dw-core",
        "ActivityCancelled",
        "ActivityFailed",
        "ApplicationError",
        "ChildWorkflowCancelled",
        "ChildWorkflowFailed",
        "ChildWorkflowTerminated",
        "ClientClosed",
        "DurableWorkflowError",
        "Forbidden",
        "InvalidArgument",
        "InvalidResponse",
        "NamespaceNotFound",
        "NonDeterministicReplayError",
        "NonRetryableError",
        "QueryFailed",
        "ScheduleAlreadyExists",
        "ScheduleNotFound",
        "SearchAttributeNotFound",
        "ServerError",
        "SignalFailed",
        "Unauthorized",
        "UpdateRejected",
        "WorkerNotFound",
        "WorkflowAlreadyStarted",
        "WorkflowCancelled",
        "WorkflowContinuedAsNew",
        "WorkflowFailed",
        "WorkflowNotFound",
        "WorkflowPayloadDecodeError",
        "WorkflowTerminated",
        "WorkflowTimedOut",
    ),
    **_names(
        "external_storage",
        "dw-core",
        "EXTERNAL_PAYLOAD_REFERENCE_SCHEMA",
        "ExternalPayloadCache",
        "ExternalPayloadIntegrityError",
        "ExternalPayloadReference",
        "ExternalPayloadStoragePolicy",
        "ExternalStorageDriver",
        "LocalFilesystemExternalStorage",
        "delete_external_payload",
        "external_storage_driver_from_policy",
        "fetch_external_payload",
        "store_external_payload",
    ),
    **_names("external_storage", "dw-storage-s3", "S3ExternalStorage", probe="storage_s3"),
    **_names("external_storage", "dw-storage-gcs", "GCSExternalStorage", probe="storage_gcs"),
    **_names(
        "external_storage", "dw-storage-azure", "AzureBlobExternalStorage", probe="storage_azure"
    ),
    **_names(
        "external_task_input",
        "dw-core",
        "EXTERNAL_TASK_INPUT_CONTRACT_SCHEMA",
        "EXTERNAL_TASK_INPUT_MEDIA_TYPE",
        "EXTERNAL_TASK_INPUT_SCHEMA",
        "EXTERNAL_TASK_INPUT_VERSION",
        "ExternalTaskInput",
        "ExternalTaskInputError",
        "ExternalTaskInputIdentity",
        "ExternalTaskLease",
        "ExternalTaskWorkflowContext",
        "parse_external_task_input",
        "parse_external_task_input_artifact",
    ),
    **_names(
        "external_task_result",
        "dw-core",
        "EXTERNAL_TASK_RESULT_CONTRACT_SCHEMA",
        "EXTERNAL_TASK_RESULT_MEDIA_TYPE",
        "EXTERNAL_TASK_RESULT_SCHEMA",
        "EXTERNAL_TASK_RESULT_VERSION",
        "ExternalTaskFailure",
        "ExternalTaskIdentity",
        "ExternalTaskResult",
        "ExternalTaskResultError",
        "parse_external_task_result",
        "parse_external_task_result_artifact",
    ),
    **_names("metrics", "dw-core", "InMemoryMetrics", "MetricsRecorder", "NoopMetrics"),
    # Importable without its wheel: making one is what fails then.
    **_names("metrics", "dw-metrics-prometheus", "PrometheusMetrics"),
    **_names("retry_policy", "dw-core", "RetryPolicy", "TransportRetryPolicy"),
    **_names(
        "serializer",
        "dw-core",
        "PayloadSizeWarningConfig",
        "PayloadSizeWarningContext",
        "external_storage_envelope",
        "to_avro_payload_value",
        "to_avro_payload_values",
    ),
    **_names(
        "workflow",
        "dw-core",
        "ActivityRetryPolicy",
        "ChildWorkflowRetryPolicy",
        "ContinueAsNew",
        "ReplayOutcome",
        "StartChildWorkflow",
        "replay",
    ),
    **_names("workflow", "dw-replay", "Replayer", probe="_replayer"),
    **_names(
        "client",
        "dw-client",
        "BridgeAdapterOutcome",
        "Client",
        "NamespaceDescription",
        "NamespaceList",
        "ScheduleAction",
        "ScheduleBackfillResult",
        "ScheduleDescription",
        "ScheduleHandle",
        "ScheduleHistoryEvent",
        "ScheduleHistoryPage",
        "ScheduleList",
        "ScheduleSpec",
        "ScheduleTriggerResult",
        "SearchAttributeList",
        "StandaloneActivityExecution",
        "StandaloneActivityHandle",
        "StandaloneActivityList",
        "StoragePayloadTestResult",
        "StorageTestResult",
        "TaskQueueAdmission",
        "TaskQueueBuildIdCohort",
        "TaskQueueBuildIdRollout",
        "TaskQueueBuildIdRolloutState",
        "TaskQueueDescription",
        "TaskQueueList",
        "TaskQueueQueryAdmission",
        "TaskQueueTaskAdmission",
        "WorkflowCommandResult",
        "WorkflowExecution",
        "WorkflowHandle",
        "WorkflowList",
        "WorkflowRun",
        "WorkflowRunList",
    ),
    **_names("worker", "dw-worker", "Worker"),
    **_names(
        "interceptors",
        "dw-worker",
        "ActivityHandler",
        "ActivityInterceptorContext",
        "PassthroughWorkerInterceptor",
        "QueryTaskHandler",
        "QueryTaskInterceptorContext",
        "WorkerInterceptor",
        "WorkflowTaskHandler",
        "WorkflowTaskInterceptorContext",
    ),
    **_names(
        "invocable",
        "dw-worker",
        "InvocableActivityHandler",
        "InvocableHttpResponse",
        "handle_invocable_activity",
        "handle_invocable_http_request",
        "handle_invocable_lambda_event",
        "lambda_invocable_activity_handler",
    ),
    **_names(
        "replay_verify",
        "dw-replay",
        "GoldenHistoryReport",
        "SimulationReport",
        "aggregate_verdicts",
        "promotion_decision_for",
        "promotion_decision_for_report",
        "simulate_bundles",
        "verify_golden_history",
        "verify_replay",
        ReplayCaseReport="CaseReport",
    ),
    **_names(
        "history_bundle_verify",
        "dw-replay",
        HISTORY_BUNDLE_SCHEMA="BUNDLE_SCHEMA",
        HISTORY_BUNDLE_SCHEMA_VERSION="BUNDLE_SCHEMA_VERSION",
        HISTORY_BUNDLE_VERIFICATION_REPORT_SCHEMA="REPORT_SCHEMA",
        HISTORY_BUNDLE_VERIFICATION_REPORT_SCHEMA_VERSION="REPORT_SCHEMA_VERSION",
        verify_history_bundle="verify_bundle",
        verify_history_bundle_json="verify_bundle_json",
    ),
}

# Attributes of the package too, but not offered to `import *`.
SUBMODULES: Final[Mapping[str, Home]] = {
    **_modules(
        "dw-core",
        "auth_composition",
        "errors",
        "external_storage",
        "external_task_input",
        "external_task_result",
        "metrics",
        "retry_policy",
        "serializer",
    ),
    **_modules("dw-client", "client"),
    **_modules("dw-worker", "interceptors", "invocable", "worker"),
    **_modules("dw-replay", "history_bundle_verify", "replay_verify"),
}

# Published names that no wheel of this release has yet. Asking for one raises an error that says
# so, and `__all__` does not list them.
LATER: Final = frozenset[str]()


def resolve(name: str) -> object:
    """Import a public name.

    Raises:
        AttributeError: There is no such name.
        ImportError: Its wheel is not installed, or needs a newer dw-core; the text has the
            install line.
    """
    home = EXPORTS.get(name) or SUBMODULES.get(name)
    if home is None:
        raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")
    if not is_installed(home):
        raise ImportError(
            f"{_PACKAGE}.{name} {_how_to_get(home.wheel)}", name=f"{_PACKAGE}.{home.probe}"
        )
    try:
        module = import_module(f"{_PACKAGE}.{home.module}")
        return getattr(module, home.attribute) if home.attribute else module
    except (ImportError, AttributeError) as error:
        outdated = _outdated_core(home.wheel)
        if outdated is None:
            raise
        raise ImportError(outdated, name=f"{_PACKAGE}.{home.module}") from error


def _outdated_core(wheel: str) -> str | None:
    """What to tell if a wheel is of a later release than dw-core; None if it is not.

    Installers keep the two together. `--no-deps`, and an older dw-core that pip installs over a
    newer one, do not.
    """
    from durable_workflow._protocol import installed_version

    core, other = installed_version("dw-core"), installed_version(wheel)
    if _release(other) <= _release(core):
        return None
    return f"{wheel} {other} needs a newer dw-core than {core}: pip install --upgrade dw-core"


def _release(version: str) -> list[int]:
    """The numbers of a version, as far as they are numbers."""
    return [int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3]]


def _how_to_get(wheel: str) -> str:
    # Not imported before it is needed: it is slow to import.
    from durable_workflow._protocol import UNKNOWN_VERSION, installed_version

    installed = installed_version(wheel)
    if installed == UNKNOWN_VERSION:
        return f"is in another wheel: pip install {wheel}"
    # Wheels of different releases go together, so this one may be too old to have it.
    return f"is not in {wheel} {installed}: pip install --upgrade {wheel}"


def is_installed(home: Home) -> bool:
    """Whether the wheel of a name is there."""
    return find_spec(f"{_PACKAGE}.{home.probe}") is not None


def installed_names() -> list[str]:
    """The public names whose wheels are there, sorted."""
    found: dict[str, bool] = {}
    for home in EXPORTS.values():
        if home.probe not in found:
            found[home.probe] = is_installed(home)
    return sorted(name for name, home in EXPORTS.items() if found[home.probe])
