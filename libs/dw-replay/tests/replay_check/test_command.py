"""`durable-workflow-replay-check`: what it prints, where it writes, and how it exits."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import _facade  # pyright: ignore[reportPrivateUsage] (says what is there)
from durable_workflow.replay_check import CheckReport, RunReport, _command, main
from durable_workflow.replay_check._progress import Progress
from durable_workflow.replay_check._server import Server
from durable_workflow.replay_check._sources import SourceError
from durable_workflow.replay_check._table import as_text

History = Callable[..., dict[str, Any]]
CHECKED = ["--workflows", "checked_workflows:WORKFLOWS", "--processes", "1"]

pytestmark = pytest.mark.usefixtures("workflows")


@pytest.fixture
def good(tmp_path: Path, history: History) -> Path:
    path = tmp_path / "good.json"
    path.write_text(json.dumps(history()))
    return path


@pytest.fixture
def drifted(tmp_path: Path, history: History) -> Path:
    path = tmp_path / "drifted.json"
    path.write_text(json.dumps(history(("TimerFired", {"sequence": 2}))))
    return path


def test_a_build_that_is_safe_exits_with_zero(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(good), *CHECKED]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].split() == ["verdict", "workflow", "type", "workflow", "run", "events", "where"]
    assert lines[2].split() == ["ok", "order", "order-1", "run-1", "1"]
    assert lines[-1] == ("safe_to_promote: This build goes with all of them: it is safe to deploy.")


def test_a_build_that_drifts_exits_with_one_and_says_what_to_do(
    good: Path, drifted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made/report.json"
    assert main([str(good), str(drifted), *CHECKED, "--output", str(output)]) == 1
    printed = capsys.readouterr().out
    position = "step 1 (workflow sequence 2), events: TimerFired 2, from 2026-06-01T12:00:02Z on"
    for line in (
        "DRIFTED  order: order-1",
        f"  position       {position}",
        "  history has    timer",
        "  the code asks  activity 'charge' with 1 argument",
        '                     paid = yield ctx.schedule_activity("charge", [order_id])',
        "  cure           Let runs that passed here before go the old way:",
    ):
        assert line in printed.splitlines()
    assert "checked_workflows.py:" in printed
    report = json.loads(output.read_text())
    assert report["schema"] == "durable-workflow.replay-check.report"
    assert [run["verdict"] for run in report["runs"]] == ["ok", "drifted"]


def test_the_report_may_be_printed_as_json(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(good), *CHECKED, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "ok"


def test_warnings_fail_where_that_is_asked_for(
    tmp_path: Path, history: History, charged: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(history(*charged, ("WorkflowCompleted", {"output": "7"}))))
    assert main([str(path), *CHECKED]) == 0
    assert "WARNING  order: order-1\n  the run returned 7" in capsys.readouterr().out
    assert main([str(path), *CHECKED, "--strict-warnings"]) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.json", *CHECKED], "neither a file nor a folder"),
        ([*CHECKED], "give history files or folders, or --server URL"),
        (["x", *CHECKED, "--save", "y"], "give --server URL too"),
        (["--server", "http://127.0.0.1:1", "--workflows", "nowhere:x"], "No module named"),
    ],
)
def test_what_cannot_be_done_exits_with_two(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--processes", "0"], "must be at least 1, and whole, not '0'"),
        (["--limit", "x"], "must be at least 1, and whole, not 'x'"),
        (["--timeout", "x"], "must be at least 0, not 'x'"),
        (["--timeout", "-1"], "must be at least 0, not '-1'"),
        (["--status", "x"], "invalid choice: 'x'"),
    ],
)
def test_options_that_are_none_exit_with_two(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["x", "--workflows", "m:a", *arguments])
    assert exit_.value.code == 2
    assert says in capsys.readouterr().err


def test_without_the_client_a_server_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_facade, "find_spec", lambda name: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert main(["--server", "http://127.0.0.1:1", *CHECKED]) == 2
    printed = capsys.readouterr().err
    assert "reading from a server needs dw-client" in printed
    assert "pip install" in printed


@pytest.mark.parametrize(
    ("arguments", "namespace"), [([], "billing"), (["--namespace", "orders"], "orders")]
)
def test_the_environment_names_token_and_namespace(
    arguments: list[str], namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Server] = []

    def unreadable(server: Server) -> None:
        asked.append(server)
        raise SourceError("nobody is there")

    monkeypatch.setattr(_command, "ServerReader", unreadable)
    monkeypatch.setenv("DURABLE_WORKFLOW_AUTH_TOKEN", "secret")
    monkeypatch.setenv("DURABLE_WORKFLOW_NAMESPACE", "billing")
    assert main(["--server", "http://x", *CHECKED, *arguments]) == 2
    assert asked == [Server("http://x", "secret", namespace)]


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Server("http://x", "secret"))


def test_alike_runs_are_told_of_together_and_long_tables_are_cut() -> None:
    runs = [RunReport(f"h{n}", "ok", "none", "", "order", f"o-{n}", "r", 1) for n in range(60)]
    runs += [
        RunReport(f"b{n}", "failed", "replay_error", "it crashed", "order", f"b-{n}", "r", 1)
        for n in range(7)
    ]
    text = as_text(CheckReport(runs, 1.0))
    assert text.count("it crashed\n\n") == 1
    assert "FAILED  order: b-0, b-1, b-2, b-3, b-4 and 2 more" in text
    assert "... and 60 more" in text
    assert "o-59" not in text
    assert "67 runs, 67 events in 1.0 s: 60 ok, 0 warning, 0 drifted, 7 failed" in text
    assert "o-59" in as_text(CheckReport(runs, 1.0), every_run=True)


def test_no_run_at_all_is_not_safe() -> None:
    report = CheckReport()
    assert (report.verdict, report.promotion_decision) == ("failed", "block_and_investigate")
    assert "0 runs" in as_text(report)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_is_left_clean() -> None:
    stream = Terminal()
    progress = Progress(2, stream)
    progress.add("ok", 10)
    progress.add("drifted", 5)
    progress.end()
    shown = stream.getvalue()
    assert f"[{'#' * 28}] 2/2 runs · 1 drifted · " in shown
    assert shown.endswith("\r\x1b[K")


def test_a_short_check_elsewhere_says_nothing_on_its_way() -> None:
    stream = io.StringIO()
    progress = Progress(1, stream)
    progress.add("ok", 10)
    progress.end()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--timeout", "-1"], "argument --timeout: must be at least 0"),
        (["--timeout", "nan"], "argument --timeout: must be at least 0"),
        ([""], "the path of a history file or folder is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], says: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main([str(good), *arguments, *CHECKED])
    except SystemExit as exit:
        code = exit.code
    assert code == 2
    assert says in capsys.readouterr().err
