"""`durable-workflow-history-bundle-verify`, run as a process and called."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.history_bundle_verify import main, verify_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    recorded = Path(__file__).parents[1] / "data/history-export.json"
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(json.loads(recorded.read_text())["response"]["body"]))
    return path


def rewrite(path: Path, **members: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def test_the_report_goes_to_standard_output(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle)]) == 0
    printed = capsys.readouterr().out
    report = json.loads(printed)
    assert report == verify_bundle(json.loads(bundle.read_text()))
    assert printed == json.dumps(report, indent=2, sort_keys=True) + "\n"


def test_the_report_goes_to_a_file_whose_folders_are_made(bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "here" / "report.json"
    command = [sys.executable, "-m", "durable_workflow.history_bundle_verify", str(bundle)]
    done = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads(output.read_text())["status"] == "ok"


def test_a_failed_bundle_exits_with_one(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(bundle, history_events=[])
    assert main([str(bundle)]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"


def test_warnings_fail_where_that_is_asked_for(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    integrity = json.loads(bundle.read_text())["integrity"]
    integrity |= {"signature_algorithm": "hmac-sha256", "signature": "0" * 64}
    rewrite(bundle, integrity=integrity)
    assert main([str(bundle)]) == 0
    assert main([str(bundle), "--strict-warnings"]) == 1
    assert main([str(bundle), "--signing-key", "wrong"]) == 1
    capsys.readouterr()


def test_a_file_that_is_no_text_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert main([str(path)]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["rule"] == "bundle.unparseable"


def test_files_that_cannot_be_used_exit_with_two(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "absent.json")]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert main([str(bundle), "--output", str(bundle / "below")]) == 2
    assert "cannot write" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit_:
        main([])
    assert exit_.value.code == 2
    capsys.readouterr()
