"""The members of a bundle about the run as a whole."""

from __future__ import annotations

from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.payloads import recorded_in
from durable_workflow.server.engine.state import Run, RunDetails, shown_status
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.exporting.payloads import PayloadNote, note
from durable_workflow.server.records import instances, runs
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services.writing import is_long
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import findings, liveness, pending_work
from durable_workflow.server.views.describing import bucket, find_run, wait_of
from durable_workflow.server.views.findings import Problems

_DERIVED = "history_events"


class Subject(msgspec.Struct, frozen=True):
    """The run of a bundle, as one read saw it.

    Attributes:
        parents: The links to what it was started by.
        next_task: What it continues with (`pending_work.next_event`).
        command_sequence: Number of the newest command about its workflow id.
    """

    now: int
    run: Run
    details: RunDetails
    current_run_id: str
    parents: list[JsonObject]
    problems: Problems
    liveness_state: str
    next_task: JsonObject | None
    command_sequence: int
    recommends_continuing: bool

    @property
    def progress_at(self) -> str:
        """When the run went on the last time."""
        return precise(self.run.last_progress_at or self.run.started_at)


def look(
    read: Read, namespace: str, workflow_id: str, run_id: str, settings: ServiceSettings
) -> Subject:
    """Look at a run that is to be exported.

    Raises:
        Refused: There is no such run.
    """
    run = find_run(read, namespace, workflow_id, run_id).run
    instance = instances.find(read, namespace, workflow_id)
    assert instance is not None
    activities = pending_work.activities(read, run)
    problems = findings.problems_of(read, run, activities)
    details = runs.details(read, run.run_id)
    limits = settings.limits
    return Subject(
        now=read.now,
        run=run,
        details=details,
        current_run_id=instance.current_run_id,
        parents=list(_parents(read, run, details)),
        problems=problems,
        liveness_state=liveness.state_of(run, activities, problems),
        next_task=pending_work.next_event(read, run, activities),
        command_sequence=instance.command_sequence,
        recommends_continuing=is_long(run, limits.history_hint_events, limits.history_hint_bytes),
    )


def workflow(subject: Subject) -> JsonObject:
    """The member `workflow`."""
    run = subject.run
    return {
        "instance_id": run.workflow_id,
        "run_id": run.run_id,
        "run_number": run.run_number,
        "current_run_id": subject.current_run_id,
        "current_run_source": "continue_as_new_lineage"
        if run.continued_to_run_id is not None
        else "run_order_fallback",
        "workflow_type": run.workflow_type,
        "workflow_class": run.workflow_type,
        "memo": subject.details.memo,
        "compatibility": run.compatibility,
        "connection": run.connection,
        "queue": run.task_queue,
        "last_history_sequence": run.last_sequence,
        "last_progress_at": subject.progress_at,
        **_shared(subject),
    }


def summary(subject: Subject, *, exceptions: int) -> JsonObject:
    """The member `summary`.

    Args:
        exceptions: How many failures the history has.
    """
    run, waits = subject.run, wait_of(subject.run)
    next_task: dict[str, Any] = subject.next_task or {}
    started = precise(run.started_at)
    problems = subject.problems
    return {
        **_shared(subject),
        "duration_ms": None if run.closed_at is None else (run.closed_at - run.started_at) // 1000,
        "wait_kind": waits[0],
        "wait_reason": waits[1],
        "wait_started_at": None if waits[0] is None else subject.progress_at,
        "wait_deadline_at": precise_or_none(run.wait_fire_at),
        "open_wait_id": run.wait_id,
        "resume_source_kind": None,
        "resume_source_id": None,
        "next_task_at": next_task.get("available_at"),
        "next_task_id": next_task.get("task_id"),
        "next_task_type": next_task.get("task_type"),
        "next_task_status": next_task.get("task_status"),
        "next_task_lease_expires_at": next_task.get("lease_expires_at"),
        "liveness_state": subject.liveness_state,
        "liveness_reason": liveness.reason_of(run, subject.liveness_state),
        "repair_attention": problems.repair_attention,
        "task_problem": problems.task_problem,
        "task_problem_badge": findings.badge(run, problems),
        "exception_count": exceptions,
        "history_event_count": run.last_sequence,
        "history_size_bytes": run.history_bytes,
        "continue_as_new_recommended": subject.recommends_continuing,
        "sort_timestamp": started,
        "sort_key": f"{started}#{run.run_id}",
    }


def payloads(subject: Subject) -> tuple[JsonObject, PayloadNote, PayloadNote]:
    """The member `payloads`, and what the manifest says of the arguments and of the output."""
    run, details = subject.run, subject.details
    arguments = recorded_in(details.arguments, run.codec)
    output = recorded_in(details.output, run.codec)
    # A run that was started without arguments has none; an open one has no output yet.
    notes = note(arguments, run.codec, expected=False), note(output, run.codec, expected=False)
    shown: JsonObject = {
        "codec": run.codec,
        "arguments": {"available": notes[0].available, "data": arguments},
        "output": {"available": notes[1].available, "data": output},
    }
    return shown, *notes


def selected_run() -> JsonObject:
    """The member `selected_run`: everything derived comes from the history, each time anew."""
    return {
        "waits_projection_source": _DERIVED,
        "timeline_projection_source": _DERIVED,
        "timers_projection_source": _DERIVED,
        "timers_projection_rebuild_reasons": [],
        "lineage_projection_source": _DERIVED,
    }


def _shared(subject: Subject) -> JsonObject:
    run, details = subject.run, subject.details
    status = shown_status(run)
    archive: dict[str, Any] = details.archive or {}
    return {
        "status": status,
        "status_bucket": bucket(status),
        "closed_reason": run.closed_reason,
        "archived_at": precise_or_none(run.archived_at),
        "archive_command_id": archive.get("command_id"),
        "archive_reason": archive.get("reason"),
        "business_key": details.business_key,
        "visibility_labels": {},
        "search_attributes": details.search_attributes,
        "is_current_run": run.run_id == subject.current_run_id,
        "started_at": precise(run.started_at),
        "closed_at": precise_or_none(run.closed_at),
    }


def _parents(read: Read, run: Run, details: RunDetails) -> list[JsonObject]:
    found: list[JsonObject] = []
    if details.continued_from_run_id is not None:
        before = runs.find(read, details.continued_from_run_id)
        if before is not None:
            found.append(_link(before, run, "continue_as_new", None, primary=False))
    if run.parent_run_id is not None:
        parent = runs.find(read, run.parent_run_id)
        if parent is not None:
            found.append(_link(parent, run, "child_workflow", run.link_id, primary=True))
    return found


def continued_to(read: Read, run: Run) -> JsonObject | None:
    """The link to the run that a run continued as."""
    if run.continued_to_run_id is None:
        return None
    following = runs.find(read, run.continued_to_run_id)
    return None if following is None else _link(run, following, "continue_as_new", None)


def _link(
    parent: Run, child: Run, kind: str, link_id: str | None, *, primary: bool = False
) -> JsonObject:
    status = shown_status(child)
    return {
        "id": link_id or f"{parent.run_id}:{child.run_id}",
        "type": kind,
        "parent_workflow_instance_id": parent.workflow_id,
        "parent_workflow_run_id": parent.run_id,
        "child_workflow_instance_id": child.workflow_id,
        "child_workflow_run_id": child.run_id,
        "child_call_id": link_id,
        "sequence": child.parent_sequence,
        "is_primary_parent": primary,
        "run_number": child.run_number,
        "workflow_type": child.workflow_type,
        "class": child.workflow_type,
        "status": status,
        "status_bucket": bucket(status),
        "closed_reason": child.closed_reason,
        "created_at": precise(child.started_at),
        "history_authority": "mutable_open_fallback",
        "diagnostic_only": False,
    }
