"""The documents that say what a release must show."""

from collections.abc import Mapping
from typing import Any

from durable_workflow._wire.json_values import is_list, is_object
from durable_workflow.python_conformance import _tables as tables


def manifest() -> dict[str, Any]:
    """The contract: artifacts, scenarios and capabilities, and what counts as shown."""
    return {
        "schema": tables.SCHEMA,
        "version": tables.VERSION,
        "result_schema": tables.RESULT_SCHEMA,
        "result_version": tables.RESULT_VERSION,
        "required_artifacts": list(tables.REQUIRED_ARTIFACTS),
        "required_scenarios": [
            {
                "id": scenario,
                "aliases": list(tables.SCENARIO_ID_ALIASES[scenario]),
                "required_evidence": list(tables.SCENARIO_REQUIRED_EVIDENCE[scenario]),
            }
            for scenario in tables.REQUIRED_SCENARIOS
        ],
        "required_capabilities": [
            {"id": capability, "aliases": list(tables.CAPABILITY_ID_ALIASES[capability])}
            for capability in tables.REQUIRED_CAPABILITIES
        ],
        "allowed_scenario_statuses": list(tables.ALLOWED_SCENARIO_STATUSES),
        "pass_requirements": manifest_pass_requirements(),
        "result_gate": result_gate_spec(),
        "host_evidence": host_evidence_spec(),
    }


def result_gate_spec() -> dict[str, Any]:
    """How a result is judged, and under which names its parts are looked for."""
    return {
        "schema": tables.RESULT_GATE_SCHEMA,
        "version": tables.RESULT_GATE_VERSION,
        "result_schema": tables.RESULT_SCHEMA,
        "result_version": tables.RESULT_VERSION,
        "pass_requirements": manifest_pass_requirements(),
        "non_pass_scenario_statuses": list(tables.NON_PASS_SCENARIO_STATUSES),
        "placeholder_version_tokens": sorted(tables.PLACEHOLDER_VERSION_TOKENS),
        "fields": _fields() | {"declared_outcome": list(tables.DECLARED_OUTCOME_FIELDS)},
    }


def host_evidence_spec() -> dict[str, Any]:
    """What whoever runs the scenarios hands in, for a result to be composed from."""
    return {
        "schema": tables.HOST_EVIDENCE_SCHEMA,
        "version": tables.HOST_EVIDENCE_VERSION,
        "required_artifacts": list(tables.REQUIRED_ARTIFACTS),
        "scenario_required_evidence": {
            scenario: list(evidence)
            for scenario, evidence in tables.SCENARIO_REQUIRED_EVIDENCE.items()
        },
        "required_capabilities": list(tables.REQUIRED_CAPABILITIES),
        "allowed_scenario_statuses": list(tables.ALLOWED_SCENARIO_STATUSES),
        "fields": _fields(),
    }


def manifest_pass_requirements() -> list[str]:
    """What a passing result has, a sentence each."""
    return [
        f"The result names the schema {tables.RESULT_SCHEMA} at version {tables.RESULT_VERSION}.",
        "Every required artifact has a resolved version and says where it came from.",
        "Every required scenario has the status pass, with all of its required evidence.",
        "Every required capability has the status pass.",
        "An outcome that the result declares itself is what its parts say.",
    ]


def required(contract: Mapping[str, Any] | None, key: str) -> list[str]:
    """The ids that a contract requires: those of the manifest, where it says nothing.

    Raises:
        ValueError: The contract's list is none.
    """
    listed: object = (contract or {}).get(key)
    if listed is None:
        listed = manifest()[key]
    if not is_list(listed):
        raise ValueError(f"contract: {key} must be a list")
    named = [each.get("id") if is_object(each) else each for each in listed]
    ids = [each for each in named if isinstance(each, str) and each]
    if len(ids) < len(named):
        raise ValueError(f"contract: {key} must hold ids, or objects with an id")
    return ids


def _fields() -> dict[str, list[str]]:
    return {
        "artifact_versions": list(tables.ARTIFACT_VERSION_FIELDS),
        "artifact_sources": list(tables.ARTIFACT_SOURCE_FIELDS),
        "scenario_results": list(tables.SCENARIO_RESULTS_FIELDS),
        "capability_table": list(tables.CAPABILITY_TABLE_FIELDS),
    }
