"""The requests of callers and operators, and the end of a model check.

Every verb of the two planes is a rule. Hypothesis chooses their order and what they name; the model
says what each must be answered. At the end the worker finishes what is open: every run must end.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from integration.harness.histories import AFTERMATH
from integration.model import worker
from integration.model.checked import PICKS, Json, chosen
from integration.model.model import Schedule
from integration.model.worker_rules import PLANS, Plan, WorkerRules
from integration.simulation.checks import rows_left

IDS = st.sampled_from(["one", "two", "three"])
POLICIES = st.sampled_from(["fail", "use-existing", "allow", "terminate_existing"])
SCHEDULES = st.sampled_from(["daily", "nightly"])
SECONDS = st.sampled_from([1, 4, 6, 31, 301, 3600, 86_400])
# What operators add to the history of a run that has ended.
_LATER: Final = AFTERMATH | {"ArchiveRequested", "WorkflowArchived"}
# Rounds after which nothing is open any more, if everything that is open is moved by something.
_MOST_ROUNDS: Final = 60


class ApiRules(WorkerRules):
    """What callers and operators do beside the worker."""

    @initialize(plans=st.lists(PLANS, min_size=2, max_size=2))
    def begin(self, plans: list[Plan]) -> None:
        """Most orders of rules say more where something runs."""
        for workflow_id, plan in zip(("one", "two"), plans, strict=True):
            self.start(workflow_id, "fail", None, keyed=False)
            self.work(plan)

    @rule(
        workflow_id=IDS,
        policy=POLICIES,
        timeout=st.sampled_from([None, None, 40]),
        keyed=st.booleans(),
    )
    def start(self, workflow_id: str, policy: str, timeout: int | None, keyed: bool) -> None:
        body: Json = {"workflow_id": workflow_id, "workflow_type": "t", "task_queue": "q"}
        body |= {"duplicate_policy": policy, "execution_timeout_seconds": timeout}
        key = self.next("key") if keyed else None
        status = self.model.status_of_start(workflow_id, policy)
        told = self.expect(self.served.post("/workflows", body, key), status)
        if status == 201:
            deadline = None if timeout is None else self.model.now + timeout
            self.model.started(workflow_id, told["run_id"], deadline=deadline)
        else:
            assert told["run_id"] == self.current(workflow_id).run_id
        if key is not None and status != 409:
            self.model.starts[key] = (body, told["run_id"])

    @precondition(lambda self: self.model.starts)
    @rule(pick=PICKS)
    def start_again_with_its_key(self, pick: int) -> None:
        key = chosen(self.model.starts, pick)
        body, run_id = self.model.starts[key]
        answer = self.served.post("/workflows", body, key)
        assert answer.status in (200, 201), answer
        assert answer.need(answer.status)["run_id"] == run_id

    @rule(pick=PICKS, verb=st.sampled_from(["signal/s", "update/u"]), again=st.booleans())
    def command(self, pick: int, verb: str, again: bool) -> None:
        """Send a command, and again under the same request id: it is one command."""
        workflow_id = self.workflow(pick)
        path, body = f"/workflows/{workflow_id}/{verb}", {"request_id": self.next("request")}
        status = self.model.status_of_command(workflow_id, 202)
        first = self.expect(self.served.post(path, body), status)
        if again and status == 202:
            second = self.expect(self.served.post(path, body), status)
            assert second["command_id"] == first["command_id"]

    @rule(pick=PICKS, verb=st.sampled_from(["cancel", "terminate"]))
    def close(self, pick: int, verb: str) -> None:
        workflow_id = self.workflow(pick)
        status = self.model.status_of_command(workflow_id, 200)
        self.expect(self.served.post(f"/workflows/{workflow_id}/{verb}"), status)
        if status == 200:
            ended = "cancelled" if verb == "cancel" else "terminated"
            self.model.close(self.current(workflow_id), ended)

    @rule(pick=PICKS)
    def command_a_past_run(self, pick: int) -> None:
        past = [run for run in self.model.runs.values() if run is not self.current(run.workflow_id)]
        if past:
            run = past[pick % len(past)]
            path = f"/workflows/{run.workflow_id}/runs/{run.run_id}/signal/s"
            self.expect(self.served.post(path), 409)

    @rule(pick=PICKS)
    def archive(self, pick: int) -> None:
        workflow_id = self.workflow(pick)
        status = self.model.status_of_archive(workflow_id)
        self.expect(self.served.post(f"/workflows/{workflow_id}/archive"), status)
        if status == 200:
            self.current(workflow_id).archived = True

    @rule(schedule_id=SCHEDULES, overlap=st.sampled_from(["skip", "allow_all"]))
    def create_schedule(self, schedule_id: str, overlap: str) -> None:
        body: Json = {
            "schedule_id": schedule_id,
            "spec": {"intervals": [{"every": "P1D"}]},
            "action": {"workflow_type": "t", "task_queue": "q"},
            "overlap_policy": overlap,
        }
        known = schedule_id in self.model.schedules
        self.expect(self.served.post("/schedules", body), 409 if known else 201)
        if not known:
            self.model.schedules[schedule_id] = Schedule(schedule_id, overlap)

    @rule(schedule_id=SCHEDULES)
    def trigger_schedule(self, schedule_id: str) -> None:
        schedule = self.model.schedules.get(schedule_id)
        answer = self.served.post(f"/schedules/{schedule_id}/trigger")
        if schedule is None:
            self.expect(answer, 404)
            return
        told, latest = answer.need(), schedule.latest
        running = self.model.current(latest) if latest is not None else None
        skips = schedule.overlap == "skip" and running is not None and not running.closed
        assert told["outcome"] == ("skipped" if schedule.paused or skips else "triggered")
        if told["outcome"] == "triggered":
            self.model.started(told["workflow_id"], told["run_id"])
            schedule.latest = told["workflow_id"]

    @rule(schedule_id=SCHEDULES, verb=st.sampled_from(["pause", "resume"]))
    def pause_or_resume_schedule(self, schedule_id: str, verb: str) -> None:
        schedule = self.model.schedules.get(schedule_id)
        answer = self.served.post(f"/schedules/{schedule_id}/{verb}")
        if schedule is None:
            self.expect(answer, 404)
        elif verb == "resume" and not schedule.paused:
            self.expect(answer, 409)
        else:
            self.expect(answer, 200)
            schedule.paused = verb == "pause"

    @rule(schedule_id=SCHEDULES)
    def delete_schedule(self, schedule_id: str) -> None:
        known = self.model.schedules.pop(schedule_id, None)
        self.expect(self.served.delete(f"/schedules/{schedule_id}"), 200 if known else 404)

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: float) -> None:
        since = self.model.now
        self.served.pass_time(seconds)
        self.model.pass_time(seconds)
        self.adopt_fires(since)

    def adopt_fires(self, since: float) -> None:
        """Learn the ids of the workflows that schedules have started."""
        allowed = {each.schedule_id: each for each in self.model.schedules.values()}
        fires = {key: self.model.fires_between(each, since) for key, each in allowed.items()}
        new = [row for row in reversed(self.listed()) if row["run_id"] not in self.model.runs]
        started: Counter[str] = Counter()
        for row in new:
            by = next(key for key in allowed if self.latest_of(key) == row["workflow_id"])
            started[by] += 1
            self.model.started(row["workflow_id"], row["run_id"])
            allowed[by].latest = row["workflow_id"]
        for key, (least, most) in fires.items():
            assert least <= started[key] <= most, (key, started, fires)

    def latest_of(self, schedule_id: str) -> str | None:
        described = self.served.get(f"/schedules/{schedule_id}").need()
        latest: str | None = described["latest_workflow_instance_id"]
        return latest

    @rule()
    def restart(self) -> None:
        self.served.restart()

    @rule(pick=PICKS, old=st.booleans())
    def retention_pass(self, pick: int, old: bool) -> None:
        """Remove what is expired, or one run that is named: closed, and not archived."""
        named = None if old or not self.model.runs else chosen(self.model.runs, pick)
        told = self.served.post(
            "/system/retention/pass", {} if named is None else {"run_ids": [named]}
        ).need()
        pruned = {each["run_id"] for each in told["results"] if each["outcome"] == "pruned"}
        if named is None:
            assert pruned == self.model.expired()
        else:
            run = self.model.runs[named]
            assert pruned == ({named} if run.closed and not run.archived else set())
        for run_id in pruned:
            self.model.removed(run_id)
            self.kept.pop(run_id, None)

    def teardown(self) -> None:
        """Finish what is open, stop, and see that nothing is left."""
        try:
            if not self.failed:
                self.finish()
        finally:
            self.served.stop()
            try:
                if not self.failed:
                    assert not rows_left(self.served.file)
            finally:
                self.served.close()

    def finish(self) -> None:
        for schedule_id in list(self.model.schedules):
            self.delete_schedule(schedule_id)
        for _ in range(_MOST_ROUNDS):
            if not self.model.open_runs():
                break
            self.finish_one_round()
        assert not self.model.open_runs(), "nothing moves these"
        self.lists_agree()
        self.histories_of_closed_runs_are_sound()
        for run_id, history in self.kept.items():
            now = self.history(self.model.runs[run_id])
            assert now[: len(history)] == history, "a closed run's history stays"
            assert {event["event_type"] for event in now[len(history) :]} <= _LATER

    def finish_one_round(self) -> None:
        """Everything that a worker and time can do, and a signal for who waits for one."""
        while (lease := self.claim()) is not None:
            history = lease.task["history_events"]
            about_update = lease.task["workflow_update_id"] is not None
            end = None if about_update or worker.open_batch(history) else "complete_workflow"
            self.complete(lease, Plan("complete", [], end))
        for held in filter(self.model.holds, self.model.activity_tasks):
            self.report_activity(held, "complete")
        while (lease := self.claim_activity()) is not None:
            self.report_activity(lease, "complete")
        for run in self.model.open_runs():
            described = self.served.get(f"/workflows/{run.workflow_id}").need()
            if described["wait_kind"] == "condition":
                self.served.post(f"/workflows/{run.workflow_id}/signal/s").need(202)
        self.pass_time(61)
