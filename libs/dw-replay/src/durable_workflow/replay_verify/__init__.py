"""Verifying that code replays recorded histories: golden fixtures, single histories, bundles.

As a command: `durable-workflow-replay-verify` (replay.md 10).
"""

from durable_workflow._publish import publish
from durable_workflow.replay_verify._bundles import (
    SIMULATION_REPORT_SCHEMA,
    SIMULATION_REPORT_SCHEMA_VERSION,
    BundleEntry,
    SimulationReport,
    simulate_bundles,
)
from durable_workflow.replay_verify._cases import CaseReport, verify_replay
from durable_workflow.replay_verify._command import main
from durable_workflow.replay_verify._golden import (
    FIXTURE_SCHEMA,
    REPORT_SCHEMA,
    REPORT_SCHEMA_VERSION,
    REQUIRED_FAMILIES,
    GoldenHistoryReport,
    verify_golden_history,
)
from durable_workflow.replay_verify._verdicts import (
    PROMOTION_BLOCK_AND_INVESTIGATE,
    PROMOTION_BLOCK_UNTIL_COMPATIBLE,
    PROMOTION_REVIEW_BEFORE_PROMOTE,
    PROMOTION_SAFE_TO_PROMOTE,
    REASON_BUNDLE_INVALID,
    REASON_EXPECTATION_MISMATCH,
    REASON_NONE,
    REASON_REPLAY_ERROR,
    REASON_SHAPE_MISMATCH,
    STATUS_DRIFTED,
    STATUS_FAILED,
    STATUS_REPLAYED,
    VERDICT_DRIFTED,
    VERDICT_FAILED,
    VERDICT_OK,
    VERDICT_WARNING,
    aggregate_verdicts,
    promotion_decision_for,
    promotion_decision_for_report,
)

__all__ = [
    "FIXTURE_SCHEMA",
    "PROMOTION_BLOCK_AND_INVESTIGATE",
    "PROMOTION_BLOCK_UNTIL_COMPATIBLE",
    "PROMOTION_REVIEW_BEFORE_PROMOTE",
    "PROMOTION_SAFE_TO_PROMOTE",
    "REASON_BUNDLE_INVALID",
    "REASON_EXPECTATION_MISMATCH",
    "REASON_NONE",
    "REASON_REPLAY_ERROR",
    "REASON_SHAPE_MISMATCH",
    "REPORT_SCHEMA",
    "REPORT_SCHEMA_VERSION",
    "REQUIRED_FAMILIES",
    "SIMULATION_REPORT_SCHEMA",
    "SIMULATION_REPORT_SCHEMA_VERSION",
    "STATUS_DRIFTED",
    "STATUS_FAILED",
    "STATUS_REPLAYED",
    "VERDICT_DRIFTED",
    "VERDICT_FAILED",
    "VERDICT_OK",
    "VERDICT_WARNING",
    "BundleEntry",
    "CaseReport",
    "GoldenHistoryReport",
    "SimulationReport",
    "aggregate_verdicts",
    "main",
    "promotion_decision_for",
    "promotion_decision_for_report",
    "simulate_bundles",
    "verify_golden_history",
    "verify_replay",
]

publish(globals(), __all__)
