"""The attempts of a standalone activity (control-plane 14.2).

When each began and beat is in the history of its host; how it ended is in the store, because an
attempt whose lease ran out leaves no event.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.state import Activity, Run
from durable_workflow.server.engine.times import precise_or_none
from durable_workflow.server.records import activities as records
from durable_workflow.server.records import history
from durable_workflow.server.store.protocol import Read

# The newest ones: each describe reads them.
_MOST: Final = 100
_MOST_BEATS: Final = 500


def attempts(read: Read, run: Run, activity: Activity) -> list[dict[str, Any]]:
    """The newest attempts, oldest first; those that beat often and long ago lack their last beat.

    Args:
        run: The run that hosts the activity.
    """
    past = {
        each.attempt_id: each for each in records.past_of(read, run.run_id, [activity.execution_id])
    }
    beats = _last_beats(read, run)
    shown: list[dict[str, Any]] = []
    for event in _events(read, run, names.ACTIVITY_STARTED, _MOST)[::-1]:
        attempt_id = event["payload"]["activity_attempt_id"]
        ended = past.get(attempt_id)
        last = activity if ended is None else ended
        shown.append(
            {
                "id": attempt_id,
                "activity_attempt_id": attempt_id,
                "activity_execution_id": activity.execution_id,
                "workflow_task_id": event["workflow_task_id"],
                "task_id": event["workflow_task_id"],
                "attempt_number": event["payload"]["attempt_number"],
                "status": last.status,
                "lease_owner": last.lease_owner,
                "started_at": event["recorded_at"],
                "closed_at": precise_or_none(last.closed_at),
                "last_heartbeat_at": beats.get(attempt_id),
            }
        )
    return shown


def _last_beats(read: Read, run: Run) -> dict[str, str]:
    found = _events(read, run, names.ACTIVITY_HEARTBEAT_RECORDED, _MOST_BEATS)
    payloads = [event["payload"] for event in found[::-1]]
    return {each["activity_attempt_id"]: each["heartbeat_at"] for each in payloads}


def _events(read: Read, run: Run, event_type: str, most: int) -> list[dict[str, Any]]:
    """The newest events of a type, newest first."""
    found = history.newest(read, run.run_id, 0, [event_type], most)
    return [msgspec.json.decode(record) for record in found]
