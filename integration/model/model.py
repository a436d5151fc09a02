"""What a server must hold after the requests that it has answered: no more than callers can see.

The model reads no history and knows no events. It knows of each workflow id which runs there are,
which of them is open and how the others ended, who holds which task until when, which signals and
updates no worker has seen yet, and what follows from that for the status of the next answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from integration.model.schedules import Schedule

Json = dict[str, Any]

OPEN: Final = "open"
WORKFLOW_LEASE: Final = 30.0
ACTIVITY_LEASE: Final = 300.0
# Of activities.
MOST_ATTEMPTS: Final = 2
RETENTION: Final = 30 * 86_400.0
# What a signal or an update is answered that was accepted.
COMMANDED: Final = 202
# What a report of a task is answered that is not the reporter's any more.
FENCED: Final = frozenset({404, 409})


@dataclass
class Run:
    """One run.

    Attributes:
        status: `OPEN`, or how it ended.
        policy: What becomes of it when its parent closes; None where nothing does.
        deadline: When it times out.
        waits: Its worker waits for a signal, for so long or for ever.
        signals: Those that no completed task has seen, by their command ids.
        updates: Those that are accepted and have no outcome, by their ids.
        hosts_activity: It is that of an activity which no workflow started.
        attempt_seconds: How long an attempt of that activity may take.
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
    waits: bool = False
    signals: set[str] = field(default_factory=set[str])
    updates: set[str] = field(default_factory=set[str])
    hosts_activity: bool = False
    attempt_seconds: float | None = None

    @property
    def closed(self) -> bool:
        return self.status != OPEN


@dataclass
class Lease:
    """A task that was given to the worker, as it came.

    Attributes:
        until: When it is somebody else's.
        ends: When the attempt has failed, however often its lease is renewed.
        over: A report of it was accepted, or its attempt has ended.
    """

    task: Json
    run_id: str
    until: float
    ends: float | None = None
    over: bool = False


@dataclass
class Command:
    """A signal or an update that was accepted, and how it was sent.

    Attributes:
        path: Behind that of its workflow.
        command_id: What it was answered with.
        update_id: Of an update.
        status: Of an update: `accepted`, or how it ended.
        is_shown: Whether a history has it, or will: not where a worker has ended the run meanwhile.
        is_known: Whether the server must know it still: retention removes commands with their runs.
    """

    workflow_id: str
    run_id: str
    path: str
    body: Json
    command_id: str
    update_id: str | None = None
    status: str = "accepted"
    is_shown: bool = True
    is_known: bool = True


@dataclass
class Model:
    """Everything that was acknowledged.

    Attributes:
        now: The server's time, in seconds since 1970.
        runs: By id, in the order of their starts.
        known: The ids of all runs that there were, those too that retention has removed.
        workflows: The run ids of each workflow id, oldest first.
        starts: By idempotency key, the path and the body of the start and the run of its answer.
        tries: By the id of an activity's execution, how many of its attempts have failed.
        commands: Signals and updates, by their command ids, in the order in which they came.
    """

    now: float
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    known: set[str] = field(default_factory=set[str])
    workflows: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    workflow_tasks: list[Lease] = field(default_factory=list[Lease])
    activity_tasks: list[Lease] = field(default_factory=list[Lease])
    schedules: dict[str, Schedule] = field(default_factory=dict[str, Schedule])
    starts: dict[str, tuple[str, Json, str]] = field(
        default_factory=dict[str, tuple[str, Json, str]]
    )
    tries: Counter[str] = field(default_factory=Counter[str])
    commands: dict[str, Command] = field(default_factory=dict[str, Command])

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
        # No code would hear it where an activity is alone.
        if run is None or (accepted == COMMANDED and run.hosts_activity and not run.closed):
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
        return not lease.over and lease.until > self.now and self.is_open(lease.run_id)

    def is_open(self, run_id: str) -> bool:
        """Whether a run has not ended: one that retention has removed had ended."""
        run = self.runs.get(run_id)
        return run is not None and not run.closed

    def open_runs(self) -> list[Run]:
        """The runs that have not ended."""
        return [run for run in self.runs.values() if not run.closed]

    def held_runs(self) -> list[str]:
        """The workflows whose tasks a worker holds."""
        held = filter(self.holds, self.workflow_tasks)
        return [self.runs[lease.run_id].workflow_id for lease in held]

    def open_workflows(self) -> list[Run]:
        """Those of them that code decides on."""
        return [run for run in self.open_runs() if not run.hosts_activity]

    def children(self, run: Run) -> list[Run]:
        """The runs that a run started as its children."""
        return [child for child in self.runs.values() if child.parent == run.run_id]

    def needs_task(self, run: Run) -> bool:
        """Whether a worker must be told something: there is a task of the run, ready or leased."""
        return bool(run.updates or (run.waits and run.signals))

    def may_wait_on(self, run: Run) -> bool:
        """Whether nothing but a caller will move a run: it waits, or its children do."""
        if self.needs_task(run):
            return False
        return run.waits or any(
            not child.closed and self.may_wait_on(child) for child in self.children(run)
        )

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
        self.known.add(run_id)
        self.workflows.setdefault(workflow_id, []).append(run_id)
        return run

    def commanded(self, run: Run, command: Command) -> None:
        """A signal or an update was accepted."""
        self.commands[command.command_id] = command
        if command.update_id is None:
            run.signals.add(command.command_id)
        else:
            run.updates.add(command.update_id)

    def updated(self, run: Run, update_id: str, status: str) -> None:
        """An update has an outcome."""
        run.updates.remove(update_id)
        self._update(update_id).status = status

    def close(self, run: Run, status: str, *, by_worker: bool = False) -> None:
        """A run has ended, and its children do as their policies say.

        Its updates have failed. What its worker had not seen is told in its history, but not where
        the worker itself has ended it: a replay must come to that end again.
        """
        self._end(run, status)
        for update_id in set(run.updates):
            self._update(update_id).is_shown = not by_worker
            self.updated(run, update_id, "failed")
        for command_id in run.signals:
            self.commands[command_id].is_shown = not by_worker
        for child in self.children(run):
            if not child.closed and child.policy in ("terminate", "request_cancel"):
                ended = "terminated" if child.policy == "terminate" else "cancelled"
                self.close(child, ended)

    def continue_as_new(self, run: Run, run_id: str) -> None:
        """A run has ended, and another of its workflow id goes on; its children are left alone."""
        self._end(run, "completed")
        following = self.started(run.workflow_id, run_id, parent=run.parent, policy=run.policy)
        following.deadline = run.deadline
        # What nobody has seen yet goes to the next run.
        following.signals, following.updates = run.signals, run.updates

    def pass_time(self, seconds: float) -> None:
        """Time has passed, and what fell due is done."""
        self.now += seconds
        for lease in self.activity_tasks:
            overran = lease.ends is not None and lease.ends <= self.now
            if overran and not lease.over and self.is_open(lease.run_id):
                lease.over = True
                self.failed(lease)
        for run in self.open_runs():
            if run.deadline is not None and run.deadline <= self.now and not run.closed:
                self.close(run, "failed")

    def failed(self, lease: Lease) -> None:
        """An attempt of an activity has failed; the last one that may is the end of a lone one."""
        execution = lease.task["activity_execution_id"]
        self.tries[execution] += 1
        run = self.runs[lease.run_id]
        if run.hosts_activity and self.tries[execution] == MOST_ATTEMPTS:
            self.close(run, "failed")

    def free_all(self) -> None:
        """The worker has said goodbye: nobody holds any task."""
        for lease in [*self.workflow_tasks, *self.activity_tasks]:
            lease.over = True

    def restarted(self, grace: float) -> None:
        """The server has started: what is held is held for so long at least."""
        for lease in [*self.workflow_tasks, *self.activity_tasks]:
            if self.holds(lease):
                lease.until = max(lease.until, self.now + grace)

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
        self.starts = {key: known for key, known in self.starts.items() if known[2] != run_id}
        # A command may have gone on with its workflow, from run to run.
        for command in self.commands.values():
            if command.workflow_id == run.workflow_id:
                command.is_known = False

    def _update(self, update_id: str) -> Command:
        return next(each for each in self.commands.values() if each.update_id == update_id)

    def _end(self, run: Run, status: str) -> None:
        assert not run.closed, f"a run ends once, and then as {status}: {run}"
        run.status, run.closed_at = status, self.now
