"""Replaying recorded histories, and checking that a build is safe to deploy."""

from pathlib import Path
from typing import Any, assert_type

from durable_workflow import (
    GoldenHistoryReport,
    ReplayCaseReport,
    Replayer,
    ReplayOutcome,
    verify_golden_history,
    verify_history_bundle,
    verify_replay,
    workflow,
)
from durable_workflow.replay_check import CheckReport, RunReport, check_histories


@workflow.defn(name="silent")
class Silent:
    def run(self) -> None:
        return None


def replay(history: dict[str, Any], bundle: dict[str, Any], folder: Path) -> str:
    outcome = Replayer(workflows=[Silent]).replay(history, workflow_type="silent")
    assert_type(outcome, ReplayOutcome)
    case = verify_replay(Silent, history["events"], start_input=[], case_id="c")
    assert_type(case, ReplayCaseReport)
    report = verify_golden_history(folder, [Silent], required_families=["activity"])
    assert_type(report, GoldenHistoryReport)
    assert_type(verify_history_bundle(bundle, "key"), dict[str, Any])
    return case.promotion_decision + report.promotion_decision


def is_safe(folder: Path) -> bool:
    report = check_histories([folder, "more"], "my_app.workflows:WORKFLOWS", processes=2)
    assert_type(report, CheckReport)
    assert_type(report.runs, list[RunReport])
    return report.promotion_decision == "safe_to_promote"
