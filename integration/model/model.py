"""What a server must hold after the requests that it has answered: no more than callers can see.

The model reads no history and knows no events. It knows of each workflow id which runs there are,
which of them is open and how the others ended, who holds which task until when, and what follows
from that for the status of the next answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

OPEN: Final = "open"
WORKFLOW_LEASE: Final = 30.0
ACTIVITY_LEASE: Final = 300.0
RETENTION: Final = 30 * 86_400.0
# Between two fires of a schedule; they are at whole multiples of it since 1970.
FIRES_EVERY: Final = 86_400.0
# What a report of a task is answered that is not the reporter's any more.
FENCED: Final = frozenset({404, 409})


@dataclass
class Run:
    """One run.

    Attributes:
        status: `OPEN`, or how it ended.
        policy: What becomes of it when its parent closes; None where nothing does.
        deadline: When it times out.
    """

    workflow_id: str
    run_id: str
    number: int
    status: str = OPEN
    parent: str | None = None
    policy: str | None = None
    deadline: float | None = None
    closed_at: float = 0
    archived: bool = False

    @property
    def closed(self) -> bool:
        return self.status != OPEN


@dataclass
class Lease:
    """A task that was given to the worker, as it came.

    Attributes:
        until: When it is somebody else's.
        over: A report of it was accepted.
    """

    task: Json
    run_id: str
    until: float
    over: bool = False


@dataclass
class Schedule:
    """A schedule.

    Attributes:
        latest: The workflow that it started last.
    """

    schedule_id: str
    overlap: str
    paused: bool = False
    latest: str | None = None


@dataclass
class Model:
    """Everything that was acknowledged.

    Attributes:
        now: The server's time, in seconds since 1970.
        runs: By id, in the order of their starts.
        workflows: The run ids of each workflow id, oldest first.
        starts: By idempotency key, the body of the start and the run that it was answered with.
    """

    now: float
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    workflows: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    workflow_tasks: list[Lease] = field(default_factory=list[Lease])
    activity_tasks: list[Lease] = field(default_factory=list[Lease])
    schedules: dict[str, Schedule] = field(default_factory=dict[str, Schedule])
    starts: dict[str, tuple[Json, str]] = field(default_factory=dict[str, tuple[Json, str]])

    # --- questions ------------------------------------------------------------------------

    def current(self, workflow_id: str) -> Run | None:
        """The run that commands on the workflow id go to."""
        ids = self.workflows.get(workflow_id)
        return self.runs[ids[-1]] if ids else None

    def status_of_start(self, workflow_id: str, policy: str) -> int:
        """What a start without a known idempotency key is answered."""
        run = self.current(workflow_id)
        if run is None or policy == "terminate_existing":
            return 201
        if policy == "use-existing":
            return 200
        return 201 if policy == "allow" and run.closed else 409

    def status_of_command(self, workflow_id: str, accepted: int) -> int:
        """What a command to the open run of a workflow id is answered."""
        run = self.current(workflow_id)
        if run is None:
            return 404
        return 409 if run.closed else accepted

    def status_of_archive(self, workflow_id: str) -> int:
        """What archiving is answered: it is for closed runs alone."""
        run = self.current(workflow_id)
        if run is None:
            return 404
        return 200 if run.closed else 409

    def holds(self, lease: Lease) -> bool:
        """Whether a report of a task must be accepted."""
        run = self.runs.get(lease.run_id)
        return not lease.over and lease.until > self.now and run is not None and not run.closed

    def open_runs(self) -> list[Run]:
        """The runs that have not ended."""
        return [run for run in self.runs.values() if not run.closed]

    def children(self, run: Run) -> list[Run]:
        """The runs that a run started as its children."""
        return [child for child in self.runs.values() if child.parent == run.run_id]

    def fires_between(self, schedule: Schedule, since: float) -> tuple[int, int]:
        """How many workflows a schedule may have started since then, at least and at most."""
        times = int(self.now // FIRES_EVERY) - int(since // FIRES_EVERY)
        latest = None if schedule.latest is None else self.current(schedule.latest)
        if schedule.paused or not times:
            return (0, 0)
        if schedule.overlap == "skip":
            running = latest is not None and not latest.closed
            return (0, 0) if running else (1, 1)
        return (1, times)

    # --- what has happened ----------------------------------------------------------------

    def started(
        self,
        workflow_id: str,
        run_id: str,
        *,
        deadline: float | None = None,
        parent: str | None = None,
        policy: str | None = None,
    ) -> Run:
        """A run of a workflow id has begun; the one before it, if it was open, has ended."""
        before = self.current(workflow_id)
        if before is not None and not before.closed:
            self.close(before, "terminated")
        number = 1 if before is None else before.number + 1
        run = Run(workflow_id, run_id, number, deadline=deadline, parent=parent, policy=policy)
        self.runs[run_id] = run
        self.workflows.setdefault(workflow_id, []).append(run_id)
        return run

    def close(self, run: Run, status: str) -> None:
        """A run has ended, and its children do as their policies say."""
        self._end(run, status)
        for child in self.children(run):
            if not child.closed and child.policy in ("terminate", "request_cancel"):
                ended = "terminated" if child.policy == "terminate" else "cancelled"
                self.close(child, ended)

    def continue_as_new(self, run: Run, run_id: str) -> None:
        """A run has ended, and another of its workflow id goes on; its children are left alone."""
        self._end(run, "completed")
        following = self.started(run.workflow_id, run_id, parent=run.parent, policy=run.policy)
        following.deadline = run.deadline

    def pass_time(self, seconds: float) -> None:
        """Time has passed, and what fell due is done."""
        self.now += seconds
        for run in self.open_runs():
            if run.deadline is not None and run.deadline <= self.now and not run.closed:
                self.close(run, "failed")

    def expired(self) -> set[str]:
        """The runs that retention removes now."""
        return {
            run.run_id
            for run in self.runs.values()
            if run.closed and not run.archived and run.closed_at < self.now - RETENTION
        }

    def removed(self, run_id: str) -> None:
        """Retention has removed a run."""
        run = self.runs.pop(run_id)
        ids = self.workflows[run.workflow_id]
        ids.remove(run_id)
        if not ids:
            del self.workflows[run.workflow_id]
        self.starts = {key: known for key, known in self.starts.items() if known[1] != run_id}

    def _end(self, run: Run, status: str) -> None:
        assert not run.closed, "a run ends once"
        run.status, run.closed_at = status, self.now
