"""Applying a completion: the worker's decision becomes events, steps, and the next task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import batches, buffered_events, closing, tasks, waits
from durable_workflow.server.engine.commands.continue_as_new import ContinueAsNew
from durable_workflow.server.engine.commands.open_condition_wait import OpenConditionWait
from durable_workflow.server.engine.commands.parsing import Parsed
from durable_workflow.server.engine.commands.terminal import FailWorkflow
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.refusal import InvalidCommands, within
from durable_workflow.server.engine.state import (
    COMPLETED,
    BufferedEvent,
    KnownStep,
    Resolution,
    Run,
    RunDetails,
    Update,
)
from durable_workflow.server.slices import Slices


class Loaded(msgspec.Struct):
    """What a completion needs besides the run; each is loaded only if `needs` says so.

    Attributes:
        known: The members of the current batch, in order.
        updates: The accepted updates that the commands name, by id.
        waiting_updates: Accepted updates of the run, oldest first; the first two are enough.
        opened: What the run has open; all of it only for an end, else what was buffered and held.
    """

    details: RunDetails | None = None
    known: Sequence[KnownStep] = ()
    updates: dict[str, Update] = msgspec.field(default_factory=dict)
    waiting_updates: Sequence[Update] = ()
    opened: closing.Open = msgspec.field(default_factory=closing.Open)


class NonDeterminism(Exception):
    """The worker sent steps again that are not those of the run (WP-R2)."""


def complete(
    run: Run,
    parsed: Parsed,
    loaded: Loaded,
    now: int,
    new_id: NewId,
    *,
    limits: Limits,
    keep_history: bool = False,
) -> Slices[Decision]:
    """Apply a completion of the leased task of `run`, with a pause after each command.

    Raises:
        InvalidCommands: They do not fit the run.
        LimitExceeded: They would pass a structural limit.
        NonDeterminism: They name other steps than those the run is blocked on.
    """
    _check_updates(run, parsed, loaded)
    commands = _beyond_known(run, parsed.commands, loaded.known)
    decision = Decision(run, now, new_id)
    decision.run.holds = False
    turn = Turn(decision, limits=limits, details=loaded.details, updates=loaded.updates)
    _settle_wait(turn, run, commands, parsed.terminal)
    turn.begin()
    for command in commands:
        command.apply(turn)
        yield
    if parsed.terminal is not None:
        _end_run(turn, parsed.terminal, loaded)
    else:
        _go_on(turn, run, commands, loaded, keep_history=keep_history)
    events = len(decision.events) + sum(len(started.events) for started in decision.started)
    within("history_transaction_size", events, limits.events_per_transaction)
    return decision


def fail(
    run: Run,
    buffered: Sequence[BufferedEvent],
    held: Sequence[Resolution],
    now: int,
    new_id: NewId,
    *,
    message: str,
    error_type: str | None,
    first_seconds: float,
    longest_seconds: float,
) -> Decision:
    """The worker could not advance the run: offer the task again after a rest."""
    decision = Decision(run, now, new_id)
    failed = decision.run
    failed.task_failures += 1
    failed.task_error, failed.task_error_type = message, error_type
    rest = tasks.backoff_seconds(failed.task_failures, first_seconds, longest_seconds)
    tasks.offer_again(decision, delay_seconds=rest)
    buffered_events.flush(decision, buffered, held)
    return decision


def expire_lease(
    run: Run, buffered: Sequence[BufferedEvent], held: Sequence[Resolution], now: int, new_id: NewId
) -> Decision:
    """The worker is gone: offer the task again at once."""
    decision = Decision(run, now, new_id)
    tasks.offer_again(decision)
    buffered_events.flush(decision, buffered, held)
    return decision


def _check_updates(run: Run, parsed: Parsed, loaded: Loaded) -> None:
    for update_id in parsed.update_ids:
        update = loaded.updates.get(update_id)
        if update is None or update.run_id != run.run_id or update.status != "accepted":
            raise InvalidCommands(f"update {update_id} is not an accepted update of this run")
        if run.task_update_id is not None and run.task_update_id != update_id:
            raise InvalidCommands(f"the task is about update {run.task_update_id}")


def _beyond_known(run: Run, commands: list[Command], known: Sequence[KnownStep]) -> list[Command]:
    """The commands without the blocking ones that only say the current batch again (WP-R2)."""
    if not run.batch_size:
        return commands
    asked = [command.step for command in commands if command.step is not None]
    mismatch = batches.first_mismatch(known, asked)
    if mismatch is not None:
        member, other = mismatch
        recorded = f"{member.kind} {member.name}".rstrip()
        raise NonDeterminism(
            f"workflow sequence {member.sequence} is {recorded}, but the worker asked for {other}"
        )
    rest: list[Command] = []
    to_skip = len(known)
    for command in commands:
        if command.step is not None and to_skip:
            to_skip -= 1
        else:
            rest.append(command)
    return rest


def _settle_wait(
    turn: Turn, run: Run, commands: Sequence[Command], terminal: Command | None
) -> None:
    """Decide whether the worker went past the open wait, and say so before everything else."""
    if not waits.is_open(run):
        return
    said = [command for command in commands if not command.update_outcome]
    if said and isinstance(said[0], OpenConditionWait):
        # Nothing was decided before this wait, so it may be the open one.
        if said[0].keeps(run) or said[0].reopens(run):
            return
    elif not said and (terminal is None or isinstance(terminal, FailWorkflow)):
        # Only update outcomes; or a failure, which may come from the predicate itself.
        return
    waits.passed(turn.decision, signal=_resume_context(run), task_id=turn.task_id)


def _resume_context(run: Run) -> JsonObject | None:
    if run.task_context is None:
        return None
    context: dict[str, Any] = msgspec.json.decode(run.task_context)
    return context


def _end_run(turn: Turn, terminal: Command, loaded: Loaded) -> None:
    decision = turn.decision
    opened = loaded.opened
    if opened.held_results:
        # A worker may end a run whose batch is open, in the task of an update.
        batches.release(decision, opened.held_results)
    closing.cancel_open(decision, opened, task_id=turn.task_id)
    terminal.apply(turn)
    if isinstance(terminal, ContinueAsNew):
        # Nobody has seen these signals and updates yet: the next run begins with them.
        following = decision.started[-1]
        buffered_events.carry_over(following, opened.buffered, loaded.waiting_updates, turn.updates)
        decision.moved_updates_to = following.run.run_id


def _go_on(
    turn: Turn, before: Run, commands: Sequence[Command], loaded: Loaded, *, keep_history: bool
) -> None:
    decision = turn.decision
    run = decision.run
    ordinary, update_id = before.task_ordinary, before.task_update_id
    if keep_history:
        run.sticky_worker, run.sticky_sequence = before.lease_owner, before.claimed_sequence
    else:
        run.sticky_worker = None
    tasks.finish(decision, COMPLETED)
    run.tasks_completed += 1
    run.pending_signals = sum(event.kind == "signal" for event in loaded.opened.buffered)
    opened = loaded.opened
    buffered_events.flush(decision, opened.buffered, opened.held_results, wake_for_updates=False)
    waits_open = waits.is_open(run)
    if update_id is not None and (ordinary or waits_open):
        # R5: the update may have changed what the wait looks at; and another wake-up that was
        # merged into the update's task has not been answered by it.
        tasks.wake(decision)
    elif turn.goes_on or (commands and not run.batch_size and not waits_open):
        # The wait was over at once; or the worker only recorded something, and can go on.
        tasks.wake(decision)
    _wake_for_next_update(decision, turn, loaded)


def _wake_for_next_update(decision: Decision, turn: Turn, loaded: Loaded) -> None:
    run = decision.run
    if not run.pending_updates or run.task_update_id is not None or run.holds:
        return
    buffered = {event.ref for event in decision.buffered if event.kind == "update"}
    for update in loaded.waiting_updates:
        if update.update_id not in buffered and update.update_id not in turn.updates:
            tasks.wake_for_update(decision, update.update_id, update.command_id)
            return
