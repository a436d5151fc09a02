"""Several runs on one clock: tasks are done at once, and then time jumps to what is due next."""

import functools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from durable_workflow.errors import ActivityFailed, ChildWorkflowFailed
from durable_workflow.testing._mocks import MissingMock, Mocks
from durable_workflow.testing._simulation.agenda import Agenda
from durable_workflow.testing._simulation.chain import Chain
from durable_workflow.testing._simulation.ends import Completed, End
from durable_workflow.testing._simulation.run import SimulatedRun, type_name
from durable_workflow.workflow import FailWorkflow, registry

_PASSED_ON = {ActivityFailed.__name__, ChildWorkflowFailed.__name__}


class Simulation:
    """Where the workflows of one execution run.

    Attributes:
        mocks: What stands in for activities and children.
        agenda: The clock, and what is due.
        continue_as_new_limit: Most runs of a chain.
        checks_determinism: Replay each run once more when it ends.
        worker: Number of the worker that lives; `kill_worker` brings the next.
    """

    def __init__(
        self,
        mocks: Mocks,
        workflows: Mapping[str, type],
        *,
        start: datetime,
        iteration_limit: int,
        continue_as_new_limit: int,
        checks_determinism: bool,
    ) -> None:
        self.mocks = mocks
        self.agenda = Agenda(start)
        self.continue_as_new_limit = continue_as_new_limit
        self.checks_determinism = checks_determinism
        self.worker = 1
        self._workflows = workflows
        self._iteration_limit = iteration_limit
        self._chains: list[Chain] = []
        self._ready: deque[SimulatedRun] = deque()
        self._in_task = False
        self._deferred: deque[Callable[[], None]] = deque()
        self._last_error: BaseException | None = None

    # --- driving --------------------------------------------------------------------------

    def settle(self) -> None:
        """Do all that is due at the present moment."""
        while True:
            self.do_tasks()
            due = self.agenda.next_at
            if due is None or due > self.agenda.now:
                return
            self.agenda.do_next()

    def jump(self, until: datetime | None = None) -> bool:
        """Go on to the next moment at which something is due, and do that.

        Args:
            until: Go no further than here; None for no end.
        Returns:
            False where nothing is due until then.
        """
        due = self.agenda.next_at
        if due is None or (until is not None and due > until):
            return False
        self.agenda.do_next()
        self.settle()
        return True

    def do_tasks(self) -> None:
        """Have the worker do the tasks that are ready, and those that come of them."""
        while self._ready and not self._in_task:
            run = self._ready.popleft()
            if run.closed:
                continue
            if run.tasks >= self._iteration_limit:
                raise RuntimeError(
                    f"workflow {run.record.workflow_type!r} did not end within "
                    f"{self._iteration_limit} iterations: raise "
                    "WorkflowEnvironment(iteration_limit=...) if it may take more"
                )
            self._in_task = True
            try:
                run.do_task()
            finally:
                self._in_task = False
            while self._deferred:
                self._deferred.popleft()()

    def wake(self, run: SimulatedRun) -> None:
        """Have a task done for a run."""
        if run not in self._ready:
            self._ready.append(run)

    def when_idle(self, action: Callable[[], None]) -> None:
        """Do something now, or after the task in which workflow code is running."""
        if self._in_task:
            self._deferred.append(action)
        else:
            action()

    @property
    def in_task(self) -> bool:
        """Whether code of a workflow is running."""
        return self._in_task

    # --- workflows ------------------------------------------------------------------------

    def start(
        self, chain: Chain, workflow_cls: type, arguments: Mapping[str, str], run_id: str
    ) -> None:
        """Start a workflow."""
        self._chains.append(chain)
        chain.start(workflow_cls, arguments, run_id)

    def start_child(
        self,
        workflow_cls: type,
        arguments: Mapping[str, str],
        *,
        workflow_id: str,
        run_id: str,
        limits: Sequence[tuple[str, int | None]],
        on_end: Callable[[Completed | End], None],
    ) -> None:
        """Start a child whose code is run. `limits` are its timeouts, in seconds."""
        chain = Chain(self, workflow_id=workflow_id, on_end=on_end)
        for kind, seconds in limits:
            if seconds is not None:
                self.agenda.after(seconds, functools.partial(chain.time_out, kind))
        self.start(chain, workflow_cls, arguments, run_id)

    def child_class(self, workflow_type: str) -> type | None:
        """The registered class of a child workflow, if its code is to be run."""
        return self._workflows.get(workflow_type)

    def next_class(self, workflow_type: str | None, current: type) -> type:
        """The class of the next run of a chain.

        Raises:
            MissingMock: No class has that type.
        """
        if workflow_type is None or workflow_type == type_name(current):
            return current
        found = self._workflows.get(workflow_type) or registry().get(workflow_type)
        if found is None:
            raise MissingMock(
                f"no workflow class for type {workflow_type!r}, which the workflow continued as: "
                "register it with env.register_workflow(...)"
            )
        return found

    # --- faults and errors ----------------------------------------------------------------

    def kill_worker(self) -> None:
        """Let the worker die: what it was doing is done again by the next one."""
        self.worker += 1

        def forget() -> None:
            for chain in self._chains:
                chain.current.drop_machine()

        self.when_idle(forget)

    def note_error(self, error: BaseException) -> None:
        """Remember what a mock raised: it may be what fails the workflow."""
        self._last_error = error

    def error_behind(self, command: FailWorkflow) -> BaseException | None:
        """The mock's exception behind a failure that the workflow let pass."""
        passed_on = command.exception_type in _PASSED_ON
        return self._last_error if passed_on else None


def stuck_on(run: SimulatedRun) -> Any:
    """What a run waits for, in words."""
    wait: dict[str, Any] | None = run.wait_fields
    if wait is None:
        return "something that never comes"
    key = wait.get("condition_key")
    return "a condition" if key is None else f"the condition {key!r}"
