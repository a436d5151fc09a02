"""What must hold after each request of a model check, and what its rules have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from integration.harness.histories import CLOSING, violations
from integration.harness.rows import stranded
from integration.harness.wire import Answer
from integration.model.model import MOST_ATTEMPTS, Lease, Model, Run
from integration.model.served import Served

Json = dict[str, Any]

PICKS: Final = st.integers(0, 15)


class CheckedServer(RuleBasedStateMachine):
    """One server, the model of it, and the comparison of the two."""

    def __init__(self) -> None:
        super().__init__()
        self.served = Served()
        self.model = Model(now=self.served.clock.now() / 1e6)
        self.numbers = 0
        self.failed = True
        # The histories of closed runs, as they were when they were first seen closed.
        self.kept: dict[str, list[Json]] = {}
        self.served.work("register", runtime="python").need(201)
        self.served.post("/search-attributes", {"name": "tag", "type": "keyword"}).need(201)
        self.failed = False

    @invariant()
    def lists_agree(self) -> None:
        """Every run is listed, open or as it ended, and no other.

        One that is shown as waiting has no task: whatever a worker must know it has been told.
        """
        rows = {row["run_id"]: row["status"] for row in self.listed()}
        listed = {run_id: shown(status) for run_id, status in rows.items()}
        expected = {run.run_id: run.status for run in self.model.runs.values()}
        assert listed == expected, _different(expected, listed)
        for run in self.model.open_runs():
            waits = rows[run.run_id] == "waiting"
            assert not (waits and self.model.needs_task(run)), f"waits and has news: {run}"

    @invariant()
    def everything_open_will_be_moved(self) -> None:
        """Each run that is open has a task, a step that is open, or a wait."""
        assert not (found := stranded(self.served.rows)), found

    @invariant()
    def histories_of_closed_runs_are_sound(self) -> None:
        """Looked at once when a run has ended, and once more at the end of all."""
        for run in self.model.runs.values():
            if run.closed and run.run_id not in self.kept:
                history = self.history(run)
                assert not violations(history), (run, violations(history))
                self.failures_are_final(history)
                self.kept[run.run_id] = history

    def failures_are_final(self, history: list[Json]) -> None:
        """No activity has failed before its last attempt."""
        for event in history:
            if event["event_type"] == "ActivityFailed":
                failed = self.model.tries[event["payload"]["activity_execution_id"]]
                assert failed == MOST_ATTEMPTS, f"failed after {failed} attempts: {event}"

    def next(self, word: str) -> str:
        """A name that was not used before."""
        self.numbers += 1
        return f"{word}-{self.numbers}"

    def workflow(self, pick: int) -> str:
        """A workflow id: one that has runs, or one that has none."""
        return chosen([*self.model.workflows, "nobody"], pick)

    def current(self, workflow_id: str) -> Run:
        """The current run of a workflow id that has one."""
        run = self.model.current(workflow_id)
        assert run is not None, f"{workflow_id} has no run, but {list(self.model.workflows)} have"
        return run

    def lease(self, pick: int) -> Lease:
        """One of the last tasks that the worker was given: its own still, or not any more."""
        recent = self.model.workflow_tasks[-4:]
        return recent[-1 - pick % len(recent)]

    def listed(self) -> list[Json]:
        """All runs, newest first."""
        answer = self.served.get("/workflows?page_size=200").need()
        rows: list[Json] = answer["workflows"]
        assert answer["next_page_token"] is None, f"more than {len(rows)} runs"
        return rows

    def history(self, run: Run) -> list[Json]:
        """The events of a run."""
        path = f"/workflows/{run.workflow_id}/runs/{run.run_id}/history"
        events: list[Json] = self.served.get(path).need()["events"]
        sequences = [event["sequence"] for event in events]
        assert sequences == list(range(1, len(events) + 1)), (run, sequences)
        closing = CLOSING.intersection(each["event_type"] for each in events)
        assert run.closed == bool(closing), (run, closing)
        return events

    def expect(self, answer: Answer, status: int) -> Json:
        """The body of an answer that must have this status."""
        return answer.need(status)


def chosen(among: Iterable[str], pick: int) -> str:
    """One of them."""
    names = list(among)
    return names[pick % len(names)]


def _different(expected: dict[str, str], listed: dict[str, str]) -> str:
    """Which runs are not listed as they should be."""
    runs = sorted(expected.keys() | listed.keys())
    pairs = {run_id: (expected.get(run_id), listed.get(run_id)) for run_id in runs}
    wrong = {run_id: pair for run_id, pair in pairs.items() if pair[0] != pair[1]}
    return f"status expected and listed, by run: {wrong}"


def shown(status: str) -> str:
    """A status of the wire as the model has it."""
    return status if status in ("completed", "failed", "cancelled", "terminated") else "open"
