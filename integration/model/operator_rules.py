"""The requests of operators, and time."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from integration.model.checked import PICKS, Json
from integration.model.schedule_rules import ScheduleRules
from integration.model.served import GRACE

_DAY: Final = 86_400
# Beside leases, rests and timeouts: a fire of a schedule, and more than the retention.
SECONDS = st.sampled_from([1, 4, 6, 31, 301, 3600, 10 * _DAY, 31 * _DAY])


class OperatorRules(ScheduleRules):
    """What operators do, and what happens by itself."""

    @rule(pick=PICKS)
    def archive(self, pick: int) -> None:
        workflow_id = self.workflow(pick)
        status = self.model.status_of_archive(workflow_id)
        self.expect(self.served.post(f"/workflows/{workflow_id}/archive"), status)
        if status == 200:
            self.current(workflow_id).archived = True

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: float) -> None:
        self.let_pass(seconds)

    @rule()
    def restart(self) -> None:
        self.served.restart()
        self.model.restarted(GRACE)

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
