"""The rules of the worker: it polls, and reports on tasks, on those that it lost too."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from integration.harness.wire import Answer
from integration.model import worker
from integration.model.checked import PICKS, CheckedServer, Json
from integration.model.model import (
    ACTIVITY_LEASE,
    FENCED,
    MOST_ATTEMPTS,
    WORKFLOW_LEASE,
    Lease,
    Run,
)


class Plan(NamedTuple):
    """What the worker does with a task: what the update comes to, its commands, or the end."""

    update: str
    commands: list[Json]
    end: str | None


RESULTS = st.sampled_from(["complete", "complete", "fail", "heartbeat", "leave"])
# Of updates.
OUTCOMES = st.sampled_from(["complete", "fail", "reject"])
PLANS = st.builds(
    Plan,
    update=OUTCOMES,
    commands=st.one_of(
        st.lists(st.sampled_from(worker.STEPS).map(worker.step), min_size=1, max_size=3),
        st.lists(st.sampled_from(worker.STEPS).map(worker.step), min_size=1, max_size=3),
        st.sampled_from([None, 0, 5]).map(lambda timeout: [worker.wait(timeout)]),
        st.just([worker.SIDE_EFFECT]),
    ),
    end=st.sampled_from([None, None, None, None, *worker.ENDS]),
)
_UPDATED: Final = {"complete": "completed", "fail": "failed", "reject": "rejected"}
_ENDED: Final = {"complete_workflow": "completed", "fail_workflow": "failed"}


class WorkerRules(CheckedServer):
    """What a worker does."""

    @rule()
    def leave_and_return(self) -> None:
        """Say goodbye, and begin anew: what was held is anybody's at once."""
        self.served.work("deregister").need(200)
        self.model.free_all()
        self.served.session = self.next("session")
        self.served.work("register", runtime="python").need(201)

    @rule()
    def poll(self) -> None:
        self.claim()

    def claim(self) -> Lease | None:
        """Poll for a workflow task: it is one that nobody holds."""
        answer = self.served.work("workflow-tasks/poll", history_page_size=1000).need()
        task = answer["task"]
        if task is None:
            return None
        run = self.model.runs[task["run_id"]]
        assert not run.closed, f"a task of a run that has ended: {run}, {task}"
        held = [each for each in self.model.workflow_tasks if each.run_id == run.run_id]
        held = list(filter(self.model.holds, held))
        assert not held, f"one task of a run at a time: {task}, and {held}"
        lease = Lease(task, run.run_id, self.model.now + WORKFLOW_LEASE)
        self.model.workflow_tasks.append(lease)
        return lease

    @rule(plan=PLANS)
    def work(self, plan: Plan) -> None:
        """Do what a worker does: poll, and complete at once."""
        lease = self.claim()
        if lease is not None:
            self.complete(lease, plan)

    @precondition(lambda self: self.model.workflow_tasks)
    @rule(pick=PICKS, plan=PLANS)
    def complete_later(self, pick: int, plan: Plan) -> None:
        self.complete(self.lease(pick), plan)

    def complete(self, lease: Lease, plan: Plan) -> None:
        """Complete a task as planned; the outcome of an update is a turn of its own."""
        history, update_id = lease.task["history_events"], lease.task["workflow_update_id"]
        outcome = worker.of_update(lease.task, plan.update)
        sent = outcome
        if plan.end is not None:
            sent = [*outcome, worker.end(plan.end)]
        elif not outcome:
            sent = worker.open_batch(history) or plan.commands
        if self.report(lease, "complete", commands=sent) is None:
            return
        run = self.model.runs[lease.run_id]
        run.signals -= worker.signals(history)
        if outcome:
            self.model.updated(run, update_id, _UPDATED[plan.update])
        if plan.end == "continue_as_new":
            described = self.served.get(f"/workflows/{run.workflow_id}/runs/{run.run_id}").need()
            self.model.continue_as_new(run, described["continued_to_run_id"])
        elif plan.end is not None:
            self.model.close(run, _ENDED[plan.end], by_worker=True)
        elif not outcome:
            run.waits = sent[0]["type"] == "open_condition_wait"
            self.adopt_children(run)

    def adopt_children(self, parent: Run) -> None:
        """Learn the ids of the children that a completion has started.

        The history tells of earlier ones too, which retention may have removed meanwhile.
        """
        for event in self.history(parent):
            if event["event_type"] != "ChildWorkflowScheduled":
                continue
            child, run_id = event["payload"], event["payload"]["child_workflow_run_id"]
            if run_id not in self.model.known:
                self.model.started(
                    child["child_workflow_instance_id"],
                    run_id,
                    parent=parent.run_id,
                    policy=child["parent_close_policy"],
                )

    @precondition(lambda self: self.model.workflow_tasks)
    @rule(pick=PICKS, verb=st.sampled_from(["fail", "heartbeat"]))
    def fail_or_heartbeat(self, pick: int, verb: str) -> None:
        lease = self.lease(pick)
        if verb == "fail":
            self.report(lease, "fail", failure={"message": "it broke"})
        elif self.report(lease, "heartbeat") is not None:
            lease.over, lease.until = False, self.model.now + WORKFLOW_LEASE

    def report(self, lease: Lease, verb: str, **body: Any) -> Json | None:
        """Report on a workflow task; None where it was refused, as it had to be."""
        task = lease.task
        answer = self.served.work(
            f"workflow-tasks/{task['task_id']}/{verb}",
            workflow_task_attempt=task["workflow_task_attempt"],
            **body,
        )
        return self.fenced(lease, answer)

    @rule(result=RESULTS)
    def work_on_an_activity(self, result: str) -> None:
        lease = self.claim_activity()
        if lease is not None:
            self.end_activity(lease, result)

    def claim_activity(self) -> Lease | None:
        """Poll for an activity task."""
        task = self.served.work("activity-tasks/poll").need()["task"]
        if task is None:
            return None
        run = self.model.runs[task["run_id"]]
        assert not run.closed, f"an activity of a run that has ended: {run}, {task}"
        failed = self.model.tries[task["activity_execution_id"]]
        assert failed < MOST_ATTEMPTS, f"tried again after {failed} failures: {task}"
        lease = Lease(task, run.run_id, self.model.now + ACTIVITY_LEASE)
        if run.attempt_seconds is not None:
            lease.ends = self.model.now + run.attempt_seconds
        self.model.activity_tasks.append(lease)
        return lease

    @precondition(lambda self: self.model.activity_tasks)
    @rule(pick=PICKS, result=RESULTS)
    def end_an_activity_later(self, pick: int, result: str) -> None:
        recent = self.model.activity_tasks[-4:]
        self.end_activity(recent[-1 - pick % len(recent)], result)

    def end_activity(self, lease: Lease, result: str) -> None:
        """Report on an activity, or leave it."""
        if result == "complete":
            self.report_activity(lease, "complete")
        elif result == "fail":
            self.report_activity(lease, "fail", failure={"message": "no"})
        elif result == "heartbeat":
            self.heartbeat_activity(lease)

    def heartbeat_activity(self, lease: Lease) -> None:
        """A heartbeat says whether the attempt may go on."""
        answer = self.send_activity(lease, "heartbeat")
        if answer.status in FENCED:
            assert not self.model.holds(lease), (lease, answer)
            return
        assert answer.need()["can_continue"] == self.model.holds(lease), (lease, answer)
        if self.model.holds(lease):
            lease.until = self.model.now + ACTIVITY_LEASE

    def report_activity(self, lease: Lease, verb: str, **body: Any) -> None:
        if self.fenced(lease, self.send_activity(lease, verb, **body)) is None:
            return
        run = self.model.runs[lease.run_id]
        if verb == "fail":
            self.model.failed(lease)
        elif run.hosts_activity:
            self.model.close(run, "completed")

    def send_activity(self, lease: Lease, verb: str, **body: Any) -> Answer:
        task = lease.task
        path = f"activity-tasks/{task['task_id']}/{verb}"
        return self.served.work(path, activity_attempt_id=task["activity_attempt_id"], **body)

    def fenced(self, lease: Lease, answer: Answer) -> Json | None:
        """Only the holder's report is accepted, and only once."""
        if not self.model.holds(lease):
            assert answer.status in FENCED, (lease, answer)
            return None
        told = answer.need()
        lease.over = True
        return told
