"""One run: its history, the machine that replays it, and what its commands bring about."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from durable_workflow._kernel import Machine, Start
from durable_workflow._kernel.places import Place
from durable_workflow._wire import names
from durable_workflow.testing._records import WorkflowRunRecord
from durable_workflow.testing._simulation.activities import ActivityExecution
from durable_workflow.testing._simulation.agenda import later
from durable_workflow.testing._simulation.children import ChildExecution
from durable_workflow.testing._simulation.history import History, written
from durable_workflow.testing._simulation.limits import refuse_too_long
from durable_workflow.testing._simulation.payloads import CODEC, decoded, encoded
from durable_workflow.testing._simulation.steps import Batch, OpenWait, Step
from durable_workflow.workflow import Command, commands_to_server_commands

if TYPE_CHECKING:
    from durable_workflow.testing._simulation.chain import Chain

TASK_QUEUE: Final = "default"
log = logging.getLogger("durable_workflow.testing")


class SimulatedRun:
    """One run of a chain.

    Attributes:
        chain: What it is a link of.
        workflow_cls: The class that it runs.
        arguments: Decoded positional arguments.
        run_id: Its id.
        record: What the environment shows of it.
        closed: It has ended.
        search_attributes: Those that the code has set.
        tasks: How many tasks the worker has done for it.
    """

    def __init__(
        self, chain: "Chain", workflow_cls: type, arguments: Mapping[str, str], run_id: str
    ) -> None:
        self.chain = chain
        self.simulation = chain.simulation
        self.workflow_cls = workflow_cls
        self.arguments: list[Any] = decoded(arguments)
        self.run_id = run_id
        self.record = WorkflowRunRecord(type_name(workflow_cls), self.arguments)
        self.closed = False
        self.search_attributes: dict[str, Any] = {}
        self.tasks = 0
        self._input = arguments
        self._history = History(run_id, self.record.history)
        self._machine: Machine | None = None
        self._batch = Batch()
        self._wait: OpenWait | None = None
        self._woken_by: dict[str, Any] = {}  # the signal that woke the code, as events say it
        self._sequence = 0
        self._appliers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            names.SCHEDULE_ACTIVITY: self._schedule_activity,
            names.START_TIMER: self._start_timer,
            names.START_CHILD_WORKFLOW: self._start_child,
            names.OPEN_CONDITION_WAIT: self._open_wait,
            names.RECORD_SIDE_EFFECT: self._record_side_effect,
            names.RECORD_VERSION_MARKER: self._record_version,
            names.UPSERT_SEARCH_ATTRIBUTES: self._upsert_search_attributes,
        }

    # --- from outside ---------------------------------------------------------------------

    def begin(self) -> None:
        """Write the first event. The first task comes with `wake`."""
        self.append(
            names.WORKFLOW_STARTED,
            {
                "workflow_class": self.record.workflow_type,
                "workflow_type": self.record.workflow_type,
                "workflow_instance_id": self.chain.workflow_id,
                "workflow_run_id": self.run_id,
                "input_envelope": dict(self._input),
                # As our server: `ctx.now()` moves with the events of this history.
                "timestamp": written(self.simulation.agenda.now),
                "clock": "event",
            },
        )

    def wake(self) -> None:
        """Have the worker do a task for this run."""
        self.simulation.wake(self)

    def append(self, event_type: str, payload: dict[str, Any]) -> None:
        """Record an event at the present moment."""
        self._history.append(event_type, payload, self.simulation.agenda.now)

    def receive_signal(self, name: str, arguments: Sequence[Any]) -> None:
        """Record a signal."""
        value = encoded(list(arguments))
        self.append(
            names.SIGNAL_RECEIVED,
            {"signal_name": name, "value": value, "payload_codec": value["codec"]},
        )
        # Elsewhere it cannot change what the code yields: it is applied with the next task.
        if self._wait is not None or not self.tasks:
            self._woken_by = self._woken_by or {"signal_name": name}
            self.wake()

    def resolve(self, step: Step, event_type: str, payload: dict[str, Any]) -> None:
        """Answer a step; the code goes on when all of its batch are answered."""
        events = self._batch.answer(step, (event_type, payload | {"sequence": step.sequence}))
        for event in events:
            self.append(*event)
        if events:
            self.wake()

    def next_sequence(self) -> int:
        """The number of the next command."""
        self._sequence += 1
        return self._sequence

    def drop_machine(self) -> None:
        """Forget what was replayed, as a worker does that dies: the next task begins anew."""
        machine, self._machine = self._machine, None
        if machine is not None:
            machine.close()

    def new_machine(self) -> Machine:
        """A machine for this run that has seen nothing."""
        start = Start(
            workflow_id=self.chain.workflow_id,
            run_id=self.run_id,
            arguments=self.arguments,
            payload_codec=CODEC,
            converts=self.simulation.mocks.converts,
        )
        return Machine(self.workflow_cls, start)

    def close(self) -> None:
        """End the run: what it has open is not done any more."""
        self.closed = True
        self._batch = Batch()
        self._forget_wait()
        self.drop_machine()

    # --- a task ---------------------------------------------------------------------------

    def do_task(self) -> None:
        """Replay what is new, and do what the code asks for."""
        self.tasks += 1
        commands = self._decide()
        self._log_passed()
        wire = commands_to_server_commands(commands, TASK_QUEUE, size_warning=None)
        refuse_too_long(wire)
        self._settle_wait(wire)
        known = len(self._batch)
        for command, fields in zip(commands, wire, strict=True):
            kind = fields["type"]
            if known and kind in names.STEP_COMMAND_TYPES:
                known -= 1  # The code says again what it waits for.
            elif kind in self._appliers:
                self._appliers[kind](fields)
            else:
                self.chain.end_run(self, command, fields)
        self._woken_by = {}
        if commands and not self._batch and self._wait is None and not self.closed:
            self.wake()  # The code only recorded something, and can go on.

    @property
    def places(self) -> tuple[Place, ...]:
        """The lines at which the code stands, or at which it ended."""
        return () if self._machine is None else self._machine.standing.places

    @property
    def wait_fields(self) -> dict[str, Any] | None:
        """What the open condition wait was recorded with; None where there is none."""
        return None if self._wait is None else self._wait.fields

    def _decide(self) -> list[Command]:
        new = self._history.take_new()
        machine = self._machine
        if machine is not None:
            machine.feed(new)
            if not machine.stale:
                return machine.advised_commands()
            self.drop_machine()
        self._machine = machine = self.new_machine()
        machine.feed(self._history.events)
        return machine.advised_commands()

    def _log_passed(self) -> None:
        """Log the signals that were not applied, as a worker does."""
        for signal in () if self._machine is None else self._machine.take_passed_signals():
            why = "its arguments do not fit: " * signal.has_handler + signal.reason
            log.warning(
                "signal %r of workflow %s was not applied: %s",
                signal.name,
                self.chain.workflow_id,
                why,
            )

    # --- waits ----------------------------------------------------------------------------

    def _settle_wait(self, wire: Sequence[Mapping[str, Any]]) -> None:
        """Record that the code went past the open wait, where it did."""
        wait, machine = self._wait, self._machine
        if wait is None or machine is None or machine.open_wait_id == wait.wait_id:
            return
        if wire and wire[0]["type"] == names.FAIL_WORKFLOW:
            return  # It may come from the predicate itself.
        timer = wait.timer[1]["timer_id"] if wait.timer is not None else None
        fields = wait.fields | {"timer_id": timer} | self._woken_by
        self.append(names.CONDITION_WAIT_SATISFIED, fields)
        self._forget_wait()

    def _open_wait(self, command: Mapping[str, Any]) -> None:
        if self._wait is not None:
            return
        sequence = self.next_sequence()
        timeout = command.get("timeout_seconds")
        self._wait = wait = OpenWait(
            {
                "condition_wait_id": f"wait-{sequence}",
                "condition_key": command.get("condition_key"),
                "condition_definition_fingerprint": command.get("condition_definition_fingerprint"),
                "sequence": sequence,
                "timeout_seconds": timeout,
            }
        )
        self.append(names.CONDITION_WAIT_OPENED, wait.fields)
        if timeout is None:
            return
        if timeout == 0:
            self.append(names.CONDITION_WAIT_TIMED_OUT, wait.fields)
            self._wait = None
            self.wake()
            return
        fields = wait.fields | self._timer_fields(sequence, timeout)
        fields["timer_kind"] = names.CONDITION_TIMEOUT
        del fields["timeout_seconds"]
        self.append(names.TIMER_SCHEDULED, fields)
        due = self.simulation.agenda.after(timeout, lambda: self._wait_timed_out(wait, fields))
        wait.timer = due, fields

    def _wait_timed_out(self, wait: OpenWait, fields: dict[str, Any]) -> None:
        if self._wait is wait and not self.closed:
            self._wait = None
            self.append(names.TIMER_FIRED, fields | {"fired_at": self._now()})
            self.wake()

    def _forget_wait(self) -> None:
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.cancel_timer(
                lambda fields: self.append(
                    names.TIMER_CANCELLED, fields | {"cancelled_at": self._now()}
                )
            )

    # --- other commands -------------------------------------------------------------------

    def _schedule_activity(self, command: Mapping[str, Any]) -> None:
        ActivityExecution(self, self._batch.open(self.next_sequence()), command).schedule()

    def _start_child(self, command: Mapping[str, Any]) -> None:
        ChildExecution(self, self._batch.open(self.next_sequence()), command).schedule()

    def _start_timer(self, command: Mapping[str, Any]) -> None:
        step = self._batch.open(self.next_sequence())
        fields = self._timer_fields(step.sequence, command["delay_seconds"])
        self.append(names.TIMER_SCHEDULED, fields)

        def fire() -> None:
            if not self.closed:
                self.resolve(step, names.TIMER_FIRED, fields | {"fired_at": self._now()})

        self.simulation.agenda.after(command["delay_seconds"], fire)

    def _timer_fields(self, sequence: int, delay_seconds: int) -> dict[str, Any]:
        return {
            "timer_id": f"timer-{sequence}",
            "sequence": sequence,
            "delay_seconds": delay_seconds,
            "fire_at": written(later(self.simulation.agenda.now, delay_seconds)),
        }

    def _record_side_effect(self, command: Mapping[str, Any]) -> None:
        self.append(
            names.SIDE_EFFECT_RECORDED,
            {
                "sequence": self.next_sequence(),
                "result": {"codec": CODEC, "blob": command["result"]},
                "payload_codec": CODEC,
            },
        )

    def _record_version(self, command: Mapping[str, Any]) -> None:
        fields = {key: value for key, value in command.items() if key != "type"}
        self.append(names.VERSION_MARKER_RECORDED, {"sequence": self.next_sequence(), **fields})

    def _upsert_search_attributes(self, command: Mapping[str, Any]) -> None:
        attributes: dict[str, Any] = command["attributes"]
        merged = {
            key: value
            for key, value in (self.search_attributes | attributes).items()
            if value is not None
        }
        self.search_attributes = merged
        self.append(
            names.SEARCH_ATTRIBUTES_UPSERTED,
            {"sequence": self.next_sequence(), "attributes": attributes, "merged": merged},
        )

    def _now(self) -> str:
        return written(self.simulation.agenda.now)


def type_name(workflow_cls: type) -> str:
    """The type's name on the wire; an undecorated class has its Python name."""
    return str(getattr(workflow_cls, "__workflow_name__", workflow_cls.__name__))
