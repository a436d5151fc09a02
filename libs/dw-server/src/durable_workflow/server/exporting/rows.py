"""What a bundle takes from rows of the store: commands, tasks, activities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.activities import policy_of
from durable_workflow.server.engine.payloads import recorded_in
from durable_workflow.server.engine.state import Activity, PastAttempt, PastTask, Run, RunDetails
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.exporting.activity_traces import ActivityTrace, trace_of
from durable_workflow.server.exporting.lists import Lists
from durable_workflow.server.exporting.messages import MessageReader
from durable_workflow.server.exporting.payloads import note
from durable_workflow.server.exporting.steps import AUTHORITY, task
from durable_workflow.server.ids import created_at
from durable_workflow.server.records import decided_tasks
from durable_workflow.server.records.command_records import NO_PAYLOAD, StoredCommand
from durable_workflow.server.services.control import SOURCE

_GROUP: JsonObject = {
    "parallel_group_kind": None,
    "parallel_group_id": None,
    "parallel_group_base_sequence": None,
    "parallel_group_size": None,
    "parallel_group_index": None,
    "parallel_group_path": [],
}
_TASK_STATUSES = {"pending": "ready", "running": "leased"}


class RowReader:
    """Writes rows of a run into the lists of its bundle. The history was read before.

    Args:
        recorded: Ids of the commands that were carried out at once, as an event tells.
    """

    def __init__(
        self,
        lists: Lists,
        run: Run,
        details: RunDetails,
        messages: MessageReader,
        recorded: Collection[str],
    ) -> None:
        self._lists = lists
        self._run = run
        self._details = details
        self._messages = messages
        self._recorded = recorded

    # --- commands ----------------------------------------------------------------------------

    def command(self, stored: StoredCommand) -> None:
        """Write one command."""
        command, at = stored.record, precise(stored.created_at)
        accepted = command.status == "accepted"
        codec, payload, expected = self._payload(stored)
        auth: JsonObject = stored.context.get("auth") or {}
        request: JsonObject = stored.context.get("request") or {}
        principal: JsonObject = auth.get("principal") or {}
        caller: JsonObject = stored.context.get("caller") or {}
        self._lists.commands.add(
            {
                "id": command.command_id,
                "sequence": command.sequence,
                "type": command.name,
                "target_scope": command.target_scope,
                "requested_run_id": command.run_id if command.target_scope == "run" else None,
                "resolved_run_id": command.run_id,
                "target_name": command.target_name,
                "payload_codec": codec,
                "payload": payload,
                "source": stored.context.get("source", SOURCE),
                "context": stored.context,
                "caller_label": caller.get("label"),
                "principal_type": "role" if principal else None,
                "principal_id": principal.get("subject"),
                "principal_label": principal.get("subject"),
                "auth_status": auth.get("status"),
                "auth_method": auth.get("method"),
                "request_method": request.get("method"),
                "request_path": request.get("path"),
                "request_route_name": None,
                "request_fingerprint": request.get("fingerprint"),
                "request_id": command.request_id or request.get("request_id"),
                "correlation_id": request.get("correlation_id"),
                "status": command.status,
                "outcome": command.outcome,
                "rejection_reason": command.rejection_reason,
                "validation_errors": {},
                "accepted_at": at if accepted else None,
                "applied_at": at if accepted and command.command_id in self._recorded else None,
                "rejected_at": None if accepted else at,
            },
            note(payload, codec, expected=expected),
        )
        if not accepted and command.name in ("signal", "update"):
            self._messages.refuse(command, payload, codec, at)

    def _payload(self, stored: StoredCommand) -> tuple[str, Any, bool]:
        """The payload of a command with its codec, and whether there should be one."""
        command, codec = stored.record, self._run.codec
        if command.payload is not None:
            if command.payload == NO_PAYLOAD:
                return codec, None, False
            own: str = command.payload["codec"]
            return own, recorded_in(command.payload, own), True
        if command.name == "start":
            arguments = self._details.arguments
            return codec, recorded_in(arguments, codec), arguments is not None
        told = self._lists.told.get(command.command_id)
        if told is not None:
            codec, payload = msgspec.json.decode(told)
            return codec, payload, False
        return codec, None, command.name in ("signal", "update")

    # --- tasks -------------------------------------------------------------------------------

    def past_task(self, past: PastTask, *, behind: str | None = None) -> None:
        """Write one workflow task that is over.

        Args:
            behind: The task that it was made after, where its id does not sort by time.
        """
        leased_at = None if past.held is None else past.closed_at - past.held
        if leased_at is None or past.waited is None:
            available_at = created_at(past.task_id)
        else:
            available_at = leased_at - past.waited
        self._task(
            past.task_id,
            past.status,
            attempt_count=past.attempt,
            available_at=precise(available_at),
            leased_at=precise_or_none(leased_at),
            lease_owner=past.lease_owner,
            behind=behind,
        )

    def open_task(self) -> None:
        """Write the workflow task that the run has open, if it has one."""
        run = self._run
        if run.task_id is None or run.task_status is None:
            return
        self._task(
            run.task_id,
            run.task_status,
            attempt_count=run.task_attempt,
            repair_count=run.task_failures,
            available_at=precise(run.task_available_at),
            leased_at=precise_or_none(run.leased_at),
            lease_owner=run.lease_owner,
            lease_expires_at=precise_or_none(run.lease_expires_at),
            last_claim_error=run.task_error,
            repair_available_at=precise(run.task_available_at) if run.task_failures else None,
        )

    def _task(self, task_id: str, status: str, *, behind: str | None = None, **known: Any) -> None:
        run = self._run
        place = {
            "connection": run.connection,
            "queue": run.task_queue,
            "compatibility": run.compatibility,
        }
        shown = task(task_id, "workflow", status, payload={}, **place, **known)
        # No id has this character: it stands right behind the other one.
        self._lists.tasks.add(shown, key=task_id if behind is None else f"{behind}~")

    # --- activities --------------------------------------------------------------------------

    def activity(
        self, row: Activity, arguments: JsonObject | None, past: Mapping[str, PastAttempt]
    ) -> None:
        """Write one activity, with its tasks.

        Args:
            past: Its superseded attempts, by their ids.
        """
        decided = decided_tasks.of(row)
        if decided is not None:
            self.past_task(decided, behind=row.task_id)
        trace = trace_of(self._lists.traces, row.sequence)
        if trace is None:
            return  # Newer than the history of this bundle.
        attempts = [self._attempt(row, trace, index, past) for index in range(len(trace.attempts))]
        last = trace.current()
        codec = trace.codec or row.codec
        blob = recorded_in(arguments, row.codec)
        policy = policy_of(row)
        self._lists.activities.add(
            {
                "id": row.execution_id,
                "idempotency_key": row.execution_id,
                "sequence": row.sequence,
                "activity_type": row.activity_type,
                "activity_class": row.activity_type,
                "status": trace.status,
                "source_status": trace.status,
                "history_event_types": trace.event_types,
                **AUTHORITY,
                **_GROUP,
                "connection": row.connection,
                "queue": row.task_queue,
                "retry_policy": None if policy is None else msgspec.to_builtins(policy),
                "attempt_count": last.number if last else 0,
                "current_attempt_id": last.attempt_id if last else None,
                "arguments": blob,
                "result": trace.result,
                "created_at": trace.created_at,
                "started_at": last.started_at if last else None,
                "last_heartbeat_at": last.last_heartbeat_at if last else None,
                "last_heartbeat_progress": last.progress if last else None,
                "closed_at": trace.closed_at,
                "attempts": attempts,
            },
            note(blob, row.codec, expected=arguments is not None),
            note(trace.result, codec, expected=trace.status == "completed"),
        )
        self._activity_tasks(row, trace, attempts)

    def _attempt(
        self, row: Activity, trace: ActivityTrace, index: int, past: Mapping[str, PastAttempt]
    ) -> JsonObject:
        attempt = trace.attempts[index]
        ended = past.get(attempt.attempt_id)
        current = row.attempt_id == attempt.attempt_id
        status, closed_at = attempt.status, attempt.closed_at
        if closed_at is None and ended is not None and status == "expired":
            closed_at = precise(ended.closed_at)
        owner = ended.lease_owner if ended is not None else row.lease_owner if current else None
        leased = current and trace.closed_at is None
        return {
            "id": attempt.attempt_id,
            "activity_execution_id": row.execution_id,
            "workflow_task_id": attempt.task_id,
            "attempt_number": attempt.number,
            "status": status,
            "lease_owner": owner,
            "started_at": attempt.started_at,
            "last_heartbeat_at": attempt.last_heartbeat_at,
            "last_heartbeat_progress": attempt.progress,
            "lease_expires_at": precise_or_none(row.lease_expires_at) if leased else None,
            "closed_at": closed_at,
        }

    def _activity_tasks(
        self, row: Activity, trace: ActivityTrace, attempts: list[JsonObject]
    ) -> None:
        """One task for each retry; a lease that ran out frees the same one again."""
        known = [attempt["workflow_task_id"] for attempt in attempts]
        task_ids = list(dict.fromkeys([*known, *trace.available_at]))
        if not known and trace.available_at.keys() == {""}:
            task_ids = [row.task_id]
        for number, task_id in enumerate(each for each in task_ids if each):
            of_task = [each for each in attempts if each["workflow_task_id"] == task_id]
            last = of_task[-1] if of_task else None
            status = last["status"] if last else "ready" if not trace.closed_at else trace.status
            available_at = trace.available_at.get(task_id) or trace.available_at.get("")
            shown = task(
                task_id,
                "activity",
                _TASK_STATUSES.get(status, "ready" if status == "expired" else status),
                payload={"activity_execution_id": row.execution_id},
                connection=row.connection,
                queue=row.task_queue,
                attempt_count=len(of_task),
                repair_count=number,
                available_at=available_at,
                leased_at=last["started_at"] if last else None,
                lease_owner=last["lease_owner"] if last else None,
                lease_expires_at=last["lease_expires_at"] if last else None,
            )
            self._lists.tasks.add(shown, key=task_id)
