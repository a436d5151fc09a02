"""The conformance checks: they pass here, and each can fail."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.replay_conformance import _report, _scenarios, compose_report, main
from durable_workflow.workflow import CompleteWorkflow

KINDS = {"replay", "resume", "query", "divergence", "bundle"}


def test_every_check_passes() -> None:
    report = compose_report(
        artifact_versions={"server": "2.0"}, artifact_sources={"server": "registry"}
    )
    assert [result for result in report["results"] if result["status"] != "passed"] == []
    assert report["status"] == "passed"
    assert report["schema"] == "durable-workflow.v2.replay-conformance.result"
    assert (report["version"], report["coverage_scope"]) == (1, "sdk-python-runtime-shard")
    assert report["summary"]["total"] == report["summary"]["passed"] > 35
    assert report["artifact_versions"]["server"] == "2.0"
    assert set(report["artifact_versions"]) == {"server", "dw-core", "dw-replay"}
    assert report["artifact_sources"] == {"server": "registry"}
    ids = [result["id"] for result in report["results"]]
    assert len(ids) == len(set(ids))
    assert {check_id.partition(".")[0] for check_id in ids} == KINDS
    assert json.loads(json.dumps(report)) == report


def checks_with(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> set[str]:
    """The kinds of checks that fail where a part of the runtime is another one."""
    monkeypatch.setattr(_scenarios, name, value)
    failed = [result for result in compose_report()["results"] if result["status"] == "failed"]
    assert all(result["message"] for result in failed)
    return {result["id"].partition(".")[0] for result in failed}


class Outcome:
    def __init__(self, *commands: Any) -> None:
        self.commands = list(commands)


def test_each_kind_of_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def done(*_: Any) -> Outcome:
        return Outcome(CompleteWorkflow("something else"))

    assert checks_with(monkeypatch, "replay", done) == {"replay", "resume", "divergence"}
    monkeypatch.undo()

    def no_state(*_: Any) -> dict[str, Any]:
        return {}

    assert checks_with(monkeypatch, "query_state", no_state) == {"query"}
    monkeypatch.undo()

    def accepted(bundle: Any) -> dict[str, Any]:
        return {"status": "ok", "findings": []}

    assert checks_with(monkeypatch, "verify_bundle", accepted) == {"bundle"}


def test_a_check_that_breaks_has_failed_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise LookupError("no")

    def fine() -> None:
        return None

    pairs: list[tuple[str, Callable[[], None]]] = [("a", broken), ("b", fine)]
    monkeypatch.setattr(_report, "checks", lambda: iter(pairs))
    assert main([]) == 1
    assert capsys.readouterr().out == (
        "failed  a: LookupError: no\npassed  b\nfailed: 1 of 2 checks passed\n"
    )


def test_the_command_writes_and_prints_the_report(tmp_path: Path) -> None:
    output = tmp_path / "made/report.json"
    command = [sys.executable, "-m", "durable_workflow.replay_conformance"]
    arguments = ["--artifact-version", "server=2.0", "--output", str(output), "--json"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == output.read_text()
    assert json.loads(done.stdout)["artifact_versions"]["server"] == "2.0"


def test_what_cannot_be_used_exits_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--output", str(tmp_path / "file" / "below")]) == 2
    with pytest.raises(SystemExit) as exit_:
        main(["--artifact-source", "server"])
    assert exit_.value.code == 2
    assert "must be ARTIFACT=VALUE" in capsys.readouterr().err
