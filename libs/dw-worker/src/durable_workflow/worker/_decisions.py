"""What workflow code decides: machines that are fed events, and their commands in wire form.

Everything that may run user code, from the constructor of the workflow to the encoding of what it
returned, is in a call of these, which `LoopCode` makes on the loop or in a code thread.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from durable_workflow._kernel import Machine
from durable_workflow._kernel.updates import failed_update
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.names import TERMINAL_COMMAND_TYPES
from durable_workflow._wire.texts import error_text, failure_message
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._completions import log_passed, name_wait, passed_signal
from durable_workflow.worker._failed_runs import log_failed_replay, mismatched, note_failure
from durable_workflow.worker._limits import CompletionTooLarge, Limits
from durable_workflow.worker._log import log
from durable_workflow.worker._machines import Kept, MachineCache, RunStart
from durable_workflow.worker._payloads import Payloads, is_unreadable
from durable_workflow.worker._replaying import Subject, replaying, start_machine
from durable_workflow.worker._reporting import Failed, failed_with
from durable_workflow.worker._tasks import WorkflowTask
from durable_workflow.worker._traces import whole_trace_text

# The log has all bad signals. A completion has only some, to stay within the server's limits.
_MOST_NOTED = 100


@dataclass(slots=True)  # not frozen: each task makes one
class Decided:
    """The result of a replay: commands in wire form, and the machine if it can be kept."""

    commands: list[JsonObject]
    kept: Kept | None


class Outdated:
    """The kept machine does not fit the history; the history itself decides."""


Outcome: TypeAlias = Decided | Failed


class Decisions:
    """Has the workflow code of one worker decide."""

    def __init__(
        self,
        payloads: Payloads,
        machines: MachineCache,
        *,
        limits: Callable[[], Limits],
        names_waits: Callable[[], bool],
        notes_signals: Callable[[], bool],
    ) -> None:
        """Make it.

        Args:
            payloads: Decode start input, and encode commands.
            machines: Where machines are used, and kept.
            limits: What the server takes.
            names_waits: Whether the server may be told what a run waits for.
            notes_signals: Whether it may be told of signals that the run has passed over.
        """
        self._payloads = payloads
        self._machines = machines
        self._limits = limits
        self._names_waits = names_waits
        self._notes_signals = notes_signals

    def go_on(
        self,
        run: CodeRun[Any],
        task: WorkflowTask,
        kept: Kept,
        new: list[JsonObject],
    ) -> Outcome | Outdated:
        """Feed a kept machine the new events. If that fails only the machine is dropped."""
        machine = kept.machine
        with self._machines.using(machine) as use:
            try:
                with replaying(run, new):
                    machine.feed(new)
                    if machine.stale or machine.mismatched:
                        return Outdated()
                    commands = self.commands(task, machine)
            except Exception as error:  # noqa: BLE001 - the rebuilt machine says what it is
                log.debug("kept machine of %s is dropped: %s", task, error)
                return Outdated()
            decided = self.decided(run, task, kept, commands)
            use.stays = decided.kept is not None
        return decided

    def rebuild(
        self,
        run: CodeRun[Any],
        task: WorkflowTask,
        start: RunStart,
        workflow_class: type,
        events: list[JsonObject],
    ) -> Outcome:
        """Replay the whole history."""
        try:
            arguments = self._payloads.decode_arguments(task.arguments, task.payload_codec)
        except Exception as error:  # noqa: BLE001 - codecs and drivers raise what they like
            return undecodable_input(task.payload_codec, error)
        subject = Subject(workflow_class, task.workflow_id, task.run_id, task.payload_codec)
        machine = start_machine(subject, arguments, self._payloads)
        with self._machines.using(machine) as use:
            outcome = self._replay_whole(run, task, Kept(machine, start), events)
            use.stays = isinstance(outcome, Decided) and outcome.kept is not None
        return outcome

    def _replay_whole(
        self, run: CodeRun[Any], task: WorkflowTask, fresh: Kept, events: list[JsonObject]
    ) -> Outcome:
        machine = fresh.machine
        try:
            with replaying(run, events):
                machine.feed(events)
                commands = self.commands(task, machine)
        except Exception as error:  # noqa: BLE001 - the task fails with it
            log_failed_replay(task, error)
            if task.update_id is not None:
                # An update gets an answer also if the replay of its run failed.
                what = "workflow replay failed before update"
                return self.update_failed(task, task.update_id, what, error)
            return failed_with(error, f"replay failed: {error_text(error)}", traceback.format_exc())
        if machine.mismatched and task.update_id is None:
            return mismatched(task, commands[0])
        return self.decided(run, task, fresh, commands)

    def commands(self, task: WorkflowTask, machine: Machine) -> list[Any]:
        """What a machine commands, now that it was fed; of an update what its handler does."""
        if task.update_id is not None:
            return [machine.apply_update(task.update_id)]
        return list(machine.advised_commands())

    def update_failed(
        self, task: WorkflowTask, update_id: str, what: str, error: Exception
    ) -> Decided:
        """The failure of an update, which leaves its run as it is."""
        update = failed_update(update_id, what, error)
        return Decided(self._wire([update], task), None)

    def decided(
        self,
        run: CodeRun[Any],
        task: WorkflowTask,
        kept: Kept,
        commands: list[Any],
        *,
        checks: bool = True,
    ) -> Decided:
        """Commands in wire form, with what the server may be told beside them.

        Args:
            checks: Whether a completion is to bring them, whose limits they have to keep.
        Raises:
            CompletionTooLarge: The server would not take them, and they are of no update.
        """
        try:
            wire = self._wire(commands, task, checks=checks)
        except Exception as error:
            if task.update_id is None:
                raise
            # If the task failed it would be retried for ever. So the update fails: its handler is
            # at fault.
            too_large = isinstance(error, CompletionTooLarge)
            what = f"update result {'is too large' if too_large else 'cannot be encoded'}"
            log.exception("update %s of %s: %s", task.update_id, task, what)
            return self.update_failed(task, task.update_id, what, error)
        passed = log_passed(task, kept.machine)
        if self._notes_signals():
            wire = [*map(passed_signal, passed[:_MOST_NOTED]), *wire]
        note_failure(task, kept.machine, wire, with_trace=self._names_waits())
        if task.update_id is None and self._names_waits():
            name_wait(wire, kept.machine.open_wait_id)
        ends = any(command.get("type") in TERMINAL_COMMAND_TYPES for command in wire)
        if ends or not self._machines.enabled or not kept.is_usable:
            return Decided(wire, None)
        if not run.is_on_loop:  # there it is measured once the report has left
            kept.measure()
        return Decided(wire, kept)

    def _wire(
        self, commands: list[Any], task: WorkflowTask, *, checks: bool = True
    ) -> list[JsonObject]:
        """Commands as they are sent.

        Raises:
            CompletionTooLarge: The server would not take them.
        """
        wire = self._payloads.encode_commands(commands, task)
        limits = self._limits()
        limits.shorten_messages(wire)
        if checks:
            limits.check(wire)
        return wire


def undecodable_input(codec: str | None, error: Exception) -> Failed:
    """The failure of a task whose start input cannot be decoded."""
    log.error("cannot decode workflow start input", exc_info=error)
    return failed_with(
        error,
        f"cannot decode workflow start input with codec '{codec}': {error}. "
        "Check that the run was started with a codec that this worker speaks."
        if is_unreadable(error)
        else f"cannot fetch workflow start input from external storage: {failure_message(error)}",
        whole_trace_text(error),
    )


def start_of(task: WorkflowTask) -> RunStart:
    """How a task says that its run was started."""
    if not task.says_arguments:
        return RunStart(task.workflow_type, task.payload_codec, None)
    return RunStart.of(task.workflow_type, task.payload_codec, task.arguments)
