"""Many runs in several processes, which code may hang, end or never begin."""

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.replay_check import RunReport, SourceError, check_histories
from durable_workflow.replay_check._check import check_units
from durable_workflow.replay_check._processes import SetupFailed
from durable_workflow.replay_check._sources import files_in
from durable_workflow.replay_check._work import Setup

WORKFLOWS = "checked_workflows:WORKFLOWS"
History = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "histories"
    found.mkdir()
    return found


def put(folder: Path, name: str, document: Any) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(document))


@pytest.mark.usefixtures("workflows")
def test_code_that_hangs_or_exits_fails_its_run_and_no_other(
    folder: Path, history: History
) -> None:
    for number in range(6):
        put(folder, f"good/{number}.json", history())
    put(folder, "a-hangs.json", history(of="endless", input=[]))
    put(folder, "b-exits.json", history(of="exiting", input=[]))
    put(folder, "c-drifts.json", history(("TimerFired", {"sequence": 2})))
    report = check_histories(folder, WORKFLOWS, processes=2, timeout=3)
    found = {Path(run.source).relative_to(folder).as_posix(): run for run in report.runs}
    assert list(found) == [
        "a-hangs.json",
        "b-exits.json",
        "c-drifts.json",
        *(f"good/{number}.json" for number in range(6)),
    ]
    verdicts = {name: run.verdict for name, run in found.items()}
    assert verdicts.pop("a-hangs.json") == "failed"
    assert verdicts.pop("b-exits.json") == "failed"
    assert verdicts.pop("c-drifts.json") == "drifted"
    assert set(verdicts.values()) == {"ok"}
    assert found["a-hangs.json"].message == "the replay took longer than 3 s and was ended"
    assert found["b-exits.json"].message == "the process that replayed it ended: exit code 3"
    assert report.summary == {
        "runs": 9,
        "ok": 6,
        "warning": 0,
        "drifted": 1,
        "failed": 2,
        "events": 8,
    }
    assert (report.verdict, report.promotion_decision) == ("failed", "block_and_investigate")


@pytest.mark.usefixtures("workflows")
def test_a_check_that_is_broken_off_leaves_no_process(folder: Path, history: History) -> None:
    put(folder, "a-hangs.json", history(of="endless", input=[]))
    put(folder, "b-good.json", history())

    def interrupt(report: RunReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_units(list(files_in(folder)), Setup(WORKFLOWS), processes=2, tell=interrupt)
    assert multiprocessing.active_children() == []


def test_classes_that_can_be_imported_are_checked_in_processes(
    workflows: list[type], folder: Path, history: History
) -> None:
    put(folder, "a.json", history())
    assert check_histories(folder / "a.json", workflows, processes=1).verdict == "ok"


def test_classes_that_cannot_be_imported_are_checked_in_this_one(
    folder: Path, history: History
) -> None:
    class Local:
        __workflow_name__ = "order"

        def run(self, ctx: Any, order_id: str) -> None: ...

    put(folder, "a.json", history())
    with pytest.raises(ValueError, match="name them as 'module:attribute', or give processes=0"):
        check_histories(folder, [Local], processes=1)
    assert check_histories(folder, [Local], processes=0).verdict == "ok"


@pytest.mark.usefixtures("workflows")
@pytest.mark.parametrize(
    ("workflows_", "words"),
    [
        ("checked_workflows:no_such", "has no attribute 'no_such'"),
        ("checked_workflows:exit_at_once", "ended while it loaded the workflows: exit code 3"),
        ("checked_workflows:__name__", "gives no workflow classes"),
    ],
)
def test_workflows_that_cannot_be_loaded_end_the_check(
    folder: Path, history: History, workflows_: str, words: str
) -> None:
    put(folder, "a.json", history())
    with pytest.raises(SetupFailed, match=words):
        check_histories(folder, workflows_, processes=2)


@pytest.mark.usefixtures("workflows")
def test_files_that_cannot_be_read_fail_alone(folder: Path, history: History) -> None:
    put(folder, "a.json", history())
    (folder / "b.json").write_bytes(b"\xff")
    (folder / "c.json").mkdir()
    report = check_histories([folder], WORKFLOWS, processes=0)
    assert [run.verdict for run in report.runs] == ["ok", "failed", "failed"]


def test_a_source_without_histories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        check_histories(tmp_path / "absent", WORKFLOWS)
    with pytest.raises(SourceError, match=r"no \*\.json in"):
        check_histories(tmp_path, WORKFLOWS)
