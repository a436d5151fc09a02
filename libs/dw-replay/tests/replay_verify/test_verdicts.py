"""Verdicts, and what follows from them."""

from collections.abc import Mapping
from typing import Any

import pytest

import durable_workflow
from durable_workflow.replay_verify import (
    aggregate_verdicts,
    promotion_decision_for,
    promotion_decision_for_report,
)


@pytest.mark.parametrize(
    ("verdict", "decision"),
    [
        ("ok", "safe_to_promote"),
        ("warning", "review_before_promote"),
        ("drifted", "block_until_compatible"),
        ("failed", "block_and_investigate"),
        ("unheard of", "block_and_investigate"),
    ],
)
def test_each_verdict_has_its_decision(verdict: str, decision: str) -> None:
    assert promotion_decision_for(verdict) == decision


@pytest.mark.parametrize(
    ("verdict", "evidence", "decision"),
    [
        ("ok", None, "safe_to_promote"),
        ("ok", {"replay_skipped": False}, "safe_to_promote"),
        ("ok", {"replay_skipped": 1}, "safe_to_promote"),
        ("ok", {"replay_skipped": True}, "review_before_promote"),
        ("drifted", {"replay_skipped": True}, "block_until_compatible"),
    ],
)
def test_what_was_not_replayed_is_not_safe(
    verdict: str, evidence: Mapping[str, Any] | None, decision: str
) -> None:
    assert promotion_decision_for_report(verdict, evidence) == decision


@pytest.mark.parametrize(
    ("verdicts", "strictest"),
    [
        (["ok"], "ok"),
        (["ok", "warning", "ok"], "warning"),
        (["warning", "drifted"], "drifted"),
        (["failed", "drifted", "ok"], "failed"),
        (["ok", "unheard of"], "failed"),
        ([], "failed"),
    ],
)
def test_the_strictest_verdict_counts(verdicts: list[str], strictest: str) -> None:
    assert aggregate_verdicts(verdicts) == strictest


def test_the_names_at_the_top_are_these() -> None:
    assert durable_workflow.aggregate_verdicts is aggregate_verdicts
    assert durable_workflow.ReplayCaseReport.__name__ == "CaseReport"
