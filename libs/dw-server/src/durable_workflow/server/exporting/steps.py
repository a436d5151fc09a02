"""Timers, conditions, children and failures of a run, as its history tells them."""

from __future__ import annotations

from typing import Any, Final

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import Run
from durable_workflow.server.exporting.lists import Lists
from durable_workflow.server.exporting.waits import Waits
from durable_workflow.server.views.describing import bucket
from durable_workflow.server.views.failures import FAILURE_KINDS, handled

PROJECTION: Final = "history_events"
_TIMER_ENDS: Final = {names.TIMER_FIRED: "fired", names.TIMER_CANCELLED: "cancelled"}
# The state of a timer's task.
_TIMER_TASKS: Final = {"pending": "ready", "fired": "completed", "cancelled": "cancelled"}
_CONDITION_ENDS: Final = {
    names.CONDITION_WAIT_SATISFIED: "satisfied",
    names.CONDITION_WAIT_TIMED_OUT: "timed_out",
}
_CHILD_ENDS: Final = frozenset(
    {
        names.CHILD_RUN_COMPLETED,
        names.CHILD_RUN_FAILED,
        names.CHILD_RUN_CANCELLED,
        names.CHILD_RUN_TERMINATED,
    }
)
# What a derived row says of where it comes from.
AUTHORITY: Final[JsonObject] = {
    "history_authority": "typed_history",
    "diagnostic_only": False,
    "history_unsupported_reason": None,
    "row_status": None,
}


class StepReader:
    """Gathers what events say of steps other than activities, and of failures."""

    def __init__(self, lists: Lists, waits: Waits, run: Run, failure: JsonObject | None) -> None:
        self._lists = lists
        self._waits = waits
        self._run = run
        self._failure = failure
        self._timers: dict[str, JsonObject] = {}
        self._conditions: dict[int, str] = {}
        self._children: dict[str, JsonObject] = {}

    def read(self, event: JsonObject) -> None:
        """Read one event; those about other things are skipped."""
        word = event["type"]
        if word == names.TIMER_SCHEDULED:
            self._schedule_timer(event)
        elif word in _TIMER_ENDS:
            self._end_timer(event)
        elif word == names.CONDITION_WAIT_OPENED:
            self._open_condition(event)
        elif word in _CONDITION_ENDS:
            how = _CONDITION_ENDS[word]
            ref = event["payload"].get("condition_wait_id") or ""
            self._waits.end("condition", ref, how, event["recorded_at"], f"Condition {how}.")
        elif word == names.CHILD_WORKFLOW_SCHEDULED:
            self._schedule_child(event)
        elif word == names.CHILD_RUN_STARTED or word in _CHILD_ENDS:
            self._note_child(event)
        if word in FAILURE_KINDS and event["payload"].get("failure_id"):
            self._fail(event)

    def finish(self) -> None:
        """The history is at its end."""
        for timer in self._timers.values():
            self._add_timer(timer)
        for link in self._children.values():
            self._lists.children.add(link, key=link["sequence"])
        self._timers.clear()
        self._children.clear()

    # --- timers ------------------------------------------------------------------------------

    def _schedule_timer(self, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        timer_id = payload["timer_id"]
        timer = self._timers[timer_id] = {
            "id": timer_id,
            "sequence": payload.get("sequence"),
            "status": "pending",
            "source_status": "pending",
            "delay_seconds": payload.get("delay_seconds"),
            "fire_at": payload.get("fire_at"),
            "fired_at": None,
            "cancelled_at": None,
            "created_at": at,
            "timer_kind": payload.get("timer_kind"),
            "condition_wait_id": payload.get("condition_wait_id"),
            "condition_key": payload.get("condition_key"),
            "condition_definition_fingerprint": payload.get("condition_definition_fingerprint"),
            "signal_wait_id": payload.get("signal_wait_id"),
            "signal_name": payload.get("signal_name"),
            "history_event_types": [event["type"]],
            **AUTHORITY,
        }
        if timer["timer_kind"] is None:
            self._waits.begin(
                "timer",
                timer_id,
                payload.get("sequence"),
                at,
                deadline_at=payload.get("fire_at"),
                task_id=timer_id,
                task_type="timer",
                task_status="ready",
                resume_source_kind="timer",
                resume_source_id=timer_id,
            )
        else:
            ref = payload.get("condition_wait_id") or ""
            self._waits.note("condition", ref, deadline_at=payload.get("fire_at"))

    def _end_timer(self, event: JsonObject) -> None:
        timer = self._timers.pop(event["payload"]["timer_id"], None)
        if timer is None:
            return
        how, at = _TIMER_ENDS[event["type"]], event["recorded_at"]
        timer |= {"status": how, "source_status": how, f"{how}_at": at}
        timer["history_event_types"].append(event["type"])
        self._add_timer(timer)
        if timer["timer_kind"] is None:
            self._waits.end("timer", timer["id"], how, at, f"Timer {how}.")
        elif how == "fired":
            ref = timer["condition_wait_id"] or ""
            self._waits.end("condition", ref, "timed_out", at, "Condition timed_out.")

    def _add_timer(self, timer: JsonObject) -> None:
        self._lists.timers.add(timer, key=(timer["sequence"] or 0, timer["id"]))
        done = _TIMER_TASKS[timer["status"]]
        self._lists.tasks.add(
            task(
                timer["id"],
                "timer",
                done,
                payload={"timer_id": timer["id"]},
                available_at=timer["fire_at"],
            ),
            key=timer["id"],
        )

    # --- conditions --------------------------------------------------------------------------

    def _open_condition(self, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        sequence, wait_id = payload.get("sequence"), payload["condition_wait_id"]
        superseded = self._conditions.get(sequence)
        if superseded is not None:
            # Opened again: the wait before it leaves no event of its own.
            text = "Condition wait was opened again."
            self._waits.end("condition", superseded, "superseded", at, text)
        self._conditions = {sequence: wait_id}
        self._waits.begin(
            "condition",
            wait_id,
            sequence,
            at,
            target_name=payload.get("condition_key"),
            resume_source_kind="condition",
            resume_source_id=wait_id,
        )

    # --- children ----------------------------------------------------------------------------

    def _schedule_child(self, event: JsonObject) -> None:
        payload, at = event["payload"], event["recorded_at"]
        link_id = payload["workflow_link_id"]
        self._children[link_id] = {
            "id": link_id,
            "type": "child_workflow",
            "parent_workflow_instance_id": self._run.workflow_id,
            "parent_workflow_run_id": self._run.run_id,
            "child_workflow_instance_id": payload["child_workflow_instance_id"],
            "child_workflow_run_id": payload["child_workflow_run_id"],
            "child_call_id": payload["child_call_id"],
            "sequence": payload["sequence"],
            "is_primary_parent": True,
            "run_number": payload.get("child_run_number", 1),
            "workflow_type": payload["child_workflow_type"],
            "class": payload["child_workflow_class"],
            "status": "pending",
            "status_bucket": "running",
            "closed_reason": None,
            "created_at": at,
            "history_authority": "typed_history",
            "diagnostic_only": False,
        }
        self._waits.begin(
            "child",
            link_id,
            payload["sequence"],
            at,
            target_name=payload["child_workflow_instance_id"],
            target_type=payload["child_workflow_type"],
            resume_source_kind="child_workflow_run",
            resume_source_id=payload["child_workflow_run_id"],
        )

    def _note_child(self, event: JsonObject) -> None:
        payload, link_id = event["payload"], event["payload"].get("workflow_link_id")
        link = self._children.get(link_id)
        if link is None:
            return
        link["child_workflow_run_id"] = payload["child_workflow_run_id"]
        link["run_number"] = payload.get("child_run_number", link["run_number"])
        link["status"] = payload.get("child_status", link["status"])
        link["status_bucket"] = bucket(link["status"])
        if event["type"] in _CHILD_ENDS:
            link["closed_reason"] = payload.get("closed_reason")
            self._lists.children.add(self._children.pop(link_id), key=link["sequence"])
            status = link["status"]
            text = f"Child {link['workflow_type']} {status}."
            self._waits.end("child", link_id, status, event["recorded_at"], text)

    # --- failures ----------------------------------------------------------------------------

    def _fail(self, event: JsonObject) -> None:
        payload = event["payload"]
        kind = FAILURE_KINDS[event["type"]]
        own = self._run.run_id if kind.id_member is None else payload.get(kind.id_member)
        exception: JsonObject = payload.get("exception") or {}
        trace = exception.get("stack_trace") or exception.get("trace") or None
        self._lists.failures.add(
            {
                "id": payload["failure_id"],
                "source_kind": payload.get("source_kind") or kind.source,
                "source_id": payload.get("source_id") or own,
                "propagation_kind": kind.propagation,
                "failure_category": payload.get("failure_category"),
                "non_retryable": bool(payload.get("non_retryable", False)),
                "handled": kind.is_step
                and handled(self._run, event["sequence"], payload.get("message"), self._failure),
                "history_authority": "typed_history",
                "diagnostic_only": False,
                "exception_type": payload.get("exception_type"),
                "exception_class": payload.get("exception_class"),
                "exception_resolved_class": None,
                "exception_resolution_source": None,
                "exception_resolution_error": None,
                "exception_replay_blocked": False,
                "message": payload.get("message"),
                "file": exception.get("file") or None,
                "line": exception.get("line") or None,
                "trace_preview": trace,
                "created_at": event["recorded_at"],
            }
        )


def task(task_id: str, kind: str, status: str, *, payload: JsonObject, **known: Any) -> JsonObject:
    """A task of the list `tasks`. What is not known of it is null."""
    return {
        "id": task_id,
        "type": kind,
        "status": status,
        "payload": payload,
        "connection": None,
        "queue": None,
        "compatibility": None,
        "attempt_count": 0,
        "repair_count": 0,
        "available_at": None,
        "leased_at": None,
        "lease_owner": None,
        "lease_expires_at": None,
        "last_dispatch_attempt_at": None,
        "last_dispatched_at": None,
        "last_dispatch_error": None,
        "last_claim_failed_at": None,
        "last_claim_error": None,
        "repair_available_at": None,
        **known,
    }
