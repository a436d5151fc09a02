"""What must hold of every history, whatever happened to the server and the workers meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

Event = dict[str, Any]

ACTIVITY_OUTCOMES = frozenset(
    {"ActivityCompleted", "ActivityFailed", "ActivityTimedOut", "ActivityCancelled"}
)
TIMER_OUTCOMES = frozenset({"TimerFired", "TimerCancelled"})
CLOSING = frozenset(
    {
        "WorkflowCompleted",
        "WorkflowFailed",
        "WorkflowTimedOut",
        "WorkflowCancelled",
        "WorkflowTerminated",
        "WorkflowContinuedAsNew",
    }
)

# A parent says after its end what became of its children by it.
AFTERMATH = frozenset({"ParentClosePolicyApplied", "ParentClosePolicyFailed"})


def types(history: Sequence[Event]) -> list[str]:
    """Return the types of the events, in order."""
    return [event["event_type"] for event in history]


def violations(history: Sequence[Event]) -> list[str]:
    """Return what is wrong with the history of a closed run, nothing if it is sound."""
    return [
        *_not_dense(history),
        *_closed_other_than_once(history),
        *_outcomes_other_than_one(
            history, "ActivityScheduled", ACTIVITY_OUTCOMES, "activity_execution_id"
        ),
        *_outcomes_other_than_one(history, "TimerScheduled", TIMER_OUTCOMES, "timer_id"),
        *_steps_scheduled_twice(history),
    ]


def _not_dense(history: Sequence[Event]) -> list[str]:
    sequences = [event["sequence"] for event in history]
    if sequences == list(range(1, len(history) + 1)):
        return []
    return [f"sequences are not 1..{len(history)}: {sequences}"]


def _closed_other_than_once(history: Sequence[Event]) -> list[str]:
    closing = [name for name in types(history) if name in CLOSING]
    wrong = [] if len(closing) == 1 else [f"closed {len(closing)} times: {closing}"]
    ending = [name for name in types(history) if name not in AFTERMATH]
    if len(closing) == 1 and ending[-1] not in CLOSING:
        wrong.append(f"events after {closing[0]}: {types(history)}")
    return wrong


def _outcomes_other_than_one(
    history: Sequence[Event], opening: str, outcomes: frozenset[str], key: str
) -> list[str]:
    opened = Counter(e["payload"][key] for e in history if e["event_type"] == opening)
    closed = Counter(e["payload"][key] for e in history if e["event_type"] in outcomes)
    wrong = [f"{opening} twice for {one}" for one, times in opened.items() if times > 1]
    wrong += [f"{closed[one]} outcomes of {opening} {one}" for one in opened if closed[one] != 1]
    wrong += [f"an outcome without {opening}: {one}" for one in closed if one not in opened]
    return wrong


def _steps_scheduled_twice(history: Sequence[Event]) -> list[str]:
    opening = {"ActivityScheduled", "TimerScheduled", "ChildWorkflowScheduled"}
    steps = Counter(e["payload"]["sequence"] for e in history if e["event_type"] in opening)
    return [
        f"step {step} was scheduled {times} times" for step, times in steps.items() if times > 1
    ]
