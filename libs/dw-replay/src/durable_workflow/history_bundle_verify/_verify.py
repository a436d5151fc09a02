"""Verifying one bundle."""

import json
from collections.abc import Mapping
from typing import Any, Final

from durable_workflow._wire.events import nested, text
from durable_workflow._wire.json_values import is_list, is_object
from durable_workflow.history_bundle_verify._findings import Findings
from durable_workflow.history_bundle_verify._integrity import IntegrityReport, check_integrity
from durable_workflow.history_bundle_verify._structure import check_structure

REPORT_SCHEMA: Final = "durable-workflow.v2.history-bundle-verification"
REPORT_SCHEMA_VERSION: Final = 1


def verify_bundle_json(payload: str, signing_key: str | None = None) -> dict[str, Any]:
    """Verify the text of a bundle. Arguments and result are those of `verify_bundle`.

    Args:
        payload: The JSON text.
        signing_key: The key that the bundle should be signed with.
    """
    try:
        bundle: object = json.loads(payload)
    except (ValueError, RecursionError) as error:
        return _unparseable(f"the bundle is not JSON: {error}", signing_key)
    return verify_bundle(bundle, signing_key)


def verify_bundle(bundle: Any, signing_key: str | None = None) -> dict[str, Any]:
    """Verify a parsed bundle: its form, what its sections say of each other, its integrity.

    Args:
        bundle: What `Client.export_history` returned. It is not changed.
        signing_key: The key that the bundle should be signed with; None checks no signature, and a
            signed bundle gets a warning then.
    Returns:
        The report: `status` is `ok`, `warning` or `failed`, `findings` says why.
    """
    if not is_object(bundle):
        return _unparseable(
            f"a bundle must be a JSON object, not {type(bundle).__name__}", signing_key
        )
    findings = Findings()
    check_structure(bundle, findings)
    integrity = check_integrity(bundle, signing_key, findings)
    return _report(_identity(bundle), integrity, findings)


def _unparseable(message: str, signing_key: str | None) -> dict[str, Any]:
    findings = Findings()
    findings.add("bundle.unparseable", message)
    integrity = IntegrityReport(signing_key_provided=signing_key is not None)
    return _report(_identity({}), integrity, findings)


def _identity(bundle: Mapping[str, Any]) -> dict[str, Any]:
    workflow = nested(bundle, "workflow")
    instance_id, run_id = text(workflow, "instance_id"), text(workflow, "run_id")
    events = bundle.get("history_events")
    return {
        "schema": bundle.get("schema"),
        "schema_version": bundle.get("schema_version"),
        "instance_id": instance_id,
        "run_id": run_id,
        "workflow_instance_id": instance_id,
        "workflow_run_id": run_id,
        "history_event_count": len(events) if is_list(events) else 0,
    }


def _report(
    identity: dict[str, Any], integrity: IntegrityReport, findings: Findings
) -> dict[str, Any]:
    return {
        "schema": REPORT_SCHEMA,
        "schema_version": REPORT_SCHEMA_VERSION,
        "status": findings.status,
        "bundle": identity,
        "integrity": integrity.to_dict(),
        "findings": findings.entries,
        "summary": findings.summary(),
    }
