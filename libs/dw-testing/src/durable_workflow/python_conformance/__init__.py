"""The contract that a release of the Python SDK is checked against, and the judge of the results.

Pure JSON: nothing here runs a workflow. `manifest` says what must be shown, a host that has run the
scenarios hands in its evidence, `compose_result` puts it into form and `evaluate_result` judges it.
"""

from durable_workflow._publish import publish
from durable_workflow.python_conformance._command import main
from durable_workflow.python_conformance._contract import (
    host_evidence_spec,
    manifest,
    manifest_pass_requirements,
    result_gate_spec,
)
from durable_workflow.python_conformance._gate import compose_result, evaluate_result
from durable_workflow.python_conformance._tables import (
    ALLOWED_SCENARIO_STATUSES,
    ARTIFACT_SOURCE_FIELDS,
    ARTIFACT_VERSION_FIELDS,
    CAPABILITY_ID_ALIASES,
    CAPABILITY_TABLE_FIELDS,
    DECLARED_OUTCOME_FIELDS,
    HOST_EVIDENCE_SCHEMA,
    HOST_EVIDENCE_VERSION,
    NON_PASS_SCENARIO_STATUSES,
    PLACEHOLDER_VERSION_TOKENS,
    PUBLISHED_ARTIFACT_INSTALL_ONLY_SCENARIO,
    REQUIRED_ARTIFACTS,
    REQUIRED_CAPABILITIES,
    REQUIRED_SCENARIOS,
    RESULT_GATE_SCHEMA,
    RESULT_GATE_VERSION,
    RESULT_SCHEMA,
    RESULT_VERSION,
    SCENARIO_ID_ALIASES,
    SCENARIO_REQUIRED_EVIDENCE,
    SCENARIO_RESULTS_FIELDS,
    SCHEMA,
    VERSION,
)

__all__ = [
    "ALLOWED_SCENARIO_STATUSES",
    "ARTIFACT_SOURCE_FIELDS",
    "ARTIFACT_VERSION_FIELDS",
    "CAPABILITY_ID_ALIASES",
    "CAPABILITY_TABLE_FIELDS",
    "DECLARED_OUTCOME_FIELDS",
    "HOST_EVIDENCE_SCHEMA",
    "HOST_EVIDENCE_VERSION",
    "NON_PASS_SCENARIO_STATUSES",
    "PLACEHOLDER_VERSION_TOKENS",
    "PUBLISHED_ARTIFACT_INSTALL_ONLY_SCENARIO",
    "REQUIRED_ARTIFACTS",
    "REQUIRED_CAPABILITIES",
    "REQUIRED_SCENARIOS",
    "RESULT_GATE_SCHEMA",
    "RESULT_GATE_VERSION",
    "RESULT_SCHEMA",
    "RESULT_VERSION",
    "SCENARIO_ID_ALIASES",
    "SCENARIO_REQUIRED_EVIDENCE",
    "SCENARIO_RESULTS_FIELDS",
    "SCHEMA",
    "VERSION",
    "compose_result",
    "evaluate_result",
    "host_evidence_spec",
    "main",
    "manifest",
    "manifest_pass_requirements",
    "result_gate_spec",
]

publish(globals(), __all__)
