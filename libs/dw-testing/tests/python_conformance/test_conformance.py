"""Composing and judging results."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import python_conformance as conformance


def evidence() -> dict[str, Any]:
    """Of a host where everything passed."""
    return {
        "artifact_versions": dict.fromkeys(conformance.REQUIRED_ARTIFACTS, "1.0.0"),
        "artifact_sources": dict.fromkeys(conformance.REQUIRED_ARTIFACTS, "registry"),
        "scenarios": {
            scenario: {"status": "pass", "evidence": dict.fromkeys(names, "seen")}
            for scenario, names in conformance.SCENARIO_REQUIRED_EVIDENCE.items()
        },
        "capabilities": dict.fromkeys(conformance.REQUIRED_CAPABILITIES, True),
    }


def codes(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Code and subject of what is wrong with a result composed from this."""
    verdict = conformance.evaluate_result(conformance.compose_result(document))
    return {(each["code"], each["subject"]) for each in verdict["findings"]}


def test_a_complete_result_passes() -> None:
    result = conformance.compose_result(evidence())
    assert result["outcome"] == "pass"
    assert conformance.evaluate_result(result)["findings"] == []


def test_nothing_passes_without_evidence() -> None:
    verdict = conformance.evaluate_result(conformance.compose_result({}))
    assert verdict["outcome"] == "fail"
    subjects = {each["subject"] for each in verdict["findings"]}
    assert subjects == {
        *conformance.REQUIRED_ARTIFACTS,
        *conformance.REQUIRED_SCENARIOS,
        *conformance.REQUIRED_CAPABILITIES,
    }


@pytest.mark.parametrize("version", ["latest", " HEAD ", "", None])
def test_a_version_must_name_a_release(version: Any) -> None:
    document = evidence()
    document["artifact_versions"]["cli"] = version
    assert codes(document) == {("artifact_version_unresolved", "cli")}


def test_an_artifact_must_say_where_it_came_from() -> None:
    document = evidence()
    del document["artifact_sources"]["cli"]
    assert codes(document) == {("artifact_source_missing", "cli")}


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("fail", "scenario_not_passed"),
        ({"status": "unsupported"}, "scenario_not_passed"),
        (False, "scenario_not_passed"),
        (None, "scenario_not_passed"),
        ("great", "scenario_status_unknown"),
        ("pass", "scenario_evidence_missing"),
        (
            {"status": "pass", "fresh_state": True, "first_user_flow": ""},
            "scenario_evidence_missing",
        ),
    ],
)
def test_a_scenario_must_pass_with_its_evidence(entry: Any, code: str) -> None:
    document = evidence()
    document["scenarios"]["cold_first_user_setup"] = entry
    assert codes(document) == {(code, "cold_first_user_setup")}


def test_other_spellings_are_read() -> None:
    document = evidence()
    capabilities = document.pop("capabilities")
    capabilities["cli-installed"] = capabilities.pop("official_cli_installed")
    spelled = {
        "resolvedArtifactVersions": document["artifact_versions"],
        "sources": document["artifact_sources"],
        "scenarioEvidence": [
            {"id": scenario.replace("_", "-"), **entry}
            for scenario, entry in document["scenarios"].items()
        ],
        "capabilityChecks": capabilities,
    }
    assert codes(spelled) == set()


@pytest.mark.parametrize(
    ("outcome", "scenario", "code"),
    [
        ("pass", "fail", "declared_outcome_contradicted"),
        ("fail", "pass", "declared_outcome_not_pass"),
    ],
)
def test_a_declared_outcome_must_be_true(outcome: str, scenario: str, code: str) -> None:
    result: dict[str, Any] = conformance.compose_result(evidence()) | {"outcome": outcome}
    result["capability_table"]["server_up"] = {"status": scenario}
    found = {each["code"] for each in conformance.evaluate_result(result)["findings"]}
    assert code in found


def test_another_contract_may_ask_for_less() -> None:
    contract = {
        "required_artifacts": ["server"],
        "required_scenarios": [{"id": "python_worker_registration"}],
        "required_capabilities": [],
    }
    document = evidence()
    document["artifact_versions"] = {"server": "1.0.0"}
    result = conformance.compose_result(document, contract)
    assert list(result["scenario_results"]) == ["python_worker_registration"]
    assert conformance.evaluate_result(result, contract)["outcome"] == "pass"


@pytest.mark.parametrize("listed", ["server", [1], [{}], 5])
def test_a_contract_that_cannot_be_read_is_refused(listed: Any) -> None:
    with pytest.raises(ValueError, match="required_artifacts"):
        conformance.evaluate_result({}, {"required_artifacts": listed})


def test_another_schema_does_not_pass() -> None:
    result = conformance.compose_result(evidence()) | {"version": 2}
    [finding, *_] = conformance.evaluate_result(result)["findings"]
    assert finding["code"] == "wrong_schema"


@pytest.mark.parametrize(
    ("option", "schema"),
    [
        ("--manifest", conformance.SCHEMA),
        ("--result-gate", conformance.RESULT_GATE_SCHEMA),
        ("--host-evidence", conformance.HOST_EVIDENCE_SCHEMA),
    ],
)
def test_the_command_prints_documents(
    option: str, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conformance.main([option, "--pretty"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == schema


def test_the_command_composes_and_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(evidence()))
    assert conformance.main(["--compose", str(path)]) == 0
    composed = capsys.readouterr().out
    assert json.loads(composed)["schema"] == conformance.RESULT_SCHEMA
    assert conformance.main(["--compose", str(path), "--evaluate-composed"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(composed))
    assert conformance.main(["--evaluate", "-"]) == 0
    path.write_text("{}")
    assert conformance.main(["--evaluate", str(path)]) == 1


@pytest.mark.parametrize("text", [b"{", b"[]", b"", b"\xff", b"[" * 100_000])
def test_the_command_names_a_file_that_it_cannot_read(
    text: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(text)
    assert conformance.main(["--evaluate", str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert conformance.main(["--evaluate", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
