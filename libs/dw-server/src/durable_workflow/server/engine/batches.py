"""Batches: the blocking steps of one completion are resolved together (WP-R1, R2).

A worker cannot use the results of half a batch: it would only send the whole list again. So the run
is woken when every member has its result, and not before. Until then results are held; then they
are appended in member order, in whichever order they came. A run has one current batch. It stays
current until its results are in history, because until then workers send its members again.
"""

from __future__ import annotations

from collections.abc import Sequence

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import LEASED, BufferedEvent, KnownStep, Resolution, Run
from durable_workflow.server.engine.tasks import wake


def buffers_events(run: Run) -> bool:
    """Whether new events wait for the worker's completion (WP-R4).

    They do while a task is leased, and also while a wait's timeout is in history and no worker has
    answered it. A worker that sees the timeout and a signal behind it would apply the signal at
    once, but later replays would apply it at the next wait.
    """
    return run.task_status == LEASED or run.holds


def add(run: Run, sequence: int, shown: str) -> None:
    """Count a newly scheduled step into the current batch, or begin one with it."""
    if not run.batch_size:
        run.batch_first = sequence
        run.blocked_on = shown
    run.batch_size += 1
    run.batch_open += 1


def completes(run: Run) -> bool:
    """Whether the next resolution is the last that the batch needs."""
    return run.batch_open == 1


def is_complete(run: Run) -> bool:
    """Whether all resolutions are there but not in history yet."""
    return run.batch_size > 0 and run.batch_open == 0


def resolve(
    decision: Decision, resolution: Resolution, context: JsonObject, held: Sequence[Resolution]
) -> None:
    """Take the resolution of one member.

    Args:
        decision: The decision about the run.
        resolution: How the member ended.
        context: Resume context of the task, should this resolution be what wakes the run.
        held: The results held so far; needed only where this one completes the batch.
    """
    run = decision.run
    run.batch_open -= 1
    if run.batch_open:
        decision.held_results.append(resolution)
    elif buffers_events(run):
        decision.held_results.append(resolution)
        decision.buffered.append(
            BufferedEvent("batch", str(run.batch_first), "", b"", context=context)
        )
        run.buffered += 1
    else:
        deliver(decision, [*held, resolution], context)
        # A batch with one member never holds results.
        decision.released = bool(held)


def deliver(decision: Decision, resolutions: Sequence[Resolution], context: JsonObject) -> None:
    """Append the resolutions of a complete batch in member order, and wake the run."""
    _append(decision, resolutions)
    run = decision.run
    run.batch_first = run.batch_size = run.batch_open = 0
    run.blocked_on = None
    wake(decision, context)


def release(decision: Decision, resolutions: Sequence[Resolution]) -> None:
    """Append the held results of an incomplete batch, because the run is about to close."""
    _append(decision, resolutions)


def _append(decision: Decision, resolutions: Sequence[Resolution]) -> None:
    for resolution in sorted(resolutions, key=lambda member: member.sequence):
        decision.append_encoded(
            resolution.event_type, resolution.payload, task_id=resolution.task_id
        )
    decision.released = True


def first_mismatch(
    known: Sequence[KnownStep], asked: Sequence[tuple[str, str]]
) -> tuple[KnownStep, str] | None:
    """Where the steps that a worker says again differ from the batch they should be.

    Members are compared by position: kind, and activity or workflow type. Fewer steps than the
    batch has are no mismatch: nothing would be scheduled twice.

    Returns:
        The recorded member and what was asked in its place; None where all fit.
    """
    for member, (kind, name) in zip(known, asked, strict=False):
        if (member.kind, member.name) != (kind, name):
            return member, f"{kind} {name}".rstrip()
    return None
