"""What is said where code and history part: position, recorded, asked, source line, cause, cure."""

import json
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.replay_verify import CaseReport, verify_replay
from durable_workflow.workflow import WorkflowContext

LINES = Path(__file__).read_text().splitlines()
Steps = Generator[Any, Any, Any]


def recorded(*events: tuple[str, dict[str, Any]], **started: Any) -> list[dict[str, Any]]:
    """A history of events, each with its payload."""
    every = [("WorkflowStarted", {"workflow_type": "w", **started}), *events]
    return [
        {
            "sequence": number,
            "event_type": event_type,
            "payload": payload,
            "recorded_at": f"2026-06-01T12:00:{number:02}Z",
        }
        for number, (event_type, payload) in enumerate(every, 1)
    ]


def activity(sequence: int, name: str) -> list[tuple[str, dict[str, Any]]]:
    """An activity that was scheduled and completed."""
    about = {"sequence": sequence, "activity_type": name}
    result = {**about, "result": json.dumps(name)}
    return [("ActivityScheduled", about), ("ActivityCompleted", result)]


def marker(sequence: int, change_id: str, version: int = 1) -> tuple[str, dict[str, Any]]:
    payload = {"sequence": sequence, "change_id": change_id, "version": version}
    return ("VersionMarkerRecorded", payload)


def wait(sequence: int, key: str) -> list[tuple[str, dict[str, Any]]]:
    opened = {"sequence": sequence, "condition_wait_id": f"w{sequence}", "condition_key": key}
    return [("ConditionWaitOpened", opened), ("ConditionWaitSatisfied", opened)]


def of(run: Callable[..., Steps], **members: Any) -> type:
    """A workflow of this module with a `run`."""
    cls = type("Written", (), {"run": run, **members, "__module__": __name__})
    return workflow.defn(name="w")(cls)


def divergence(run: Callable[..., Steps], history: Any) -> Mapping[str, Any]:
    report = verify_replay(of(run), history)
    assert (report.status, report.reason) == ("drifted", "shape_mismatch"), report
    assert report.divergence
    return report.divergence


def line_of(source: Mapping[str, Any]) -> str:
    """The comment behind a source line."""
    assert (Path.cwd() / source["file"]).resolve() == Path(__file__).resolve()
    assert LINES[int(source["line"]) - 1].strip() == source["code"]
    return str(source["code"]).rpartition("# ")[2]


def test_all_that_is_known_of_the_place_is_said() -> None:
    def pay(ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("check_fraud", ["o-1"])  # asks
        return (yield ctx.schedule_activity("charge", ["o-1"]))

    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("reserve", [])
        yield from pay(ctx)  # delegates

    found = divergence(run, recorded(*activity(3, "reserve"), *activity(4, "charge")))
    assert found["step"] == 2
    assert found["workflow_sequence"] == 4
    assert found["recorded"] == "activity 'charge'"
    assert found["recorded_events"] == [
        {"sequence": 4, "event_type": "ActivityScheduled", "recorded_at": "2026-06-01T12:00:04Z"},
        {"sequence": 5, "event_type": "ActivityCompleted", "recorded_at": "2026-06-01T12:00:05Z"},
    ]
    assert found["asked"] == "activity 'check_fraud' with 1 argument"
    assert line_of(found["source"]) == "asks"
    assert found["source"]["function"].endswith("<locals>.pay")
    assert [line_of(line) for line in found["stack"]] == ["delegates", "asks"]
    assert found["cause"] == "step_renamed_or_inserted"
    assert "'charge'" in found["explanation"]
    assert "check_fraud" in found["explanation"]
    assert "ctx.patched(" in found["cure"]
    assert found["expected_shape"] == "activity:check_fraud"
    assert found["recorded_event_types"] == ["ActivityScheduled", "ActivityCompleted"]


def test_a_step_of_another_kind_was_put_before() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.start_timer(30)  # asks
        yield ctx.schedule_activity("charge", [])

    found = divergence(run, recorded(*activity(3, "charge")))
    assert (found["cause"], found["asked"]) == ("step_inserted", "timer of 30 s")
    assert "was put before activity 'charge'" in found["explanation"]


def test_steps_before_what_is_asked_for_were_removed() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("ship", [])  # asks

    history = recorded(*activity(3, "reserve"), *activity(4, "charge"), *activity(5, "ship"))
    found = divergence(run, history)
    assert found["cause"] == "steps_removed_or_moved"
    assert (
        "activity 'reserve', activity 'charge' before the activity 'ship'" in found["explanation"]
    )
    assert "activity 'reserve', activity 'charge'" in found["cure"]
    assert found["workflow_sequence"] == 3


def test_code_that_returns_too_soon_is_found_where_it_returns() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        charged = yield ctx.schedule_activity("charge", [])
        return charged  # returns

    found = divergence(run, recorded(*activity(3, "charge"), *activity(4, "ship")))
    assert (found["cause"], found["expected_shape"]) == ("ended_early", "complete workflow")
    assert found["asked"] == "nothing more: it returned"
    assert line_of(found["source"]) == "returns"
    assert found["recorded"] == "activity 'ship'"


def test_a_version_marker_of_another_change_is_told() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("charge", [])  # asks

    history = recorded(marker(3, "fraud-check"), *activity(4, "charge"))
    found = divergence(run, history)
    assert found["cause"] == "version_marker_removed"
    assert 'ctx.deprecate_patch("fraud-check")' in found["cure"]


def test_a_wait_of_another_key_is_told() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.wait_condition(lambda: False, key="accepted")  # asks

    found = divergence(run, recorded(*wait(3, "approved"), clock="event"))
    assert found["cause"] == "wait_changed"
    assert found["recorded"] == "condition wait 'approved'"
    assert found["asked"] == "condition wait 'accepted'"
    assert found["expected_shape"] == "condition wait"
    assert "wait_condition key changed during replay" in found["message"]
    assert line_of(found["source"]) == "asks"


def test_an_update_whose_handler_is_gone_is_told() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("charge", [])

    update = ("UpdateApplied", {"update_name": "approve", "update_id": "u", "arguments": "[]"})
    found = divergence(run, recorded(update, *activity(3, "charge")))
    assert found["cause"] == "handler_removed"
    assert "unknown update 'approve'" in found["explanation"]
    assert "Keep the handler" in found["cure"]


def test_members_of_a_list_are_told_apart() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield [ctx.schedule_activity("a", []), ctx.start_child_workflow("b", [])]  # asks

    found = divergence(run, recorded(*activity(3, "a"), *activity(4, "b")))
    assert (found["step"], found["asked"]) == (2, "child workflow 'b'")
    assert found["recorded"] == "activity 'b'"


def test_histories_without_sequences_have_no_events_to_name() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.start_timer(1)

    found = divergence(run, [{"event_type": "ActivityCompleted", "payload": {"result": "1"}}])
    assert (found["recorded_events"], found["recorded_event_types"]) == ([], ["ActivityCompleted"])


def test_a_report_is_json() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.start_timer(1)

    report = verify_replay(of(run), recorded(*activity(3, "a")), case_id="c")
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    assert (report.id, report.workflow_type) == ("c", "w")


def failing(error: BaseException) -> CaseReport:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("a", [])

    def raise_(self: Any) -> None:
        raise error

    return verify_replay(of(run, __init__=raise_), [])


def test_an_error_of_code_that_was_changed_is_drift() -> None:
    for error in (TypeError("no"), ValueError("no")):
        report = failing(error)
        assert (report.status, report.reason) == ("drifted", "shape_mismatch")
        assert report.error == {"class": type(error).__name__, "message": "no"}


def test_any_other_error_is_a_failure_with_its_traceback() -> None:
    for error in (LookupError("no"), SystemExit("no")):
        report = failing(error)
        assert (report.status, report.reason) == ("failed", "replay_error")
        assert report.error
        assert report.error["class"] == type(error).__name__
        assert "in raise_" in report.error["traceback"]


def test_an_interruption_by_the_keyboard_ends_the_verification() -> None:
    with pytest.raises(KeyboardInterrupt):
        failing(KeyboardInterrupt())


def test_a_workflow_that_fails_has_replayed() -> None:
    def run(self: Any, ctx: WorkflowContext) -> Steps:
        yield ctx.schedule_activity("charge", [])
        raise LookupError("no such order")

    report = verify_replay(of(run), recorded(*activity(3, "charge")))
    assert (report.status, report.observed) == ("replayed", {"command_type": "FailWorkflow"})


def test_what_is_verified_must_be_a_class() -> None:
    given: Any = "order"
    with pytest.raises(TypeError, match="give workflow classes, not 'order'"):
        verify_replay(given, [])
