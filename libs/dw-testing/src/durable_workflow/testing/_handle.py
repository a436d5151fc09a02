"""A workflow that a test drives step by step."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from durable_workflow._kernel import Machine
from durable_workflow._wire import names
from durable_workflow._wire.texts import failure_message
from durable_workflow.errors import QueryFailed, UpdateRejected, error_for
from durable_workflow.testing._simulation.agenda import in_seconds, later
from durable_workflow.testing._simulation.calls import resolved
from durable_workflow.testing._simulation.chain import Chain
from durable_workflow.testing._simulation.payloads import CODEC, argument_list, decoded, encoded
from durable_workflow.testing._simulation.run import SimulatedRun
from durable_workflow.testing._simulation.simulation import Simulation, stuck_on
from durable_workflow.workflow import CompleteUpdate, apply_update, query_state


class WorkflowStuck(RuntimeError):
    """A workflow waits for something that will never happen in this test."""


class WorkflowTestHandle:
    """A workflow that `WorkflowEnvironment.start_workflow` has started.

    It has run until it waits for time to pass or for something from outside. Each method lets it
    go on as far as it can at that moment; time passes with `advance` and `result` alone.

    Example::

        run = env.start_workflow(Approval, "order-42")
        run.advance(timedelta(days=2))
        assert run.query("status") == "reminded"
        run.signal("approve", ["alice"])
        assert run.result() == {"approved_by": "alice"}
    """

    def __init__(self, simulation: Simulation, chain: Chain) -> None:
        self._simulation = simulation
        self._chain = chain
        self._update_ids = (f"update-{number}" for number in itertools.count(1))

    @property
    def run_id(self) -> str:
        """Id of the run that is open, or of the last one."""
        return self._chain.current.run_id

    @property
    def is_closed(self) -> bool:
        """Whether the workflow has ended."""
        return self._chain.end is not None

    @property
    def history(self) -> list[dict[str, Any]]:
        """Events of the run that is open, or of the last one, as a copy."""
        return list(self._chain.current.record.history)

    @property
    def search_attributes(self) -> dict[str, Any]:
        """Search attributes that the run has set, as a copy."""
        return dict(self._chain.current.search_attributes)

    def now(self) -> datetime:
        """The present moment of the simulated clock, aware."""
        return self._simulation.agenda.now

    def signal(self, name: str, args: Sequence[Any] | None = None) -> None:
        """Send a signal, and let the workflow go on.

        Args:
            name: The signal's name on the wire.
            args: Positional arguments of its handler.
        Raises:
            DurableWorkflowError: The workflow has ended.
        """
        self._require_open("signal")
        self._chain.signal(name, argument_list(args, f"signal {name!r}"))
        self._go_on()

    def query(self, name: str, args: Sequence[Any] | None = None) -> Any:
        """Ask the workflow, also one that has ended.

        Args:
            name: The query's name on the wire.
            args: Positional arguments of its handler.
        Returns:
            The answer, decoded.
        Raises:
            QueryFailed: There is no such query, or its handler raised.
        """
        self._require_no_task("query")
        self._simulation.do_tasks()
        run = self._chain.current
        answer = query_state(
            run.workflow_cls,
            run.record.history,
            run.arguments,
            name,
            decoded(encoded(argument_list(args, f"query {name!r}"))),
            workflow_id=self._chain.workflow_id,
            run_id=run.run_id,
            payload_codec=CODEC,
        )
        try:
            return decoded(encoded(resolved(answer)))
        except (TypeError, ValueError) as error:
            raise QueryFailed(f"the answer of query {name!r} cannot be encoded: {error}") from error

    def update(self, name: str, args: Sequence[Any] | None = None) -> Any:
        """Send an update, have its handler run, and let the workflow go on.

        Args:
            name: The update's name on the wire.
            args: Positional arguments of its handler.
        Returns:
            What the handler returned, decoded.
        Raises:
            UpdateRejected: The validator refused it; history has nothing of it.
            DurableWorkflowError: The handler failed, there is none, or the workflow has ended.
        """
        self._require_no_task("update")
        self._simulation.do_tasks()
        self._require_open("update")
        run = self._chain.current
        arguments = encoded(argument_list(args, f"update {name!r}"))
        _validate(run, name, decoded(arguments))
        result = self._apply_update(run, name, arguments)
        self._go_on()
        return result

    def advance(self, length: float | timedelta) -> None:
        """Let time pass, and do what falls due meanwhile.

        Args:
            length: How long; a number is in seconds.
        """
        self._require_no_task("advance")
        simulation = self._simulation
        until = later(simulation.agenda.now, in_seconds(length))
        simulation.settle()
        while simulation.jump(until):
            pass
        simulation.agenda.advance_to(until)

    def cancel(self, reason: str | None = None) -> None:
        """Cancel the workflow, as a client does: its run is closed at once."""
        self._simulation.when_idle(lambda: self._chain.cancel(reason))

    def terminate(self, reason: str | None = None) -> None:
        """Terminate the workflow, as a client does: its run is closed at once."""
        self._simulation.when_idle(lambda: self._chain.terminate(reason))

    def kill_worker(self) -> None:
        """Let the worker die.

        The workflow is rebuilt from its history when it goes on, as on the next worker; the
        activity whose mock calls this is run again.
        """
        self._simulation.kill_worker()

    def result(self) -> Any:
        """Let the workflow run to its end, skipping time, and return its result.

        Raises:
            WorkflowFailed: It failed.
            WorkflowCancelled: It was cancelled.
            WorkflowTerminated: It was terminated.
            WorkflowStuck: It waits for what will never happen.
            KeyError: It asked for an activity or a child that has no mock.
            RuntimeError: It took more iterations, or links, than the environment allows.
            NonDeterministicReplayError: A replay of its history does something else.
        """
        self._require_no_task("result")
        simulation, chain = self._simulation, self._chain
        simulation.settle()
        while chain.end is None:
            if not simulation.jump():
                raise _stuck(chain.current)
        return chain.result()

    # --- inside ---------------------------------------------------------------------------

    def _apply_update(self, run: SimulatedRun, name: str, arguments: dict[str, str]) -> Any:
        fields = {"update_id": next(self._update_ids), "update_name": name}
        run.append(
            names.UPDATE_ACCEPTED,
            fields | {"arguments": arguments, "payload_codec": arguments["codec"]},
        )
        outcome = apply_update(
            run.workflow_cls,
            run.record.history,
            run.arguments,
            fields["update_id"],
            workflow_id=self._chain.workflow_id,
            run_id=run.run_id,
            payload_codec=CODEC,
        )
        sequence = run.next_sequence()
        if not isinstance(outcome, CompleteUpdate):
            failure = {
                "exception_type": outcome.exception_type,
                "exception_class": outcome.exception_class,
                "message": outcome.message,
            }
            run.append(names.UPDATE_COMPLETED, fields | {"sequence": sequence} | failure)
            body = {"reason": "update_failed", **failure}
            raise error_for(422, body, context=self._chain.workflow_id)
        result = encoded(outcome.result)
        applied = {"sequence": sequence, "arguments": arguments, "payload_codec": CODEC}
        run.append(names.UPDATE_APPLIED, fields | applied)
        run.append(names.UPDATE_COMPLETED, fields | {"sequence": sequence, "result": result})
        run.wake()
        return decoded(result)

    def _go_on(self) -> None:
        if not self._simulation.in_task:
            self._simulation.do_tasks()

    def _require_open(self, what: str) -> None:
        if self._chain.end is not None:
            body = {"reason": "run_not_active", "message": f"{what}: the workflow has ended"}
            raise error_for(409, body, context=self._chain.workflow_id)

    def _require_no_task(self, what: str) -> None:
        if self._simulation.in_task:
            raise RuntimeError(f"{what}() was called by the workflow's own code")


def _validate(run: SimulatedRun, name: str, arguments: list[Any]) -> None:
    """Ask the update's validator on a replay that is thrown away, as nothing of it may stay."""
    machine: Machine = run.new_machine()
    try:
        machine.feed(run.record.history)
        try:
            machine.validate(name, arguments)
        except Exception as error:
            raise UpdateRejected(failure_message(error)) from error
    finally:
        machine.close()


def _stuck(run: SimulatedRun) -> WorkflowStuck:
    handlers = {
        *getattr(run.workflow_cls, "__workflow_signals__", {}),
        *getattr(run.workflow_cls, "__workflow_updates__", {}),
    }
    listed = ", ".join(repr(name) for name in sorted(handlers)) or "none"
    return WorkflowStuck(
        f"workflow {run.record.workflow_type!r} waits for {stuck_on(run)}, and nothing is left "
        "that could happen: no timer is due, no signal is queued. Send what it waits for with "
        f"env.signal(...) or env.after(...) (its signals and updates: {listed})"
    )
