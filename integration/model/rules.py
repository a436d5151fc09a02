"""The API as a state machine: every verb of the two planes is a rule.

Hypothesis chooses their order and what they name; the model says what each must be answered. At the
end no caller does anything any more, and the worker finishes what it can: all that is open then
must wait for a caller. It gets its signal, and every run must end.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from integration.harness.histories import AFTERMATH
from integration.harness.rows import rows_left
from integration.model import worker
from integration.model.checked import Json
from integration.model.model import ACTIVITY_LEASE, Lease, Run
from integration.model.operator_rules import OperatorRules
from integration.model.worker_rules import Plan

# What operators add to the history of a run that has ended.
_LATER: Final = AFTERMATH | {"ArchiveRequested", "WorkflowArchived"}
# Rounds after which nothing moves any more, if all that is open waits for a caller.
_MOST_ROUNDS: Final = 60
# Tasks of one moment after which something is not told to the worker that asks again and again.
_MOST_TASKS: Final = 200
# Longer than a lease of a workflow task, than a timer, and than a run that has a deadline.
_ROUND_SECONDS: Final = 61


class ApiRules(OperatorRules):
    """All rules, and the end of a run of them."""

    def teardown(self) -> None:
        """Finish what is open, stop, and see that nothing is left."""
        try:
            if not self.failed:
                self.finish()
                self.served.stop()
                left = rows_left(self.served.file)
                assert not left, left
        finally:
            self.served.close()

    def finish(self) -> None:
        """Have every run end, and look at everything once more."""
        for schedule_id in list(self.model.schedules):
            self.delete_schedule(schedule_id)
        self.work_on_alone()
        for run in self.model.open_runs():
            assert self.model.may_wait_on(run), f"nothing moves {run}"
        while waiting := [run for run in self.model.open_runs() if run.waits]:
            self.signal_all(waiting)
            self.work_on_alone()
        assert not (still := self.model.open_runs()), f"nothing moves {still}"
        self.lists_agree()
        self.histories_of_closed_runs_are_sound()
        for run_id, history in self.kept.items():
            now = self.history(self.model.runs[run_id])
            added = now[len(history) :]
            assert now[: len(history)] == history, f"{run_id} ended as {history}, is now {now}"
            assert {event["event_type"] for event in added} <= _LATER, (run_id, added)
        for command in self.model.commands.values():
            self.repeat(command)
        self.commands_are_shown_once()

    def signal_all(self, runs: list[Run]) -> None:
        """Signal those that still wait; the first ones may end others."""
        for run in runs:
            if not run.closed:
                self.send(run.workflow_id, "signal/s")

    def work_on_alone(self) -> None:
        """Let the worker and time do all that they can, without any caller."""
        idle = 0
        for _ in range(_MOST_ROUNDS):
            before = len(self.model.workflow_tasks), len(self.model.activity_tasks)
            self.work_one_round()
            self.everything_open_will_be_moved()
            worked = before != (len(self.model.workflow_tasks), len(self.model.activity_tasks))
            idle = 0 if worked else idle + 1
            if idle * _ROUND_SECONDS > ACTIVITY_LEASE:
                return
        raise AssertionError("there is always something to do")

    def work_one_round(self) -> None:
        """Take every task, and let time pass."""
        tasks = 0
        while (lease := self.claim()) is not None:
            tasks += 1
            assert tasks <= _MOST_TASKS, f"task after task: {lease}"
            self.complete(lease, self.plan_of(lease))
        for held in filter(self.model.holds, self.model.activity_tasks):
            self.report_activity(held, "complete")
        while (lease := self.claim_activity()) is not None:
            self.report_activity(lease, "complete")
        self.served.pass_time(_ROUND_SECONDS)
        self.model.pass_time(_ROUND_SECONDS)

    def plan_of(self, lease: Lease) -> Plan:
        """What a worker does that ends each run when nothing else is to be done about it."""
        history = lease.task["history_events"]
        if lease.task["workflow_update_id"] is not None or worker.open_batch(history):
            return Plan("complete", [], None)
        waiting = worker.open_wait(history)
        if waiting is not None:
            return Plan("complete", [waiting], None)
        if self.model.runs[lease.run_id].updates:
            # They come behind this task; an end would be theirs too.
            return Plan("complete", [worker.SIDE_EFFECT], None)
        return Plan("complete", [], "complete_workflow")

    def commands_are_shown_once(self) -> None:
        """A signal is in one history, whichever run of its workflow it came to.

        An update may be in the histories of two runs, where it has gone from one to the next.
        """
        shown: Counter[str] = Counter()
        for history in self.kept.values():
            for event in history:
                if event["event_type"] in ("SignalReceived", "UpdateAccepted"):
                    payload: Json = event["payload"]
                    shown[payload["workflow_command_id"]] += 1
        for command in self.model.commands.values():
            times = shown[command.command_id]
            if command.is_known and command.is_shown:
                assert times == 1 or (times and command.update_id is not None), (command, times)
            else:
                assert times <= 1 or command.update_id is not None, (command, times)
