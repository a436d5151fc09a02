"""The words of the contract: schemas, what must be shown, and how evidence may spell it."""

from typing import Final

SCHEMA: Final[str] = "durable-workflow.v2.python-sdk-parity.contract"
VERSION: Final[int] = 1
RESULT_SCHEMA: Final[str] = "durable-workflow.v2.python-sdk-parity.result"
RESULT_VERSION: Final[int] = 1
RESULT_GATE_SCHEMA: Final[str] = "durable-workflow.v2.python-sdk-parity.result-gate"
RESULT_GATE_VERSION: Final[int] = 1
HOST_EVIDENCE_SCHEMA: Final[str] = "durable-workflow.v2.python-sdk-parity.host-evidence"
HOST_EVIDENCE_VERSION: Final[int] = 1
PUBLISHED_ARTIFACT_INSTALL_ONLY_SCENARIO: Final[str] = "published_artifact_install_only"
ALLOWED_SCENARIO_STATUSES: Final[tuple[str, ...]] = (
    "pass",
    "fail",
    "unsupported",
    "not_covered",
    "runner_blocked",
)
NON_PASS_SCENARIO_STATUSES: Final[tuple[str, ...]] = (
    "fail",
    "unsupported",
    "not_covered",
    "runner_blocked",
)
REQUIRED_ARTIFACTS: Final[tuple[str, ...]] = (
    "server",
    "cli",
    "sdk-python",
    "workflow",
    "waterline",
)
ARTIFACT_VERSION_FIELDS: Final[tuple[str, ...]] = (
    "artifact_versions",
    "artifactVersions",
    "published_artifact_versions",
    "publishedArtifactVersions",
    "resolved_artifact_versions",
    "resolvedArtifactVersions",
    "versions",
)
ARTIFACT_SOURCE_FIELDS: Final[tuple[str, ...]] = (
    "artifact_sources",
    "artifactSources",
    "published_artifact_sources",
    "publishedArtifactSources",
    "sources",
)
SCENARIO_RESULTS_FIELDS: Final[tuple[str, ...]] = (
    "scenario_results",
    "scenarioResults",
    "scenario_evidence",
    "scenarioEvidence",
    "scenarios",
)
CAPABILITY_TABLE_FIELDS: Final[tuple[str, ...]] = (
    "capability_table",
    "capabilityTable",
    "capabilities",
    "capability_results",
    "capabilityResults",
    "capability_evidence",
    "capabilityEvidence",
    "capability_checks",
    "capabilityChecks",
)
DECLARED_OUTCOME_FIELDS: Final[tuple[str, ...]] = (
    "outcome",
    "status",
    "verdict",
)
PLACEHOLDER_VERSION_TOKENS: Final[set[str]] = {
    "",
    "current",
    "head",
    "latest",
    "main",
    "placeholder",
    "tip",
    "unresolved",
}
REQUIRED_SCENARIOS: Final[tuple[str, ...]] = (
    "published_artifact_install_only",
    "official_cli_install_start_result_path",
    "cold_first_user_setup",
    "python_worker_registration",
    "activity_backed_workflow_execution",
    "workflow_result_surface",
    "worker_restart_activity_and_signal_state",
    "protocol_trace_capture",
    "php_assumption_audit",
    "capability_table_complete",
)
REQUIRED_CAPABILITIES: Final[tuple[str, ...]] = (
    "server_up",
    "official_cli_installed",
    "cli_reaches_server",
    "cli_starts_workflow",
    "cli_reads_workflow_result",
    "cold_first_user_setup",
    "python_sdk_installed_from_pypi",
    "python_worker_connects",
    "python_worker_registers_workflows",
    "python_worker_registers_activities",
    "python_workflow_runs",
    "python_activity_runs",
    "workflow_result_returned",
    "worker_restart_replays_activity_state",
    "worker_restart_replays_signal_state",
    "protocol_traces_recorded",
    "php_assumptions_absent",
)
SCENARIO_ID_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "published_artifact_install_only": ("published-artifact-install-only",),
    "official_cli_install_start_result_path": ("official-cli-install-start-result-path",),
    "cold_first_user_setup": ("cold-first-user-setup",),
    "python_worker_registration": ("python-worker-registration",),
    "activity_backed_workflow_execution": ("activity-backed-workflow-execution",),
    "workflow_result_surface": ("workflow-result-surface",),
    "worker_restart_activity_and_signal_state": ("worker-restart-activity-and-signal-state",),
    "protocol_trace_capture": ("protocol-trace-capture",),
    "php_assumption_audit": ("php-assumption-audit",),
    "capability_table_complete": ("capability-table-complete",),
}
CAPABILITY_ID_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "server_up": ("server-up",),
    "official_cli_installed": (
        "official-cli-installed",
        "cli-installed",
        "cli_installed",
    ),
    "cli_reaches_server": ("cli-reaches-server",),
    "cli_starts_workflow": ("cli-starts-workflow",),
    "cli_reads_workflow_result": (
        "cli-reads-workflow-result",
        "cli-reads-result",
        "cli_result",
        "cli-result",
    ),
    "cold_first_user_setup": ("cold-first-user-setup",),
    "python_sdk_installed_from_pypi": ("python-sdk-installed-from-pypi",),
    "python_worker_connects": ("python-worker-connects",),
    "python_worker_registers_workflows": ("python-worker-registers-workflows",),
    "python_worker_registers_activities": ("python-worker-registers-activities",),
    "python_workflow_runs": ("python-workflow-runs",),
    "python_activity_runs": ("python-activity-runs",),
    "workflow_result_returned": (
        "workflow-result-returned",
        "result-returned",
        "result_returned",
    ),
    "worker_restart_replays_activity_state": ("worker-restart-replays-activity-state",),
    "worker_restart_replays_signal_state": ("worker-restart-replays-signal-state",),
    "protocol_traces_recorded": ("protocol-traces-recorded",),
    "php_assumptions_absent": ("php-assumptions-absent",),
}
SCENARIO_REQUIRED_EVIDENCE: Final[dict[str, tuple[str, ...]]] = {
    "published_artifact_install_only": (
        "install_channels",
        "artifact_versions",
        "source_policy",
    ),
    "official_cli_install_start_result_path": (
        "cli_install",
        "cli_start",
        "cli_result",
    ),
    "cold_first_user_setup": (
        "fresh_state",
        "first_user_flow",
    ),
    "python_worker_registration": (
        "registered_workflows",
        "registered_activities",
        "worker_identity",
    ),
    "activity_backed_workflow_execution": (
        "workflow_execution",
        "activity_execution",
    ),
    "workflow_result_surface": (
        "result_observed",
        "result_value",
    ),
    "worker_restart_activity_and_signal_state": (
        "restart_boundary",
        "activity_state_after_restart",
        "signal_state_after_restart",
    ),
    "protocol_trace_capture": (
        "control_plane_traces",
        "worker_protocol_traces",
    ),
    "php_assumption_audit": (
        "server_cli_audit",
        "sdk_runtime_audit",
    ),
    "capability_table_complete": ("capability_table",),
}
