"""Composing a result from evidence, and judging a result."""

from collections.abc import Mapping
from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.python_conformance import _tables as tables
from durable_workflow.python_conformance._contract import required
from durable_workflow.python_conformance._evidence import (
    PASS,
    entries,
    has_evidence,
    is_resolved,
    member,
    texts,
)


def compose_result(
    evidence: Mapping[str, Any], contract: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Put what a host hands in into the form of a result.

    Args:
        evidence: As `host_evidence_spec` says.
        contract: Requirements in the place of the manifest's; None for those.
    Returns:
        The result; its `outcome` is what `evaluate_result` says of it.
    Raises:
        ValueError: The contract cannot be read.
    """
    result: JsonObject = {
        "schema": tables.RESULT_SCHEMA,
        "version": tables.RESULT_VERSION,
        "artifact_versions": texts(evidence, tables.ARTIFACT_VERSION_FIELDS),
        "artifact_sources": texts(evidence, tables.ARTIFACT_SOURCE_FIELDS),
        "scenario_results": entries(
            evidence,
            tables.SCENARIO_RESULTS_FIELDS,
            required(contract, "required_scenarios"),
            tables.SCENARIO_ID_ALIASES,
        ),
        "capability_table": entries(
            evidence,
            tables.CAPABILITY_TABLE_FIELDS,
            required(contract, "required_capabilities"),
            tables.CAPABILITY_ID_ALIASES,
        ),
    }
    result["outcome"] = evaluate_result(result, contract)["outcome"]
    return result


def evaluate_result(
    result: Mapping[str, Any], contract: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Judge a result.

    Args:
        result: The result document.
        contract: Requirements in the place of the manifest's; None for those.
    Returns:
        `outcome` is `pass` or `fail`; `findings` say why it fails, each with `code`, `subject` and
        `message`.
    Raises:
        ValueError: The contract cannot be read.
    """
    findings = [
        *_schema(result),
        *_artifacts(result, required(contract, "required_artifacts")),
        *_scenarios(result, required(contract, "required_scenarios")),
        *_capabilities(result, required(contract, "required_capabilities")),
    ]
    findings += _declared(result, fails=bool(findings))
    return {
        "schema": tables.RESULT_GATE_SCHEMA,
        "version": tables.RESULT_GATE_VERSION,
        "outcome": "fail" if findings else PASS,
        "findings": findings,
    }


def _finding(code: str, subject: str, message: str) -> JsonObject:
    return {"code": code, "subject": subject, "message": message}


def _schema(result: Mapping[str, Any]) -> list[JsonObject]:
    named = result.get("schema"), result.get("version")
    if named == (tables.RESULT_SCHEMA, tables.RESULT_VERSION):
        return []
    wanted = f"{tables.RESULT_SCHEMA} at version {tables.RESULT_VERSION}"
    return [_finding("wrong_schema", "schema", f"the result must name {wanted}, not {named!r}")]


def _artifacts(result: Mapping[str, Any], artifacts: list[str]) -> list[JsonObject]:
    versions = texts(result, tables.ARTIFACT_VERSION_FIELDS)
    sources = texts(result, tables.ARTIFACT_SOURCE_FIELDS)
    findings: list[JsonObject] = []
    for artifact in artifacts:
        version = versions.get(artifact, "")
        if not is_resolved(version):
            message = f"the version of {artifact} is {version!r}, which names no release"
            findings.append(_finding("artifact_version_unresolved", artifact, message))
        if not sources.get(artifact):
            message = f"it is not said where {artifact} came from"
            findings.append(_finding("artifact_source_missing", artifact, message))
    return findings


def _scenarios(result: Mapping[str, Any], scenarios: list[str]) -> list[JsonObject]:
    found = entries(result, tables.SCENARIO_RESULTS_FIELDS, scenarios, tables.SCENARIO_ID_ALIASES)
    findings: list[JsonObject] = []
    for scenario, entry in found.items():
        findings += _status("scenario", scenario, entry["status"])
        if entry["status"] != PASS:
            continue
        for name in tables.SCENARIO_REQUIRED_EVIDENCE.get(scenario, ()):
            if not has_evidence(entry, name):
                message = f"scenario {scenario} passes without its evidence {name!r}"
                findings.append(_finding("scenario_evidence_missing", scenario, message))
    return findings


def _capabilities(result: Mapping[str, Any], capabilities: list[str]) -> list[JsonObject]:
    found = entries(
        result, tables.CAPABILITY_TABLE_FIELDS, capabilities, tables.CAPABILITY_ID_ALIASES
    )
    return [
        finding
        for capability, entry in found.items()
        for finding in _status("capability", capability, entry["status"])
    ]


def _status(what: str, subject: str, status: str) -> list[JsonObject]:
    if status == PASS:
        return []
    if status in tables.NON_PASS_SCENARIO_STATUSES:
        return [_finding(f"{what}_not_passed", subject, f"{what} {subject} is {status}")]
    allowed = ", ".join(tables.ALLOWED_SCENARIO_STATUSES)
    message = f"{what} {subject} has the status {status!r}, which is none of {allowed}"
    return [_finding(f"{what}_status_unknown", subject, message)]


def _declared(result: Mapping[str, Any], *, fails: bool) -> list[JsonObject]:
    declared = member(result, tables.DECLARED_OUTCOME_FIELDS)
    if declared is None:
        return []
    passes = str(declared).strip().lower() == PASS
    if passes and fails:
        message = "the result declares itself passed, and its parts say otherwise"
        return [_finding("declared_outcome_contradicted", "outcome", message)]
    if not passes and not fails:
        message = f"all parts pass, and the result declares itself {declared!r}"
        return [_finding("declared_outcome_not_pass", "outcome", message)]
    return []
