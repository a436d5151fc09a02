"""Many exported bundles: is each in good order? They are not replayed here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from durable_workflow.history_bundle_verify import (
    STATUS_FAILED as INTEGRITY_FAILED,
)
from durable_workflow.history_bundle_verify import (
    STATUS_WARNING as INTEGRITY_WARNING,
)
from durable_workflow.history_bundle_verify import verify_bundle_json
from durable_workflow.replay_verify._verdicts import (
    PROMOTION_SAFE_TO_PROMOTE,
    VERDICT_DRIFTED,
    VERDICT_FAILED,
    VERDICT_OK,
    VERDICT_WARNING,
    aggregate_verdicts,
    promotion_decision_for,
    promotion_decision_for_report,
)

SIMULATION_REPORT_SCHEMA: Final = "durable-workflow.v2.replay-simulation.report"
SIMULATION_REPORT_SCHEMA_VERSION: Final = 1


@dataclass
class BundleEntry:
    """What was found of one bundle.

    Attributes:
        path: The file.
        verdict: `ok`, `warning` or `failed`.
        promotion_decision: What to do with the build, as far as this bundle tells.
        integrity: The verification report; None where the file cannot be read.
        evidence: What the verdict rests on.
        reason: Why the file cannot be read, or None.
    """

    path: str
    verdict: str
    promotion_decision: str
    integrity: Mapping[str, Any] | None = None
    evidence: Mapping[str, Any] | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; the path is its `bundle_path`."""
        return {
            "bundle_path": self.path,
            "verdict": self.verdict,
            "promotion_decision": self.promotion_decision,
            "reason": self.reason,
            "evidence": self.evidence,
            "integrity": self.integrity,
        }


@dataclass
class SimulationReport:
    """What was found of all bundles of a folder (replay.md 10.3).

    Attributes:
        verdict: The strictest of all.
        promotion_decision: What to do with the build; never `safe_to_promote`, for nothing was
            replayed.
        summary: How many bundles, by verdict.
        bundles: One entry a file, by name.
        missing_bundles: The folder, where it has none.
        error: Why there are none.
    """

    schema: str = SIMULATION_REPORT_SCHEMA
    schema_version: int = SIMULATION_REPORT_SCHEMA_VERSION
    verdict: str = VERDICT_OK
    promotion_decision: str = PROMOTION_SAFE_TO_PROMOTE
    summary: dict[str, int] = field(default_factory=dict[str, int])
    bundles: list[BundleEntry] = field(default_factory=list[BundleEntry])
    missing_bundles: list[str] = field(default_factory=list[str])
    error: str | None = None

    strict_warnings = False  # said of the bundles, and not a field of the report

    @property
    def evidence(self) -> dict[str, Any]:
        """What the verdict rests on."""
        checked = sum(bundle.integrity is not None for bundle in self.bundles)
        return {
            "bundle_count": len(self.bundles),
            "missing_bundle_count": len(self.missing_bundles),
            "integrity_checked_count": checked,
            "replay_checked_count": 0,
            "replay_skipped": True,
            "strict_warnings": self.strict_warnings,
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON object; `error` only where there is one."""
        report: dict[str, Any] = {
            "schema": self.schema,
            "schema_version": self.schema_version,
            "verdict": self.verdict,
            "promotion_decision": self.promotion_decision,
            "evidence": self.evidence,
            "summary": dict(self.summary),
            "bundles": [bundle.to_dict() for bundle in self.bundles],
            "missing_bundles": list(self.missing_bundles),
        }
        return report if self.error is None else {**report, "error": self.error}


def simulate_bundles(
    bundle_dir: str | Path, *, signing_key: str | None = None, strict_warnings: bool = False
) -> SimulationReport:
    """Verify every `*.json` in a folder as an exported bundle; nothing is replayed.

    Args:
        bundle_dir: The folder.
        signing_key: The key that the bundles should be signed with.
        strict_warnings: A warning about a bundle fails it.
    """
    folder = Path(bundle_dir)
    bundles = [
        _verify_file(file, signing_key, strict_warnings) for file in sorted(folder.glob("*.json"))
    ]
    verdict = aggregate_verdicts([bundle.verdict for bundle in bundles])
    counts = {
        each: sum(bundle.verdict == each for bundle in bundles)
        for each in (VERDICT_OK, VERDICT_WARNING, VERDICT_DRIFTED, VERDICT_FAILED)
    }
    report = SimulationReport(
        verdict=verdict, summary={"total": len(bundles), **counts}, bundles=bundles
    )
    if not bundles:
        report.missing_bundles = [str(folder)]
        is_there = "has no *.json" if folder.is_dir() else "is not a folder"
        report.error = f"{folder} {is_there}: there is no bundle to verify"
    report.strict_warnings = strict_warnings
    report.promotion_decision = promotion_decision_for_report(verdict, report.evidence)
    return report


def _verify_file(file: Path, signing_key: str | None, strict_warnings: bool) -> BundleEntry:
    try:
        payload = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return BundleEntry(
            path=str(file),
            verdict=VERDICT_FAILED,
            promotion_decision=promotion_decision_for(VERDICT_FAILED),
            evidence=_evidence(None, strict_warnings),
            reason=f"bundle_unreadable: {error}",
        )
    integrity = verify_bundle_json(payload, signing_key)
    verdict = _verdict(str(integrity["status"]), strict_warnings)
    evidence = _evidence(integrity, strict_warnings)
    return BundleEntry(
        path=str(file),
        verdict=verdict,
        promotion_decision=promotion_decision_for_report(verdict, evidence),
        integrity=integrity,
        evidence=evidence,
    )


def _verdict(status: str, strict_warnings: bool) -> str:
    if status == INTEGRITY_FAILED:
        return VERDICT_FAILED
    if status == INTEGRITY_WARNING:
        return VERDICT_FAILED if strict_warnings else VERDICT_WARNING
    return VERDICT_OK


def _evidence(integrity: Mapping[str, Any] | None, strict_warnings: bool) -> dict[str, Any]:
    return {
        "integrity_checked": integrity is not None,
        "integrity_status": integrity["status"] if integrity else None,
        "integrity_finding_count": integrity["summary"]["findings"] if integrity else 0,
        "replay_checked": False,
        "replay_status": None,
        "replay_skipped": True,
        "strict_warnings": strict_warnings,
    }
