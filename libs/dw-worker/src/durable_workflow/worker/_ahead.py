"""What a workflow does next, decided as soon as its activity has returned in this worker.

A worker that has the machine of a run need not wait for the server to send the result back as a
workflow task. It sends the decision with the result, and the server takes it where nothing else has
happened to the run meanwhile. Where something has, it sends the task, and this decision counts for
nothing: the machine has gone on from a history that never was, so the run is replayed.
"""

from collections import defaultdict
from typing import Any, Final

from durable_workflow._wire.json_values import JsonObject, object_or_empty, text_or_none
from durable_workflow.metrics import MetricsRecorder
from durable_workflow.worker._foresight import Foreseen, Foresight
from durable_workflow.worker._line import Standing
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import MachineCache
from durable_workflow.worker._reporting import Ahead
from durable_workflow.worker._task_metrics import TaskObservation
from durable_workflow.worker._tasks import ActivityTask

# A decision that is not taken costs a replay of its run: so many events of it are worth as much as
# one decision that is.
_EVENTS_PER_DECISION: Final = 8
# Where the code came to no decision that could be sent, and is likely to do so again.
_EVENTS_OF_UNKNOWN: Final = 800


class AheadDecisions:
    """Decides for one worker what runs do next, before the server has the result."""

    def __init__(
        self,
        foresight: Foresight,
        machines: MachineCache,
        standing: Standing,
        *,
        metrics: MetricsRecorder,
        task_queue: str,
        wanted: bool,
    ) -> None:
        """Make it for the machines of one worker.

        Args:
            foresight: Runs the code.
            machines: Where the machine of a run is kept.
            standing: The worker's stream, whose server may take decisions.
            metrics: Where a decision that was taken is counted, as the task that it stands for.
            task_queue: The worker's.
            wanted: Whether any are made. Interceptors of workflow tasks need tasks.
        """
        self._foresight = foresight
        self._machines = machines
        self._standing = standing
        self._metrics = metrics
        self._task_queue = task_queue
        self._wanted = wanted
        # By type: how many decisions are left to tasks, because earlier ones were not taken.
        self._debts: defaultdict[str, int] = defaultdict(int)

    def decide(self, activity: ActivityTask, result: JsonObject) -> Ahead | None:
        """Decide what the activity's run does once it has the result.

        Args:
            activity: The activity, whose result is not reported yet.
            result: As an envelope.
        Returns:
            None where that is not known, or better left to a task.
        """
        may = self._wanted and self._standing.takes_decisions and activity.attempt_number == 1
        if not may or not activity.run_id or not self._may_risk(activity.run_id):
            return None
        observation = TaskObservation(self._metrics, "workflow", self._task_queue)
        claim = f"{activity.task_id} {activity.attempt_id}"
        workflow_type = self._machines.type_of(activity.run_id) or ""
        try:
            foreseen = self._foresight.foresee(activity, result, claim)
        except Exception:  # noqa: BLE001 - the task that follows meets it again, and fails with it
            log.debug("what follows %s is left to its task", activity, exc_info=True)
            self._note_replay(workflow_type, _EVENTS_OF_UNKNOWN)
            return None
        if foreseen is None:
            return None

        def settle(answer: Any) -> None:
            decided_at = text_or_none(object_or_empty(answer).get("decided_at"))
            if decided_at is not None:
                self._machines.confirm(activity.run_id, claim, decided_at)
                observation.outcome = "completed"
                observation.count()
                return
            self._machines.refute(activity.run_id, claim)
            if answer is not None:  # a cut says nothing of the run
                self._note_replay(foreseen.workflow_type, foreseen.events)

        return Ahead(_message(activity.run_id, foreseen), settle)

    def _may_risk(self, run_id: str) -> bool:
        """Whether runs of this type have been undisturbed for long enough."""
        workflow_type = self._machines.type_of(run_id)
        if workflow_type is None:
            return False
        if (debt := self._debts.get(workflow_type, 0)) > 0:
            self._debts[workflow_type] = debt - 1
        return debt <= 0

    def _note_replay(self, workflow_type: str, events: int) -> None:
        """A run has to be replayed, because what was decided ahead did not count."""
        debt = 1 + events // _EVENTS_PER_DECISION
        self._debts[workflow_type] = max(self._debts[workflow_type], debt)


def _message(run_id: str, foreseen: Foreseen) -> JsonObject:
    message: JsonObject = {
        "run_id": run_id,
        "after": foreseen.after,
        "commands": foreseen.commands,
    }
    if foreseen.passes_on:
        message["passes_on"] = True
    if foreseen.keeps_history:
        message["keep_history"] = True
    return message
