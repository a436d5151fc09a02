"""The requests about schedules, and what they start by themselves."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from integration.model.activity_rules import ActivityRules
from integration.model.checked import Json
from integration.model.model import Run
from integration.model.schedules import Schedule

SCHEDULES = st.sampled_from(["daily", "nightly"])
OVERLAPS = st.sampled_from(
    ["skip", "allow_all", "buffer_one", "buffer_all", "cancel_other", "terminate_other"]
)
OVERRIDES = st.one_of(st.none(), st.none(), OVERLAPS)
MOST = st.sampled_from([None, None, 1, 3])


class ScheduleRules(ActivityRules):
    """Schedules, by hand and by the clock."""

    @rule(schedule_id=SCHEDULES, overlap=OVERLAPS, most=MOST)
    def create_schedule(self, schedule_id: str, overlap: str, most: int | None) -> None:
        body: Json = {
            "schedule_id": schedule_id,
            "spec": {"intervals": [{"every": "P10D"}]},
            "action": {"workflow_type": "t", "task_queue": "q"},
            "overlap_policy": overlap,
            "max_runs": most,
        }
        known = schedule_id in self.model.schedules
        self.expect(self.served.post("/schedules", body), 409 if known else 201)
        if not known:
            self.model.schedules[schedule_id] = Schedule(schedule_id, overlap, most)
            self.schedules_agree()

    @initialize(overlap=OVERLAPS, most=MOST)
    def begin_with_a_schedule(self, overlap: str, most: int | None) -> None:
        """What becomes of fires is said by what is there already."""
        self.create_schedule("daily", overlap, most)

    @precondition(lambda self: self.model.schedules)
    @rule(schedule_id=SCHEDULES, override=OVERRIDES, again=st.booleans())
    def trigger_schedule(self, schedule_id: str, override: str | None, again: bool) -> None:
        """Fire by hand, and again under the same idempotency key: it is one fire."""
        path, key = f"/schedules/{schedule_id}/trigger", self.next("key")
        body: Json = {} if override is None else {"overlap_policy": override}
        answer = self.served.post(path, body, key)
        schedule = self.model.schedules.get(schedule_id)
        if schedule is None:
            self.expect(answer, 404)
            return
        policy, running = override or schedule.overlap, self.latest(schedule)
        outcome = schedule.fire(policy, running=running is not None)
        told = answer.need()
        assert told["outcome"] == outcome, (schedule, running, told)
        if outcome == "triggered":
            self.fired(schedule, policy, told["workflow_id"], told["run_id"])
        if again:
            repeated = self.served.post(path, body, key).need()
            assert repeated == told, (told, repeated)
        self.schedules_agree()

    @precondition(lambda self: self.model.schedules)
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
        self.schedules_agree()

    @precondition(lambda self: self.model.schedules)
    @rule(schedule_id=SCHEDULES)
    def delete_schedule(self, schedule_id: str) -> None:
        known = self.model.schedules.pop(schedule_id, None)
        self.expect(self.served.delete(f"/schedules/{schedule_id}"), 200 if known else 404)

    @precondition(lambda self: any(map(self.latest, self.model.schedules.values())))
    @rule(verb=st.sampled_from(["cancel", "terminate"]))
    def end_what_was_started_last(self, verb: str) -> None:
        """A fire that has waited for that has its turn at once."""
        for run in filter(None, map(self.latest, [*self.model.schedules.values()])):
            self.end(run.workflow_id, verb)
        self.let_pass(1)

    def let_pass(self, seconds: float) -> None:
        """Have time pass, for the server and the model."""
        since = self.model.now
        self.served.pass_time(seconds)
        self.model.pass_time(seconds)
        self.adopt_fires(since)

    def latest(self, schedule: Schedule) -> Run | None:
        """The open run of the workflow that a schedule started last."""
        run = None if schedule.latest is None else self.model.current(schedule.latest)
        return None if run is None or run.closed else run

    def fired(self, schedule: Schedule, policy: str, workflow_id: str, run_id: str) -> None:
        """A fire has started a workflow; the one before may have been ended for it."""
        running, end = self.latest(schedule), schedule.ends_other(policy)
        if running is not None and end is not None:
            self.model.close(running, end)
        self.model.started(workflow_id, run_id)
        schedule.latest = workflow_id
        if schedule.is_over:
            del self.model.schedules[schedule.schedule_id]

    def adopt_fires(self, since: float) -> None:
        """Learn what the schedules have started in a time: as many workflows as they must."""
        new: dict[str, list[Json]] = {key: [] for key in self.model.schedules}
        for row in reversed(self.listed()):
            if row["run_id"] not in self.model.runs:
                new[self.schedule_of(row)].append(row)
        for schedule in list(self.model.schedules.values()):
            rows = new[schedule.schedule_id]
            running = self.latest(schedule) is not None
            must = schedule.fall_due(since, self.model.now, running=running)
            assert len(rows) == must, (schedule, must, rows)
            for row in rows:
                self.fired(schedule, schedule.overlap, row["workflow_id"], row["run_id"])
        self.schedules_agree()

    def schedule_of(self, row: Json) -> str:
        """The schedule that started a workflow, as its history tells."""
        path = f"/workflows/{row['workflow_id']}/runs/{row['run_id']}/history"
        events: list[Json] = self.served.get(path).need()["events"]
        [by] = [each["payload"] for each in events if each["event_type"] == "ScheduleTriggered"]
        schedule_id: str = by["schedule_id"]
        assert schedule_id in self.model.schedules, f"started by none that there is: {by}"
        return schedule_id

    def schedules_agree(self) -> None:
        """Each schedule is described as it is, and there is no other."""
        listed = {each["schedule_id"] for each in self.served.get("/schedules").need()["schedules"]}
        assert listed == self.model.schedules.keys(), (listed, self.model.schedules)
        for schedule in self.model.schedules.values():
            told = self.served.get(f"/schedules/{schedule.schedule_id}").need()
            shown = (told["paused"], told["remaining_actions"], told["latest_workflow_instance_id"])
            assert shown == (schedule.paused, schedule.remaining, schedule.latest), (schedule, told)
            waiting = told["info"]["buffered_actions"]
            assert len(waiting) == schedule.buffered, (schedule, waiting)
