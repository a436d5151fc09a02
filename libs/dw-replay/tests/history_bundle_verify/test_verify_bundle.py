"""A bundle in good order, each way in which one is not, and what is said of it."""

import copy
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import durable_workflow
from durable_workflow.history_bundle_verify import verify_bundle, verify_bundle_json

KEY = "secret"
SCHEMA_TEXT = '{"type":"string"}'
FINGERPRINT = f"sha256:{hashlib.sha256(SCHEMA_TEXT.encode()).hexdigest()}"

BUNDLE: dict[str, Any] = {
    "schema": "durable-workflow.v2.history-export",
    "schema_version": 1,
    "exported_at": "2026-05-03T09:00:00.000000Z",
    "workflow": {
        "instance_id": "order-é",
        "run_id": "run-1",
        "workflow_type": "order",
        "last_history_sequence": 2,
    },
    "payloads": {"codec": "avro"},
    "links": {},
    "redaction": {"applied": False, "paths": []},
    "codec_schemas": {},
    "payload_manifest": {
        "entries": [
            {
                "path": "payloads.arguments.data",
                "codec": "avro",
                "available": True,
                "redacted": False,
                "avro_framing": "generic_wrapper",
                "writer_schema": SCHEMA_TEXT,
                "writer_schema_fingerprint": FINGERPRINT,
                "diagnostic": None,
            }
        ]
    },
    "history_events": [
        {"id": "e1", "sequence": 1, "type": "StartAccepted", "workflow_command_id": "c1"},
        {"id": "e2", "sequence": 2, "type": "WorkflowStarted", "payload": {}},
    ],
    "commands": [{"id": "c1", "status": "applied"}, {"id": "c2", "status": "accepted"}],
    "signals": [],
    "updates": [],
    "tasks": [],
    "activities": [],
    "timers": [],
    "failures": [],
}


def canonical(bundle: dict[str, Any], *, ensure_ascii: bool = False) -> bytes:
    bare = {key: value for key, value in bundle.items() if key != "integrity"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=ensure_ascii)
    return text.encode()


def sealed(bundle: dict[str, Any], key: str | None = None, **options: Any) -> dict[str, Any]:
    """A bundle with the integrity of what it is now."""
    text = canonical(bundle, **options)
    signature = hmac.new(key.encode(), text, hashlib.sha256).hexdigest() if key else None
    integrity = {
        "canonicalization": "json-recursive-ksort-v1",
        "checksum_algorithm": "sha256",
        "checksum": hashlib.sha256(text).hexdigest(),
        "signature_algorithm": "hmac-sha256" if key else None,
        "signature": signature,
        "key_id": "k-1" if key else None,
    }
    return {**bundle, "integrity": integrity}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """A bundle that was exported as it is after the change."""
    bundle = copy.deepcopy(BUNDLE)
    change(bundle)
    return sealed(bundle)


def rules(report: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in report["findings"]]


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Set the member at a path to the last argument."""
    *steps, last, value = path

    def change(bundle: dict[str, Any]) -> None:
        target: Any = bundle
        for step in steps:
            target = target[step]
        target[last] = value

    return change


def drop(member: str) -> Callable[[dict[str, Any]], None]:
    """Leave a member out."""

    def change(bundle: dict[str, Any]) -> None:
        del bundle[member]

    return change


def test_a_bundle_in_good_order_is_ok() -> None:
    report = verify_bundle(sealed(BUNDLE, KEY), KEY)
    assert report["status"] == "ok"
    assert report["findings"] == []
    assert report["summary"] == {
        "findings": 0,
        "errors": 0,
        "warnings": 0,
        "info": 0,
        "findings_by_rule": {},
    }
    assert report["bundle"] == {
        "schema": "durable-workflow.v2.history-export",
        "schema_version": 1,
        "instance_id": "order-é",
        "run_id": "run-1",
        "workflow_instance_id": "order-é",
        "workflow_run_id": "run-1",
        "history_event_count": 2,
    }
    checksum = hashlib.sha256(canonical(BUNDLE)).hexdigest()
    assert report["integrity"] == {
        "present": True,
        "canonicalization": "json-recursive-ksort-v1",
        "checksum_algorithm": "sha256",
        "expected_checksum": checksum,
        "recomputed_checksum": checksum,
        "checksum_matches": True,
        "signature_algorithm": "hmac-sha256",
        "signature_present": True,
        "signature_verified": True,
        "key_id": "k-1",
        "checksum": checksum,
        "checksum_ok": True,
        "signature_ok": True,
        "signing_key_provided": True,
    }


@pytest.mark.parametrize(
    ("change", "rule", "severity"),
    [
        (drop("schema"), "bundle.schema_missing", "error"),
        (put("schema", "other"), "bundle.schema_unexpected", "error"),
        (drop("schema_version"), "bundle.schema_version_missing", "error"),
        (put("schema_version", 3), "bundle.schema_version_unsupported", "error"),
        (put("schema_version", True), "bundle.schema_version_unsupported", "error"),
        (put("exported_at", ""), "bundle.exported_at_missing", "warning"),
        (drop("links"), "bundle.section_missing", "error"),
        (drop("timers"), "bundle.section_missing", "error"),
        (put("codec_schemas", []), "bundle.section_invalid", "error"),
        (put("signals", {}), "bundle.section_invalid", "error"),
        (put("workflow", "run_id", ""), "workflow.run_id_missing", "error"),
        (put("workflow", "instance_id", None), "workflow.instance_id_missing", "error"),
        (put("workflow", "workflow_type", 7), "workflow.workflow_type_missing", "error"),
        (
            put("workflow", "last_history_sequence", 1),
            "workflow.last_history_sequence_stale",
            "warning",
        ),
        (put("history_events", 1, "event"), "history_events.entry_invalid", "error"),
        (put("history_events", 1, "sequence", "2"), "history_events.sequence_missing", "error"),
        (put("history_events", 1, "sequence", 1), "history_events.sequence_not_monotonic", "error"),
        (put("history_events", 1, "type", ""), "history_events.type_missing", "error"),
        (put("history_events", 1, "id", "e1"), "history_events.id_duplicate", "error"),
        (put("commands", 0, "id", ""), "commands.id_missing", "error"),
        (put("commands", 0, "not an object"), "commands.id_missing", "error"),
        (put("commands", 1, "status", "applied"), "commands.history_event_missing", "warning"),
        (put("commands", 1, "outcome", "rejected"), "commands.history_event_missing", "warning"),
        (put("commands", 1, "applied_at", "2026"), "commands.history_event_missing", "warning"),
        (
            put("payload_manifest", "entries", 0, "codec", None),
            "payload_manifest.codec_missing",
            "error",
        ),
        (
            put("payload_manifest", "entries", 0, "diagnostic", "payload_missing"),
            "payload_manifest.payload_missing",
            "error",
        ),
        (
            put("payload_manifest", "entries", 0, "avro_framing", None),
            "payload_manifest.avro_framing_missing",
            "warning",
        ),
        (
            put("payload_manifest", "entries", 0, "writer_schema", '{"type":"int"}'),
            "payload_manifest.writer_schema_fingerprint_mismatch",
            "error",
        ),
        (put("redaction", "applied", True), "redaction.empty_paths", "info"),
    ],
)
def test_each_fault_of_the_form_is_found(
    change: Callable[[dict[str, Any]], object], rule: str, severity: str
) -> None:
    report = verify_bundle(changed(change))
    (finding,) = report["findings"]
    assert (finding["rule"], finding["severity"]) == (rule, severity)
    assert finding["path"] == finding["context"]["path"]
    assert finding["message"]
    statuses = {"error": "failed", "warning": "warning", "info": "ok"}
    assert report["status"] == statuses[severity]
    assert report["summary"]["findings_by_rule"] == {rule: 1}


def test_a_payload_that_was_redacted_or_is_not_available_may_be_missing() -> None:
    for member, value in (("redacted", True), ("available", False)):

        def change(bundle: dict[str, Any], member: str = member, value: bool = value) -> None:
            entry = bundle["payload_manifest"]["entries"][0]
            entry |= {"diagnostic": "payload_missing", member: value}

        assert rules(verify_bundle(changed(change))) == []


def test_the_second_schema_version_is_read() -> None:
    assert verify_bundle(changed(put("schema_version", 2)))["status"] == "ok"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (drop("integrity"), "integrity.missing"),
        (put("integrity", []), "integrity.missing"),
        (
            put("integrity", "canonicalization", "json-v2"),
            "integrity.canonicalization_unsupported",
        ),
        (
            put("integrity", "checksum_algorithm", "md5"),
            "integrity.checksum_algorithm_unsupported",
        ),
        (put("integrity", "checksum", None), "integrity.checksum_missing"),
        (put("integrity", "checksum", "0" * 64), "integrity.checksum_mismatch"),
        (put("integrity", "checksum", "é"), "integrity.checksum_mismatch"),
        (
            put("integrity", "signature_algorithm", "rsa"),
            "integrity.signature_algorithm_unsupported",
        ),
        (
            put("integrity", "signature_algorithm", None),
            "integrity.signature_algorithm_unsupported",
        ),
        (put("integrity", "signature", None), "integrity.signature_missing"),
        (put("integrity", "signature", "0" * 64), "integrity.signature_mismatch"),
    ],
)
def test_each_fault_of_the_integrity_is_found(
    change: Callable[[dict[str, Any]], object], rule: str
) -> None:
    bundle = copy.deepcopy(sealed(BUNDLE, KEY))
    change(bundle)
    report = verify_bundle(bundle, KEY)
    assert rules(report) == [rule]
    assert report["status"] == "failed"


def test_a_change_after_the_export_is_found() -> None:
    bundle = sealed(BUNDLE, KEY)
    bundle["history_events"] = bundle["history_events"][:1]
    assert rules(verify_bundle(bundle, KEY)) == [
        "integrity.checksum_mismatch",
        "integrity.signature_mismatch",
    ]


def test_a_signature_without_the_key_is_a_warning() -> None:
    report = verify_bundle(sealed(BUNDLE, KEY))
    assert report["status"] == "warning"
    assert rules(report) == ["integrity.signature_key_unavailable"]
    assert report["integrity"]["signature_verified"] is None


def test_a_key_that_is_not_needed_does_no_harm() -> None:
    assert verify_bundle(sealed(BUNDLE), KEY)["status"] == "ok"


def test_a_checksum_over_escaped_characters_is_accepted() -> None:
    report = verify_bundle(sealed(BUNDLE, KEY, ensure_ascii=True), KEY)
    assert report["status"] == "ok"
    assert report["integrity"]["recomputed_checksum"] == report["integrity"]["checksum"]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (1.0, "1.0"),
        (0.0001, "0.0001"),
        (1e-5, "1.0e-5"),
        (2.5e-7, "2.5e-7"),
        (1e16, "10000000000000000.0"),
        (-1.5e16, "-15000000000000000.0"),
        (1e17, "1.0e+17"),
        (1.25e300, "1.25e+300"),
        (-1e-9, "-1.0e-9"),
    ],
)
def test_a_checksum_over_floats_as_php_writes_them_is_accepted(number: float, written: str) -> None:
    bundle = {**BUNDLE, "memo": [{"number": number}, "x"]}
    text = canonical({**BUNDLE, "memo": [{"number": "HERE"}, "x"]}).decode()
    php = text.replace('"HERE"', written).encode()
    bundle["integrity"] = sealed(BUNDLE)["integrity"] | {
        "checksum": hashlib.sha256(php).hexdigest()
    }
    assert verify_bundle(bundle)["status"] == "ok"
    assert verify_bundle(sealed({**BUNDLE, "memo": number}))["status"] == "ok"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}])
def test_what_has_no_canonical_text_fails(value: Any) -> None:
    bundle = {**sealed(BUNDLE, KEY), "memo": value}
    assert rules(verify_bundle(bundle, KEY)) == ["integrity.canonicalization_failed"]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"x"', "[" * 100_000])
def test_what_is_no_bundle_at_all_fails(text: str) -> None:
    report = verify_bundle_json(text)
    assert rules(report) == ["bundle.unparseable"]
    assert report["status"] == "failed"
    assert report["integrity"]["present"] is False
    assert report["bundle"]["history_event_count"] == 0


def test_an_empty_object_is_told_all_that_it_lacks() -> None:
    found = rules(verify_bundle({}))
    assert found.count("bundle.section_missing") == 14
    assert {"bundle.schema_missing", "workflow.run_id_missing", "integrity.missing"} <= set(found)


def test_the_canonical_form_is_the_published_one() -> None:
    bundle: dict[str, Any] = {
        "schema": "durable-workflow.v2.history-export",
        "schema_version": 1,
        "payloads": {"codec": "avro", "arguments": {"data": 'é/"x"', "available": True}},
        "history_events": [{"type": "WorkflowStarted", "sequence": 1, "payload": {}}],
        "integrity": sealed({})["integrity"]
        | {
            "checksum": "bd5c127664b87f5289787e8bcf9da7e87d43f019e6f4c9179ef685d0e121e3bb",
            "signature_algorithm": "hmac-sha256",
            "signature": "8fe1b3f8257f0bf778d59ea4d6a52eb210ab79f512a0bf3fcafeb1c2eec74ef6",
        },
    }
    integrity = verify_bundle(bundle, KEY)["integrity"]
    assert integrity["checksum_matches"] is True
    assert integrity["signature_verified"] is True


def test_a_recorded_export_is_ok() -> None:
    recorded = Path(__file__).parents[1] / "data/history-export.json"
    report = verify_bundle(json.loads(recorded.read_text())["response"]["body"])
    assert (report["status"], report["findings"]) == ("ok", [])


def test_the_example_of_the_specification_is_ok(spec_data: Path) -> None:
    page = (spec_data.parent / "control-plane.md").read_text()
    found = re.search(r"A compact but complete example.*?```json\n(.*?)```", page, re.DOTALL)
    assert found
    report = verify_bundle_json(found[1], "example-signing-key")
    assert (report["status"], report["findings"]) == ("ok", [])
    assert report["integrity"]["signature_verified"] is True


def test_the_names_at_the_top_are_these() -> None:
    assert durable_workflow.verify_history_bundle is verify_bundle
    assert durable_workflow.verify_history_bundle_json is verify_bundle_json
    assert BUNDLE["schema"] == durable_workflow.HISTORY_BUNDLE_SCHEMA
    assert durable_workflow.HISTORY_BUNDLE_SCHEMA_VERSION == 1
