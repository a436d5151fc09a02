"""What the worker of the model check answers to a workflow task: read from its history alone."""

from __future__ import annotations

from typing import Any, Final

from integration.model.model import MOST_ATTEMPTS

Json = dict[str, Any]

STEP_EVENTS: Final = {"ActivityScheduled", "TimerScheduled", "ChildWorkflowScheduled"}
_STEP_OUTCOMES: Final = {
    "ActivityCompleted",
    "ActivityFailed",
    "ActivityTimedOut",
    "TimerFired",
    "ChildRunCompleted",
    "ChildRunFailed",
    "ChildRunCancelled",
    "ChildRunTerminated",
}
_WAIT_OUTCOMES: Final = {"ConditionWaitSatisfied", "ConditionWaitTimedOut"}
# Ways in which a run ends by itself; the last one goes on in another run.
ENDS: Final = ("complete_workflow", "fail_workflow", "continue_as_new")
SIDE_EFFECT: Final[Json] = {"type": "record_side_effect", "result": "1"}
# Of activities: each is tried twice.
RETRIES: Final[Json] = {"max_attempts": MOST_ATTEMPTS, "backoff_seconds": [1]}
STEPS: Final = ("activity", "timer", "terminate", "request_cancel", "abandon")


def step(kind: str) -> Json:
    """The command of a step: an activity that is tried twice, a timer, or a child by its policy."""
    if kind == "activity":
        return {"type": "schedule_activity", "activity_type": "a", "retry_policy": RETRIES}
    if kind == "timer":
        return {"type": "start_timer", "delay_seconds": 5}
    return {"type": "start_child_workflow", "workflow_type": "t", "parent_close_policy": kind}


def wait(timeout: int | None) -> Json:
    """The command of a wait for a signal."""
    asked: Json = {"type": "open_condition_wait", "condition_key": "k"}
    return asked if timeout is None else asked | {"timeout_seconds": timeout}


def end(kind: str) -> Json:
    """The command that ends a run."""
    if kind == "fail_workflow":
        return {"type": kind, "message": "no", "non_retryable": True}
    return {"type": kind}


def of_update(task: Json, kind: str) -> list[Json]:
    """The outcome of the update that a task is about; nothing where it is about none."""
    update_id = task["workflow_update_id"]
    if update_id is None:
        return []
    if kind == "complete":
        return [{"type": "complete_update", "update_id": update_id}]
    rejected = kind == "reject"
    return [{"type": "fail_update", "update_id": update_id, "message": "no", "rejected": rejected}]


def open_batch(history: list[Json]) -> list[Json]:
    """The commands of the steps that a run waits for, as they were sent: a worker repeats them."""
    scheduled: dict[int, Json] = {}
    for event in history:
        payload = event["payload"]
        if "timer_kind" in payload:
            continue
        if event["event_type"] in STEP_EVENTS:
            scheduled[payload["sequence"]] = _again(event["event_type"], payload)
        elif event["event_type"] in _STEP_OUTCOMES:
            scheduled.pop(payload["sequence"], None)
    return list(scheduled.values())


def open_wait(history: list[Json]) -> Json | None:
    """The command of the wait that a run is still at: it was neither signalled nor timed out."""
    waiting: Json | None = None
    for event in history:
        payload = event["payload"]
        if event["event_type"] == "ConditionWaitOpened":
            waiting = wait(payload.get("timeout_seconds"))
        elif (
            event["event_type"] in _WAIT_OUTCOMES
            or event["event_type"] == "SignalReceived"
            or (event["event_type"] == "TimerFired" and "timer_kind" in payload)
        ):
            waiting = None
    return waiting


def signals(history: list[Json]) -> set[str]:
    """The command ids of the signals that a history tells of."""
    return {
        event["payload"]["workflow_command_id"]
        for event in history
        if event["event_type"] == "SignalReceived"
    }


def _again(event_type: str, payload: Json) -> Json:
    if event_type == "ActivityScheduled":
        return step("activity")
    if event_type == "TimerScheduled":
        return step("timer")
    return step(payload["parent_close_policy"])
