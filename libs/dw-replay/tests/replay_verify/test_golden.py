"""Folders of golden histories: what is reported of good ones, of drifted ones, of broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.replay_verify import REQUIRED_FAMILIES, main, verify_golden_history

SOURCE = {"runtime": "sdk-python", "version": "0.3.1"}


@pytest.fixture
def fixtures(old_histories: Any, tmp_path: Path) -> Path:
    """A folder with a fixture, to be changed at will."""
    folder = tmp_path / "golden"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(old_histories))
    return folder


def change(folder: Path, name: str, **members: Any) -> None:
    """Change members of one case of the fixture."""
    path = folder / "a.json"
    fixture = json.loads(path.read_text())
    (case,) = (case for case in fixture["cases"] if case["name"] == name)
    case |= members
    path.write_text(json.dumps(fixture))


def one_case(folder: Path, **case: Any) -> None:
    fixture = {"fixture_schema": "durable-workflow.golden-history.v1", "source": SOURCE}
    (folder / "a.json").write_text(json.dumps({**fixture, "cases": [case]}))


def test_old_histories_replay(fixtures: Path, golden_workflows: list[type]) -> None:
    report = verify_golden_history(fixtures, golden_workflows).to_dict()
    cases = report.pop("cases")
    families = sorted(REQUIRED_FAMILIES)
    assert report == {
        "schema": "durable-workflow.v2.replay-diff",
        "schema_version": 1,
        "status": "replayed",
        "verdict": "ok",
        "promotion_decision": "safe_to_promote",
        "evidence": {
            "fixture_count": 1,
            "case_count": 5,
            "required_families": families,
            "covered_families": families,
            "missing_family_count": 0,
            "missing_families": [],
        },
        "fixture_schema": "durable-workflow.golden-history.v1",
        "summary": {"cases": 5, "replayed": 5, "drifted": 0, "failed": 0, "fixtures": 1},
        "required_families": families,
        "covered_families": families,
        "missing_families": [],
    }
    fixture = json.loads((fixtures / "a.json").read_text())
    assert cases[0] == {
        "id": "sdk-python@0.3.1::single_activity_completion",
        "status": "replayed",
        "verdict": "ok",
        "promotion_decision": "safe_to_promote",
        "reason": "none",
        "workflow_type": "golden.single-activity",
        "family": "activity",
        "source": fixture["source"],
        "divergence": None,
        "expected": fixture["cases"][0]["expected"],
        "observed": {"command_type": "CompleteWorkflow", "result": "good day, Grace"},
        "error": None,
    }


def test_the_published_histories_replay(spec_data: Path, golden_workflows: list[type]) -> None:
    report = verify_golden_history(spec_data / "golden-history", golden_workflows)
    assert (report.verdict, report.missing_families) == ("ok", [])
    assert report.summary["replayed"] == 5


def test_code_that_went_another_way_is_drift(fixtures: Path, golden_workflows: list[type]) -> None:
    timer: list[dict[str, Any]] = [{"event_type": "TimerFired", "payload": {}}]
    change(fixtures, "single_activity_completion", history=timer)
    report = verify_golden_history(fixtures, golden_workflows)
    assert (report.status, report.verdict) == ("drifted", "drifted")
    assert report.promotion_decision == "block_until_compatible"
    assert report.summary == {"cases": 5, "replayed": 4, "drifted": 1, "failed": 0, "fixtures": 1}
    case = report.cases[0]
    assert (case.status, case.reason) == ("drifted", "shape_mismatch")
    assert case.divergence
    assert case.error
    place = {
        "workflow_sequence": 1,
        "expected_shape": "activity",
        "recorded_event_types": ["TimerFired"],
    }
    assert place.items() <= case.divergence.items()
    assert place.items() <= case.error.items()
    assert case.error["class"] == "NonDeterministicReplayError"
    assert case.divergence["message"] == case.error["message"]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"command_type": "CompleteWorkflow", "result": "bye"}, "expected result 'bye'"),
        ({"command_type": "ScheduleActivity"}, "expected ScheduleActivity, observed Complete"),
        ({"command_type": "FailWorkflow"}, "unsupported expected command_type 'FailWorkflow'"),
        ({}, "unsupported expected command_type None"),
    ],
)
def test_another_first_command_is_drift(
    fixtures: Path, golden_workflows: list[type], expected: dict[str, Any], message: str
) -> None:
    change(fixtures, "single_activity_completion", expected=expected)
    case = verify_golden_history(fixtures, golden_workflows).cases[0]
    assert (case.status, case.reason) == ("drifted", "expectation_mismatch")
    assert case.error
    assert case.error["class"] == "ExpectationMismatch"
    assert case.error["message"].startswith(message)
    assert case.observed == {"command_type": "CompleteWorkflow", "result": "good day, Grace"}


def test_activities_and_children_are_compared_by_what_identifies_them(
    fixtures: Path, golden_workflows: list[type]
) -> None:
    reserved = [{"event_type": "ActivityCompleted", "payload": {"result": '"r-1"'}}]
    case = {"name": "c", "workflow_type": "golden.saga-compensation", "start_input": ["o-1"]}
    child = {"command_type": "StartChildWorkflow", "workflow_type": "golden.charge-customer"}
    one_case(fixtures, **case, history=reserved, expected=child)
    assert verify_golden_history(fixtures, golden_workflows).cases[0].observed == child
    activity = {
        "command_type": "ScheduleActivity",
        "activity_type": "golden.reserve-inventory",
        "arguments": ["o-1"],
    }
    one_case(fixtures, **case, history=[], expected=activity)
    assert verify_golden_history(fixtures, golden_workflows).cases[0].reason == "none"
    one_case(fixtures, **case, history=[], expected={**activity, "arguments": []})
    report = verify_golden_history(fixtures, golden_workflows)
    assert report.cases[0].reason == "expectation_mismatch"


def test_a_case_that_expects_nothing_replays(fixtures: Path, golden_workflows: list[type]) -> None:
    change(fixtures, "single_activity_completion", expected=None)
    assert verify_golden_history(fixtures, golden_workflows).status == "replayed"


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ({"workflow_type": "unheard-of"}, "ValueError"),
        ({"start_input": ["Ada", "Bob"]}, "TypeError"),
        ({"history": "events"}, "ValueError"),
    ],
)
def test_cases_that_do_not_fit_the_code_are_drift(
    fixtures: Path, golden_workflows: list[type], case: dict[str, Any], error: str
) -> None:
    change(fixtures, "single_activity_completion", **case)
    report = verify_golden_history(fixtures, golden_workflows)
    assert (report.cases[0].status, report.cases[0].reason) == ("drifted", "shape_mismatch")
    assert report.cases[0].error
    assert report.cases[0].error["class"] == error


def test_a_missing_family_fails(fixtures: Path, golden_workflows: list[type]) -> None:
    change(fixtures, "version_marker_new_path", family="activity")
    report = verify_golden_history(fixtures, golden_workflows)
    assert (report.status, report.verdict) == ("failed", "failed")
    assert report.missing_families == ["version-marker"]
    assert report.promotion_decision == "block_and_investigate"
    less = verify_golden_history(fixtures, golden_workflows, required_families=["activity"])
    assert less.status == "replayed"


@pytest.mark.parametrize(
    ("text", "case_id", "error"),
    [
        ("{", "<unparseable:a.json>", "JSONDecodeError"),
        ("[]", "<schema-drift:a.json>", "FixtureSchemaError"),
        ('{"fixture_schema": "other"}', "<schema-drift:a.json>", "FixtureSchemaError"),
        (
            '{"fixture_schema": "durable-workflow.golden-history.v1", "source": {"version": "1"}}',
            "<source-missing:a.json>",
            "FixtureSourceError",
        ),
        (
            '{"fixture_schema": "durable-workflow.golden-history.v1", "cases": {},'
            ' "source": {"runtime": "r", "version": "1"}}',
            "<cases-missing:a.json>",
            "FixtureCasesError",
        ),
        (
            '{"fixture_schema": "durable-workflow.golden-history.v1", "cases": [7],'
            ' "source": {"runtime": "r", "version": "1"}}',
            "r@1::<unnamed>",
            "FixtureCasesError",
        ),
    ],
)
def test_files_that_are_no_fixtures_fail(
    fixtures: Path, golden_workflows: list[type], text: str, case_id: str, error: str
) -> None:
    (fixtures / "b.json").write_text((fixtures / "a.json").read_text())
    (fixtures / "a.json").write_text(text)
    report = verify_golden_history(fixtures, golden_workflows)
    assert report.status == "failed"
    assert (report.cases[0].id, report.cases[0].reason) == (case_id, "bundle_invalid")
    assert report.cases[0].error
    assert report.cases[0].error["class"] == error
    assert report.summary["replayed"] == 5


@pytest.mark.parametrize("name", ["", "absent"])
def test_no_fixture_at_all_fails(tmp_path: Path, golden_workflows: list[type], name: str) -> None:
    report = verify_golden_history(tmp_path / name, golden_workflows)
    assert report.status == "failed"
    assert [case.id for case in report.cases] == ["<no-fixtures>"]
    assert report.missing_families == sorted(REQUIRED_FAMILIES)
    assert report.evidence["fixture_count"] == 0


def test_workflows_must_be_given(fixtures: Path, golden_workflows: list[type]) -> None:
    with pytest.raises(ValueError, match="at least one workflow"):
        verify_golden_history(fixtures, [])
    with pytest.raises(ValueError, match="two workflows are named"):
        verify_golden_history(fixtures, golden_workflows * 2)


@pytest.mark.usefixtures("golden_workflows")
@pytest.mark.parametrize("attribute", ["workflows", "WORKFLOWS"])
def test_the_command_writes_the_report(
    fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], attribute: str
) -> None:
    arguments = [str(fixtures), "--workflows", f"golden_workflows:{attribute}"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed == json.dumps(json.loads(printed), indent=2, sort_keys=True) + "\n"
    output = tmp_path / "made" / "report.json"
    assert main([*arguments, "--strict-missing-families", "--output", str(output)]) == 0
    assert output.read_text() == printed
    change(fixtures, "single_activity_completion", history=[])
    assert main(arguments) == 1
    capsys.readouterr()


@pytest.mark.usefixtures("golden_workflows")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (None, "give --workflows"),
        ("golden_workflows", "must be module:attribute"),
        ("no_such_module:x", "No module named 'no_such_module'"),
        ("golden_workflows:no_such", "no attribute 'no_such'"),
        ("golden_workflows:__name__", "gives no workflow classes but str"),
    ],
)
def test_a_command_that_cannot_load_the_workflows_exits_with_two(
    fixtures: Path, capsys: pytest.CaptureFixture[str], spec: str | None, words: str
) -> None:
    arguments = [] if spec is None else ["--workflows", spec]
    assert main([str(fixtures), *arguments]) == 2
    assert words in capsys.readouterr().err
