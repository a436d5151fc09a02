"""The requests of operators, schedules, and time."""

from __future__ import annotations

from collections import Counter
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from integration.model.caller_rules import CallerRules
from integration.model.checked import PICKS, Json
from integration.model.model import Schedule

SCHEDULES = st.sampled_from(["daily", "nightly"])
_DAY: Final = 86_400
# Beside leases, rests and timeouts: a fire of a schedule, and more than the retention.
SECONDS = st.sampled_from([1, 4, 6, 31, 301, 3600, 10 * _DAY, 31 * _DAY])


class OperatorRules(CallerRules):
    """What operators do, and what happens by itself."""

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
            "spec": {"intervals": [{"every": "P10D"}]},
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
        outcome = "skipped" if schedule.paused or skips else "triggered"
        assert told["outcome"] == outcome, (schedule, running, told)
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
            latest = {self.latest_of(key): key for key in allowed}
            by = latest.get(row["workflow_id"])
            assert by is not None, f"no schedule's fire: {row}, but {latest}"
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

    @rule(pick=PICKS)
    def remove_runs(self, pick: int) -> None:
        """Remove one run that is named, or all that are expired: when asked, or by itself."""
        among = [
            *(run.run_id for run in self.model.runs.values() if run.archived),
            *self.model.runs,
            "expired",
            "by itself",
        ]
        named = among[-1 - pick % len(among)]
        if named == "by itself":
            gone = self.model.expired()
            self.served.retain()
        elif named == "expired":
            gone = self.model.expired()
            assert (pruned := self.pruned()) == gone, (pruned, gone)
        else:
            run = self.model.runs[named]
            gone = {named} if run.closed and not run.archived else set[str]()
            assert (pruned := self.pruned(named)) == gone, (run, pruned)
        for run_id in gone:
            self.model.removed(run_id)
            self.kept.pop(run_id, None)

    def pruned(self, *run_ids: str) -> set[str]:
        """Which runs a pass has removed."""
        body: Json = {"run_ids": list(run_ids)} if run_ids else {}
        told = self.served.post("/system/retention/pass", body).need()
        return {each["run_id"] for each in told["results"] if each["outcome"] == "pruned"}
