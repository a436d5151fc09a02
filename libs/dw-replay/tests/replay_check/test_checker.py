"""One recorded run: what the verdict is, why, and where to look."""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import serializer, workflow
from durable_workflow.external_storage import LocalFilesystemExternalStorage
from durable_workflow.replay_check import RunReport
from durable_workflow.replay_check._checker import Checker
from durable_workflow.workflow import WorkflowContext

Steps = Generator[Any, Any, Any]
Events = list[tuple[str, dict[str, Any]]]
History = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("parser")

COMPLETED = ("WorkflowCompleted", {"output": json.dumps({"paid": "visa"})})


def report_of(workflows: list[type], document: Any) -> RunReport:
    """The report, which is the same whether the text is read in one go or as a whole."""
    checker = Checker(workflows)
    report = checker.check_bytes("h.json", json.dumps(document).encode())
    whole = checker.check_document("h.json", document)
    if "Unstable" not in str(report):
        assert report.to_dict() == whole.to_dict()
    return report


def of(run: Callable[..., Steps], name: str = "order") -> list[type]:
    cls = type("Changed", (), {"run": run, "__module__": __name__})
    return [workflow.defn(name=name)(cls)]


def test_a_run_that_ends_as_it_did_is_ok(
    workflows: list[type], history: History, charged: Events
) -> None:
    report = report_of(workflows, history(*charged, COMPLETED))
    assert report.to_dict() == {
        "source": "h.json",
        "workflow_type": "order",
        "workflow_id": "order-1",
        "run_id": "run-1",
        "event_count": 4,
        "verdict": "ok",
        "promotion_decision": "safe_to_promote",
        "reason": "none",
        "message": "",
        "divergence": None,
        "error": None,
    }


def test_open_runs_are_ok_wherever_they_stand(
    workflows: list[type], history: History, charged: Events
) -> None:
    for length in range(3):
        assert report_of(workflows, history(*charged[:length])).verdict == "ok"


@pytest.mark.parametrize("ending", ["WorkflowCancelled", "WorkflowTerminated", "WorkflowTimedOut"])
def test_runs_that_were_ended_from_outside_are_ok(
    workflows: list[type], history: History, charged: Events, ending: str
) -> None:
    assert report_of(workflows, history(*charged[:1], (ending, {}))).verdict == "ok"


def test_code_that_asks_for_something_else_is_drift(
    workflows: list[type], history: History
) -> None:
    report = report_of(workflows, history(("TimerFired", {"sequence": 2})))
    assert (report.verdict, report.reason) == ("drifted", "shape_mismatch")
    assert report.divergence
    assert report.divergence["asked"] == "activity 'charge' with 1 argument"
    assert report.divergence["source"]["function"] == "Order.run"
    assert "yielded activity" in report.message


def test_a_wait_that_was_changed_is_drift(history: History) -> None:
    def run(self: Any, ctx: WorkflowContext, order_id: str) -> Steps:
        yield ctx.wait_condition(lambda: False, key="accepted")

    wait = {"sequence": 2, "condition_wait_id": "w", "condition_key": "approved"}
    report = report_of(of(run), history(("ConditionWaitOpened", wait)))
    assert (report.verdict, report.reason) == ("drifted", "shape_mismatch")
    assert report.message.startswith("NonDeterministicWaitCondition: wait_condition key changed")
    assert report.divergence
    assert report.divergence["cause"] == "wait_changed"


def test_another_result_is_a_warning(
    workflows: list[type], history: History, charged: Events
) -> None:
    output = serializer.envelope({"paid": "cash"})
    report = report_of(workflows, history(*charged, ("WorkflowCompleted", {"output": output})))
    assert (report.verdict, report.reason) == ("warning", "expectation_mismatch")
    assert report.message == (
        "the run returned {'paid': 'cash'}, and this code returns {'paid': 'visa'}"
    )


def test_results_are_compared_as_they_are_recorded(history: History, charged: Events) -> None:
    def run(self: Any, ctx: WorkflowContext, order_id: str) -> Steps:
        yield ctx.schedule_activity("charge", [order_id])
        return (1, 2.5, None)

    ending = ("WorkflowCompleted", {"result": "[1, 2.5, null]"})
    assert report_of(of(run), history(*charged, ending)).verdict == "ok"


@pytest.mark.parametrize("ending", ["WorkflowCompleted", "WorkflowContinuedAsNew"])
def test_code_that_goes_on_where_the_run_ended_is_drift(
    history: History, charged: Events, ending: str
) -> None:
    def run(self: Any, ctx: WorkflowContext, order_id: str) -> Steps:
        yield ctx.schedule_activity("charge", [order_id])
        yield ctx.schedule_activity("ship", [order_id])  # goes on

    report = report_of(of(run), history(*charged, (ending, {})))
    assert (report.verdict, report.reason) == ("drifted", "expectation_mismatch")
    assert report.divergence
    assert report.divergence["cause"] == "goes_on_after_end"
    assert report.divergence["asked"] == "activity 'ship' with 1 argument"
    assert report.divergence["source"]["code"].endswith("# goes on")
    assert report.divergence["recorded_events"][0]["event_type"] == ending


def raises(self: Any, ctx: WorkflowContext, order_id: str) -> Steps:
    result = yield ctx.schedule_activity("charge", [order_id])
    return result["method"]  # raises


def test_code_that_fails_a_run_that_completed_is_drift(history: History, charged: Events) -> None:
    report = report_of(of(raises), history(*charged, COMPLETED))
    assert (report.verdict, report.reason) == ("drifted", "shape_mismatch")
    assert report.message.startswith("the run completed, and this code fails it: TypeError: ")
    assert report.divergence
    assert report.divergence["cause"] == "code_raised"
    assert report.divergence["source"]["code"].endswith("# raises")


def test_code_that_fails_a_run_that_went_on_is_drift(history: History, charged: Events) -> None:
    later = ("ActivityScheduled", {"sequence": 3, "activity_type": "ship"})
    report = report_of(of(raises), history(*charged, later))
    assert (report.verdict, report.reason) == ("drifted", "shape_mismatch")
    assert report.message.startswith("the run went on, and this code fails it")
    assert report.divergence
    assert report.divergence["recorded"] == "activity 'ship'"


def test_code_that_would_fail_an_open_run_is_a_warning(history: History, charged: Events) -> None:
    report = report_of(of(raises), history(*charged))
    assert report.verdict == "warning"
    assert report.message.startswith("this code would fail the run with its next task: TypeError")


def test_a_run_that_failed_may_fail_again_or_be_mended(
    workflows: list[type], history: History, charged: Events
) -> None:
    failed = ("WorkflowFailed", {"message": "no"})
    assert report_of(of(raises), history(*charged, failed)).verdict == "ok"
    report = report_of(workflows, history(*charged, failed))
    assert report.verdict == "warning"
    assert "the run failed here, and this code asks for the end" in report.message


def test_code_that_does_something_else_each_time_is_told(
    workflows: list[type], history: History
) -> None:
    about = {"sequence": 2, "activity_type": "work"}
    report = report_of(workflows, history(("ActivityScheduled", about), of="unstable", input=[]))
    assert report.verdict == "drifted"
    assert report.divergence
    assert report.divergence["cause"] == "code_not_deterministic"
    assert "ctx.random()" in report.divergence["cure"]


def test_an_error_that_leaves_the_replay_fails_the_check(
    workflows: list[type], history: History, charged: Events
) -> None:
    report = report_of(workflows, history(*charged, input=[1, 2, 3]))
    assert (report.verdict, report.reason) == ("failed", "replay_error")
    assert report.error
    assert report.error["class"] == "TypeError"
    assert "Traceback" in report.error["traceback"]
    assert "--save" not in report.message


def test_a_history_that_does_not_say_its_input_is_told(
    workflows: list[type], history: History, charged: Events
) -> None:
    document = history(*charged)
    del document["input"]
    report = report_of(workflows, document)
    assert (report.verdict, report.reason) == ("failed", "replay_error")
    assert "does not say what the run was started with" in report.message


def test_the_input_may_stand_behind_the_events(
    workflows: list[type], history: History, charged: Events
) -> None:
    document = history(*charged, COMPLETED)
    moved = {"events": document["events"], "input": document["input"]}
    assert report_of(workflows, moved).verdict == "ok"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"next_page_token": "abc"}, "one page of several"),
        ({"events": "none"}, "must be a list of events"),
        ({"events": [7]}, "must be an object, not int"),
    ],
)
def test_what_is_no_whole_history_cannot_be_checked(
    workflows: list[type], history: History, members: dict[str, Any], words: str
) -> None:
    report = report_of(workflows, {**history(), **members})
    assert (report.verdict, report.reason) == ("failed", "bundle_invalid")
    assert words in report.message


def test_a_history_with_a_gap_cannot_be_checked(
    workflows: list[type], history: History, charged: Events
) -> None:
    document = history(*charged)
    del document["events"][1]
    report = report_of(workflows, document)
    assert report.message == "events are missing: the history has 2, and the last has sequence 3"


def test_a_type_that_the_build_does_not_have_cannot_be_checked(
    workflows: list[type], history: History
) -> None:
    report = report_of(workflows, history(of="shipment"))
    assert report.verdict == "failed"
    assert "'shipment' is not registered" in report.message


@pytest.mark.parametrize("payload", [b"", b"{", b'{"events": [', b"\xff", b"[" * 100_000])
def test_what_is_no_json_cannot_be_checked(workflows: list[type], payload: bytes) -> None:
    report = Checker(workflows).check_bytes("h.json", payload)
    assert (report.verdict, report.reason) == ("failed", "bundle_invalid")
    assert report.message.startswith("no JSON: ")


def test_bundles_are_verified_and_replayed() -> None:
    def run(self: Any, ctx: WorkflowContext, name: str) -> Steps:
        return (yield ctx.schedule_activity("greet", [name]))

    recorded = Path(__file__).parents[1] / "data/history-export.json"
    bundle = json.loads(recorded.read_text())["response"]["body"]
    report = report_of(of(run, "greeter"), bundle)
    assert (report.verdict, report.event_count) == ("ok", 10)
    bundle["workflow"]["memo"] = {"changed": True}
    report = report_of(of(run, "greeter"), bundle)
    assert (report.verdict, report.reason) == ("failed", "bundle_invalid")
    assert "the bundle is not in good order" in report.message


def test_offloaded_payloads_are_fetched(
    workflows: list[type], history: History, charged: Events, tmp_path: Path
) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    charged[1][1]["result"] = serializer.external_storage_envelope(
        "visa" * 100, external_storage=storage, threshold_bytes=1
    )
    document = json.dumps(history(*charged)).encode()
    assert Checker(workflows, external_storage=storage).check_bytes("h", document).verdict == "ok"
    report = Checker(workflows).check_bytes("h", document)
    assert report.verdict == "failed"
    assert "requires an external storage driver" in report.message


@pytest.mark.parametrize("document", [[], {"workflow_type": "order", "events": []}])
def test_a_history_without_events_shows_nothing(workflows: list[type], document: Any) -> None:
    report = report_of([workflows[0]] if document == [] else workflows, document)
    assert (report.verdict, report.message) == ("failed", "the history has no events")
