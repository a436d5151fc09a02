"""Activities that no workflow started: started, refused, timed out, and again under their keys."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from integration.model import worker
from integration.model.caller_rules import CallerRules
from integration.model.checked import PICKS, Json

TIMEOUTS = st.sampled_from([None, None, "schedule_to_close", "start_to_close"])
# Longer than a lease of a workflow task, shorter than one of an activity.
_SECONDS = 45


class ActivityRules(CallerRules):
    """What callers do with standalone activities; workers are given them as all others."""

    @rule(activity_id=st.sampled_from(["alone", "apart"]), timeout=TIMEOUTS, keyed=st.booleans())
    def start_activity(self, activity_id: str, timeout: str | None, keyed: bool) -> None:
        body: Json = {"activity_id": activity_id, "activity_type": "a", "task_queue": "q"}
        body["retry_policy"] = worker.RETRIES
        if timeout is not None:
            body[f"{timeout}_timeout_seconds"] = _SECONDS
        key = self.next("key") if keyed else None
        current = self.model.current(activity_id)
        free = current is None or current.closed
        told = self.expect(self.served.post("/activities", body, key), 201 if free else 409)
        if not free:
            return
        run = self.model.started(activity_id, told["workflow_run_id"])
        run.hosts_activity = True
        if timeout == "schedule_to_close":
            run.deadline = self.model.now + _SECONDS
        elif timeout == "start_to_close":
            run.attempt_seconds = _SECONDS
        if key is not None:
            self.model.starts[key] = ("/activities", body, run.run_id)

    @rule(pick=PICKS)
    def start_activity_of_a_workflows_id(self, pick: int) -> None:
        ids = [each for each in self.model.workflows if not self.current(each).hosts_activity]
        if ids:
            body: Json = {"activity_id": ids[pick % len(ids)], "activity_type": "a"}
            self.expect(self.served.post("/activities", body | {"task_queue": "q"}), 409)
