"""Reports of tasks as a worker sends them, late, doubled, or in good order."""

from __future__ import annotations

import uuid
from typing import Any

from integration.harness.payloads import envelope
from integration.harness.wire import Answer, Wire

DONE = {"type": "complete_workflow", "result": envelope("done")}
ACTIVITY = {"type": "schedule_activity", "activity_type": "act", "arguments": envelope([])}


def queue_with_workers(wire: Wire) -> str:
    """A queue of a test's own with two workers, `<queue>-one` and `<queue>-two`."""
    queue = f"q-{uuid.uuid4().hex[:8]}"
    for name in ("one", "two"):
        wire.register(f"{queue}-{name}", queue=queue)
    return queue


def complete_workflow_task(wire: Wire, task: dict[str, Any], *commands: Any) -> Answer:
    body = {
        "lease_owner": task["lease_owner"],
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": list(commands or [DONE]),
    }
    return wire.send("POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)


def report_activity(wire: Wire, task: dict[str, Any], verb: str = "complete") -> Answer:
    body: dict[str, Any] = {
        "activity_attempt_id": task["activity_attempt_id"],
        "lease_owner": task["lease_owner"],
    }
    body |= {"failure": {"message": "m"}} if verb == "fail" else {"result": envelope(1)}
    return wire.send("POST", f"/api/worker/activity-tasks/{task['task_id']}/{verb}", body)
