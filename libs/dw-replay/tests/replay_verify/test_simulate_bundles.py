"""Folders of exported bundles: verified one by one, replayed never."""

import json
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.history_bundle_verify import verify_bundle
from durable_workflow.replay_verify import main, simulate_bundles


@pytest.fixture
def bundle() -> dict[str, Any]:
    recorded = Path(__file__).parents[1] / "data/history-export.json"
    body: dict[str, Any] = json.loads(recorded.read_text())["response"]["body"]
    return body


def signed(bundle: dict[str, Any]) -> dict[str, Any]:
    """A bundle whose signature cannot be checked without a key."""
    signature = {"signature_algorithm": "hmac-sha256", "signature": "0" * 64}
    return {**bundle, "integrity": bundle["integrity"] | signature}


def test_bundles_in_good_order_are_to_be_reviewed(bundle: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(bundle))
    assert simulate_bundles(tmp_path).to_dict() == {
        "schema": "durable-workflow.v2.replay-simulation.report",
        "schema_version": 1,
        "verdict": "ok",
        "promotion_decision": "review_before_promote",
        "evidence": {
            "bundle_count": 1,
            "missing_bundle_count": 0,
            "integrity_checked_count": 1,
            "replay_checked_count": 0,
            "replay_skipped": True,
            "strict_warnings": False,
        },
        "summary": {"total": 1, "ok": 1, "warning": 0, "drifted": 0, "failed": 0},
        "bundles": [
            {
                "bundle_path": str(path),
                "verdict": "ok",
                "promotion_decision": "review_before_promote",
                "reason": None,
                "evidence": {
                    "integrity_checked": True,
                    "integrity_status": "ok",
                    "integrity_finding_count": 0,
                    "replay_checked": False,
                    "replay_status": None,
                    "replay_skipped": True,
                    "strict_warnings": False,
                },
                "integrity": verify_bundle(bundle),
            }
        ],
        "missing_bundles": [],
    }


def test_the_strictest_bundle_counts(bundle: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(bundle))
    (tmp_path / "b.json").write_text(json.dumps(signed(bundle)))
    report = simulate_bundles(tmp_path)
    assert [entry.verdict for entry in report.bundles] == ["ok", "warning"]
    assert (report.verdict, report.promotion_decision) == ("warning", "review_before_promote")
    (tmp_path / "c.json").write_text("{}")
    report = simulate_bundles(tmp_path)
    assert (report.verdict, report.promotion_decision) == ("failed", "block_and_investigate")
    assert report.summary == {"total": 3, "ok": 1, "warning": 1, "drifted": 0, "failed": 1}


def test_strict_warnings_fail_a_bundle(bundle: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(signed(bundle)))
    report = simulate_bundles(tmp_path, strict_warnings=True)
    assert report.verdict == "failed"
    assert report.evidence["strict_warnings"] is True


def test_a_file_that_cannot_be_read_fails(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff")
    (tmp_path / "b.json").mkdir()
    report = simulate_bundles(tmp_path)
    for entry in report.bundles:
        assert (entry.verdict, entry.integrity) == ("failed", None)
        assert str(entry.reason).startswith("bundle_unreadable: ")
    assert report.evidence["integrity_checked_count"] == 0


@pytest.mark.parametrize(("name", "words"), [("", "has no *.json"), ("absent", "is not a folder")])
def test_no_bundle_at_all_fails(tmp_path: Path, name: str, words: str) -> None:
    report = simulate_bundles(tmp_path / name, strict_warnings=True).to_dict()
    assert report["verdict"] == "failed"
    assert report["missing_bundles"] == [str(tmp_path / name)]
    assert words in report["error"]
    assert report["evidence"]["missing_bundle_count"] == 1
    assert report["evidence"]["strict_warnings"] is True


def test_the_command_exits_by_the_verdict(
    bundle: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(signed(bundle)))
    simulate = [str(tmp_path), "--simulate-bundles"]
    assert main(simulate) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "warning"
    assert main([*simulate, "--strict-warnings"]) == 1
    assert main([*simulate, "--signing-key", "secret"]) == 1
    assert main([*simulate, "--output", str(tmp_path / "a.json" / "below")]) == 2
    capsys.readouterr()
