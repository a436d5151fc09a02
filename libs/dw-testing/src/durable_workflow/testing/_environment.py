"""Running workflow code to its end in one process: no server, no worker, no waiting."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from durable_workflow.testing._handle import WorkflowTestHandle
from durable_workflow.testing._mocks import Mocks, Raise, TimeOut, injected
from durable_workflow.testing._records import WorkflowRunRecord
from durable_workflow.testing._simulation.agenda import in_seconds
from durable_workflow.testing._simulation.chain import Chain
from durable_workflow.testing._simulation.payloads import argument_list, encoded
from durable_workflow.testing._simulation.simulation import Simulation

_TIMEOUTS = frozenset({"start_to_close", "schedule_to_start", "schedule_to_close", "heartbeat"})


@dataclass(frozen=True, slots=True)
class _Queued:
    """A signal for a run that has not begun."""

    name: str
    arguments: Sequence[Any]
    run: int | None


class WorkflowEnvironment:
    """Runs workflows against mocks of their activities and children.

    Code is replayed as by a worker. Time is simulated: timers, retries and timeouts take none, and
    `ctx.now()` moves by what they would have taken. Arguments and results are encoded and decoded
    on their way, so that mocks and workflows see what they would see in production.

    Example::

        def test_order_is_shipped() -> None:
            env = WorkflowEnvironment()
            env.register_activity_result("charge", "charge-1")
            env.register_activities(ship)  # the real one
            assert env.execute_workflow(OrderWorkflow, "order-42") == "shipped"
    """

    def __init__(
        self,
        *,
        iteration_limit: int = 1000,
        continue_as_new_limit: int = 50,
        start_time: datetime | None = None,
        check_determinism: bool = True,
        convert_arguments: bool = True,
    ) -> None:
        """Make an environment without mocks.

        Args:
            iteration_limit: Most times that the code of one run is gone on with.
            continue_as_new_limit: Most runs of one chain.
            start_time: When each workflow starts, aware; None for the present moment.
            check_determinism: Replay each run once more from its history when it ends, and raise
                `NonDeterministicReplayError` where that gives something else. The code of the
                workflow runs twice for it.
            convert_arguments: As `Worker` is told that runs this in production.
        Raises:
            ValueError: A limit is below 1, or `start_time` has no time zone.
        """
        for name, limit in (
            ("iteration_limit", iteration_limit),
            ("continue_as_new_limit", continue_as_new_limit),
        ):
            if limit < 1:
                raise ValueError(f"{name} must be at least 1, got {limit}")
        self._iteration_limit = iteration_limit
        self._continue_as_new_limit = continue_as_new_limit
        if start_time is not None and start_time.tzinfo is None:
            raise ValueError("start_time must be aware: give it a tzinfo, such as UTC")
        self._start_time = start_time
        self._check_determinism = check_determinism
        self._mocks = Mocks(converts=convert_arguments)
        self._workflows: dict[str, type] = {}
        self._queued: list[_Queued] = []
        self._later: list[tuple[float, Callable[[WorkflowTestHandle], object]]] = []
        self._runs: list[WorkflowRunRecord] = []
        self._handle: WorkflowTestHandle | None = None
        self._chain: Chain | None = None

    # --- mocks ----------------------------------------------------------------------------

    def register_activity_result(
        self, name: str, result: Any, *, takes: float | timedelta = 0.0
    ) -> None:
        """Answer every call of an activity with the same value.

        Args:
            name: The activity's name.
            result: The value; it must encode.
            takes: How long an attempt takes, in simulated time; a number is in seconds.
        """
        self._mocks.add_activity_result(name, result, in_seconds(takes))

    def register_activity(
        self, name: str, fn: Callable[..., Any], *, takes: float | timedelta = 0.0
    ) -> None:
        """Call a function for every attempt of an activity.

        What it raises fails the attempt: it is retried as the workflow's policy says, and then
        `ActivityFailed` in the workflow. It may be a coroutine function, and use
        `activity.context()`.

        Args:
            name: The activity's name.
            fn: Called with the activity's arguments; wins over a canned result.
            takes: How long an attempt takes, in simulated time; a number is in seconds.
        """
        self._mocks.add_activity(name, fn, in_seconds(takes))

    def register_activities(self, *functions: Callable[..., Any]) -> None:
        """Run real activities, under the names that `activity.defn` gave them."""
        for function in functions:
            name = getattr(function, "__activity_name__", None)
            if not isinstance(name, str):
                hint = (
                    ": give the functions one by one" if isinstance(function, list | tuple) else ""
                )
                raise TypeError(f"{function!r} is not decorated with activity.defn{hint}")
            self._mocks.add_activity(name, function, 0.0)

    def register_child_workflow_result(self, workflow_type: str, result: Any) -> None:
        """Answer every child workflow of a type with the same value."""
        self._mocks.add_child_result(workflow_type, result)

    def register_child_workflow(self, workflow_type: str, fn: Callable[..., Any]) -> None:
        """Call a function for every child workflow of a type; what it raises fails the child."""
        self._mocks.add_child(workflow_type, fn)

    def register_workflow(self, workflow_cls: type) -> None:
        """Make a class known by its type: as the next of a chain, and as a child to be run.

        Raises:
            TypeError: It is not decorated with `workflow.defn`.
        """
        name = getattr(workflow_cls, "__workflow_name__", None)
        if not isinstance(name, str):
            raise TypeError(f"{workflow_cls!r} is not decorated with workflow.defn")
        self._workflows[name] = workflow_cls

    # --- what happens meanwhile -----------------------------------------------------------

    def signal(
        self,
        name: str,
        args: list[Any] | None = None,
        run: int | None = None,
        *,
        after: float | timedelta | None = None,
    ) -> None:
        """Send a signal: before the workflow begins, or now if a mock calls this.

        Args:
            name: The signal's name on the wire.
            args: Positional arguments of its handler.
            run: Number of the run of a chain that gets it when it begins; 1 is the first.
            after: How long after the start, in simulated time; a number is in seconds.
        Raises:
            ValueError: `run` is below 1, or `after` is given with it.
            TypeError: `args` is no list.
        """
        arguments = argument_list(args, f"signal {name!r}")
        if run is not None and run < 1:
            raise ValueError(f"run must be at least 1, got {run}")
        if after is not None:
            if run is not None:
                raise ValueError("give either run or after: when a run begins is not known before")
            self.after(after, lambda handle: handle.signal(name, arguments))
        elif run is None and self._chain is not None and self._chain.end is None:
            self._chain.signal(name, arguments)
        else:
            self._queued.append(_Queued(name, arguments, run))

    def after(
        self, length: float | timedelta, action: Callable[[WorkflowTestHandle], object]
    ) -> None:
        """Do something at a chosen moment of the next workflow that is started.

        Example::

            env.after(timedelta(days=3), lambda run: run.update("set_address", ["Main St"]))

        Args:
            length: How long after the start, in simulated time; a number is in seconds.
            action: Called with the workflow's handle. What it raises leaves the environment.
        """
        self._later.append((in_seconds(length), action))

    def query(self, name: str, args: list[Any] | None = None) -> Any:
        """Ask the workflow that runs, or ran last: see `WorkflowTestHandle.query`."""
        return self._current().query(name, args)

    def now(self) -> datetime:
        """The present moment of the workflow that runs, or ran last."""
        return self._current().now()

    # --- faults ---------------------------------------------------------------------------

    def fail_next_activity(
        self, name: str, error: BaseException | None = None, *, times: int = 1
    ) -> None:
        """Let the next attempts of an activity fail, without calling its mock.

        Args:
            name: The activity's name.
            error: What they fail with; None for a `RuntimeError`.
            times: How many attempts.
        """
        self._mocks.add_fault(name, Raise(injected(error)), times)

    def time_out_next_activity(
        self, name: str, kind: str = "start_to_close", *, times: int = 1
    ) -> None:
        """Let the next attempts of an activity time out, without calling its mock.

        Args:
            name: The activity's name.
            kind: `start_to_close`, `schedule_to_start`, `schedule_to_close` or `heartbeat`.
            times: How many attempts.
        """
        if kind not in _TIMEOUTS:
            raise ValueError(f"kind must be one of {', '.join(sorted(_TIMEOUTS))}, got {kind!r}")
        self._mocks.add_fault(name, TimeOut(kind), times)

    def kill_worker(self) -> None:
        """Let the worker die: see `WorkflowTestHandle.kill_worker`. Also for mocks to call."""
        self._current().kill_worker()

    # --- running --------------------------------------------------------------------------

    @property
    def runs(self) -> list[WorkflowRunRecord]:
        """One record for each run of the workflow that was started last, as a copy."""
        return list(self._runs)

    @property
    def run_count(self) -> int:
        """How many runs that workflow had."""
        return len(self._runs)

    def execute_workflow(self, workflow_cls: type, *args: Any, run_id: str = "test-run") -> Any:
        """Run a workflow to its end, skipping time.

        Args:
            workflow_cls: The workflow class.
            *args: Positional arguments of `run`.
            run_id: Id of the first run, which seeds `ctx.random()` and `ctx.uuid4()`. Each
                further run of a chain appends `-continued`.
        Returns:
            The result of the last run.
        Raises:
            WorkflowFailed: The workflow failed.
            WorkflowStuck: It waits for what will never happen.
            KeyError: It asked for an activity, a child or a type that is not registered.
            RuntimeError: It took more iterations or links than allowed.
            TypeError: `workflow_cls` is no class, or an argument cannot be encoded.
            NonDeterministicReplayError: A replay of its history does something else.
        """
        return self._start(workflow_cls, args, run_id).result()

    def start_workflow(
        self, workflow_cls: type, *args: Any, run_id: str = "test-run"
    ) -> WorkflowTestHandle:
        """Start a workflow, and let it run until it waits.

        Args:
            workflow_cls: The workflow class.
            *args: Positional arguments of `run`.
            run_id: Id of the first run.
        Returns:
            What sends it signals, lets time pass, and waits for its result.
        """
        handle = self._start(workflow_cls, args, run_id)
        handle.advance(0)
        return handle

    def _start(self, workflow_cls: type, args: Sequence[Any], run_id: str) -> WorkflowTestHandle:
        given = cast("object", workflow_cls)
        if not isinstance(given, type):
            raise TypeError(f"give the workflow's class, not {given!r}")
        simulation = Simulation(
            self._mocks,
            self._workflows,
            start=self._start_time or datetime.now(UTC),
            iteration_limit=self._iteration_limit,
            continue_as_new_limit=self._continue_as_new_limit,
            checks_determinism=self._check_determinism,
        )
        self._chain = chain = Chain(
            simulation, workflow_id=run_id, on_link=lambda number: self._deliver(chain, number)
        )
        self._runs = chain.records
        self._handle = handle = WorkflowTestHandle(simulation, chain)
        planned, self._later = self._later, []
        for seconds, action in planned:
            simulation.agenda.after(seconds, functools.partial(_do, action, handle))
        simulation.start(chain, workflow_cls, encoded(list(args)), run_id)
        return handle

    def _deliver(self, chain: Chain, number: int) -> None:
        """Give a run that begins the signals that are queued for it."""
        mine = [queued for queued in self._queued if queued.run in (None, number)]
        self._queued = [queued for queued in self._queued if queued not in mine]
        # Those for any run first, then those for this one.
        for queued in sorted(mine, key=lambda queued: queued.run is not None):
            chain.current.receive_signal(queued.name, queued.arguments)

    def _current(self) -> WorkflowTestHandle:
        if self._handle is None:
            raise RuntimeError("no workflow was started in this environment")
        return self._handle


def _do(action: Callable[[WorkflowTestHandle], object], handle: WorkflowTestHandle) -> None:
    if not handle.is_closed:
        action(handle)
