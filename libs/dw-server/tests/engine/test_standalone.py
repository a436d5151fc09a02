"""Host runs: begun with their activity, and closed as it ended."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from durable_workflow.server.engine import activities, activity_outcomes, standalone
from durable_workflow.server.engine.activity_outcomes import Failure
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.scheduling import Scheduling
from durable_workflow.server.engine.starting import Beginning
from durable_workflow.server.engine.state import Activity, Run

NOW = 1_000_000


def begun() -> tuple[Run, Activity]:
    """A host run whose activity is leased."""
    ids = (str(number) for number in itertools.count())
    beginning = Beginning(
        namespace="default",
        workflow_id="alone",
        workflow_type="dw.standalone_activity",
        task_queue="q",
        run_id="r",
        command_id="c",
    )
    what = Scheduling(activity_type="act", task_queue="q")
    decision = standalone.start(beginning, what, NOW, lambda: next(ids))
    assert [event.event_type for event in decision.events] == [
        "StartAccepted",
        "WorkflowStarted",
        "ActivityScheduled",
    ]
    assert (decision.run.status, decision.run.task_id) == ("running", None)
    claimed = activities.claim(
        decision.run,
        decision.new_activities[0].activity,
        NOW,
        lambda: next(ids),
        worker_id="w",
        poll_request_id=None,
        lease_seconds=5,
    )
    return claimed.run, claimed.activities[0]


def closing(decision: Decision) -> tuple[list[str], str, str | None]:
    run = decision.run
    assert decision.closes
    assert (run.task_id, run.pending_activities) == (None, 0)
    return [event.event_type for event in decision.events], run.status, run.closed_reason


def test_a_result_completes_the_host() -> None:
    run, activity = begun()
    before = msgspec.json.encode(run)
    result = {"codec": "json", "blob": "7"}
    decision = activity_outcomes.complete(
        run, activity, NOW, lambda: "i", result=result, payload_limit=0, held=[]
    )
    assert msgspec.json.encode(run) == before
    assert decision.output == result
    assert closing(decision) == (
        ["ActivityCompleted", "WorkflowCompleted"],
        "completed",
        "completed",
    )


def test_a_result_over_the_limit_fails_the_host() -> None:
    run, activity = begun()
    result = {"codec": "json", "blob": "x" * 10}
    decision = activity_outcomes.complete(
        run, activity, NOW, lambda: "i", result=result, payload_limit=5, held=[]
    )
    assert closing(decision) == (["ActivityFailed", "WorkflowFailed"], "failed", "failed")
    assert decision.failure is not None
    assert decision.failure["failure_category"] == "structural_limit"


def test_a_failure_is_the_failure_of_the_host() -> None:
    run, activity = begun()
    failure = Failure("no paper", "PrinterError", non_retryable=True)
    decision = activity_outcomes.fail(run, activity, NOW, lambda: "i", failure=failure, held=[])
    assert closing(decision) == (["ActivityFailed", "WorkflowFailed"], "failed", "failed")
    told = msgspec.json.decode(decision.events[-1].record)["payload"]
    assert (told["source_kind"], told["source_id"]) == (
        "activity_execution",
        activity.execution_id,
    )
    assert (told["message"], told["exception_class"]) == ("no paper", "PrinterError")
    assert told["exception"]["type"] == "PrinterError"


@pytest.mark.parametrize("kind", ["start_to_close", "schedule_to_close", "heartbeat"])
def test_a_timeout_closes_the_host_as_timed_out(kind: str) -> None:
    run, activity = begun()
    decision = activity_outcomes.time_out(
        run, activity, NOW, lambda: "i", timeout_kind=kind, held=[]
    )
    assert closing(decision) == (["ActivityTimedOut", "WorkflowFailed"], "failed", "timed_out")
    assert decision.failure is not None
    assert decision.failure["timeout_kind"] == kind
