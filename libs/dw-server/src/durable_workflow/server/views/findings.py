"""What is wrong with a run, judged from what it has open and from who could take it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.texts import known_names
from durable_workflow.server.engine.state import READY, Activity, Run
from durable_workflow.server.engine.times import precise
from durable_workflow.server.records import due, workers
from durable_workflow.server.records.due import SetAside
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import failures
from durable_workflow.server.views.describing import wait_of
from durable_workflow.server.views.pending_work import has_failed, lease_expired

# A failed task has no reason on the wire. A replay that cannot be done is recognised by the type of
# its error, or by how workers, and this server for a mismatch of commands, begin its message.
_BLOCKED_MESSAGES: Final = (
    "replay failed: ",
    "workflow replay failed before ",
    "non-deterministic workflow: ",
)
_BLOCKED_TYPES: Final = frozenset({"NonDeterministicReplayError", "NonDeterminism"})


class Problems(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an open run from going on.

    Attributes:
        task_problem: Its workflow task has failed, and is tried again after a rest.
        replay_blocked: It failed because the code cannot be replayed on the run's history: trying
            again will not help before the code is another.
        expired_leases: Open tasks of it whose lease ran out.
        repair_attention: Nothing will advance it by itself, or a lease was not freed in time.
        set_aside: What fell due and could not be handled, the next to be tried first.
    """

    task_problem: bool
    replay_blocked: bool
    expired_leases: int
    repair_attention: bool
    set_aside: list[SetAside] = []


def problems_of(read: Read, run: Run, activities: list[Activity]) -> Problems:
    """The problems of a run; a closed one has none."""
    if run.closed:
        return Problems(
            task_problem=False, replay_blocked=False, expired_leases=0, repair_attention=False
        )
    now = read.now
    expired = lease_expired(run, now) + sum(lease_expired(each, now) for each in activities)
    stranded = run.task_id is None and not activities and wait_of(run)[0] is None
    return Problems(
        task_problem=has_failed(run),
        replay_blocked=has_failed(run) and _is_blocked(run),
        expired_leases=expired,
        repair_attention=stranded or expired > 0,
        set_aside=due.set_aside_of_run(read, run.run_id),
    )


def badge(run: Run, problems: Problems) -> JsonObject | None:
    """The task problem in two words, for lists and consoles."""
    if not problems.task_problem:
        return None
    blocked = problems.replay_blocked
    return {
        "code": "workflow_replay_blocked" if blocked else "workflow_task_failed",
        "label": "Replay blocked" if blocked else "Task failing",
        "description": run.task_error,
    }


def of_run(
    read: Read, run: Run, activities: list[Activity], problems: Problems, settings: ServiceSettings
) -> list[JsonObject]:
    """What an operator should look at; nothing for a closed run."""
    if run.closed:
        return []
    found = list(_without_pollers(read, run, activities, settings))
    if problems.expired_leases:
        count = problems.expired_leases
        text = f"{count} open task(s) of the run have a lease that ran out."
        found.append(_finding("warning", "expired_leases", text))
    for passed in failures.passed_signals(read, run):
        found.append(_finding("error", "signal_not_applied", passed))
    if problems.task_problem:
        text = (
            f"The workflow task has failed {run.task_failures} time(s) in a row, "
            f"{_next_attempt(run)}: {run.task_error}"
        )
        found.append(_finding("error", "task_problem", text))
    for each in problems.set_aside:
        text = (
            f"A {each.source} of the run fell due and could not be handled {each.failures} time(s) "
            f"in a row, next attempt at {precise(each.until)}: {each.error}"
        )
        found.append(_finding("error", "due_work_failed", text))
    if problems.repair_attention:
        text = (
            "A task of the run was not freed when its lease ran out."
            if problems.expired_leases
            else "The run is open, waits for nothing, and has no task."
        )
        found.append(_finding("error", "repair_attention", text))
    if problems.replay_blocked:
        # The finding before has the error.
        why = "." if problems.task_problem else f": {run.task_error}"
        text = f"The workflow code cannot be run on the history that there is{why}"
        found.append(_finding("error", "workflow_replay_blocked", text))
    return found


def _is_blocked(run: Run) -> bool:
    message = run.task_error or ""
    return message.startswith(_BLOCKED_MESSAGES) or run.task_error_type in _BLOCKED_TYPES


def _next_attempt(run: Run) -> str:
    if run.task_status == READY:
        return f"next attempt at {precise(run.task_available_at)}"
    return f"attempt {run.task_attempt} is with {run.lease_owner}"


def _without_pollers(
    read: Read, run: Run, activities: list[Activity], settings: ServiceSettings
) -> Iterator[JsonObject]:
    """Work of the run that no live worker would take."""
    queues = {run.task_queue, *(activity.task_queue for activity in activities)}
    live = {
        queue: [
            worker
            for worker in workers.of_queue(read, run.namespace, queue)
            if worker.is_live(read.now, settings)
        ]
        for queue in sorted(queues)
    }
    for queue, known in live.items():
        if not known:
            text = f"No live worker polls the task queue {queue}"
            polled = {worker.task_queue for worker in workers.live(read, run.namespace, settings)}
            named = known_names(queue, polled, "polled are:")
            yield _finding("warning", "no_active_pollers", f"{text}{named}.")
    here = live[run.task_queue]
    if here and not run.hosts_activity and not any(_takes_workflow(worker, run) for worker in here):
        text = f"No live worker of the task queue {run.task_queue} takes {run.workflow_type}"
        build = "" if run.compatibility is None else f" of build {run.compatibility}"
        types = {kind for worker in here for kind in worker.workflow_types}
        # Of another build: the name is right.
        is_known = run.workflow_type in types
        named = "" if is_known else known_names(run.workflow_type, types, "known are:")
        yield _finding("warning", "no_active_pollers", f"{text}{build}{named}.")
    waiting = {
        (activity.task_queue, activity.activity_type)
        for activity in activities
        if activity.task_status == READY
    }
    for queue, kind in sorted(waiting):
        takers = [
            each for each in live[queue] if not each.activity_types or kind in each.activity_types
        ]
        if live[queue] and not takers:
            text = f"No live worker of the task queue {queue} takes the activity {kind}"
            kinds = {each for one in live[queue] for each in one.activity_types}
            named = known_names(kind, kinds, "known are:")
            yield _finding("warning", "no_active_pollers", f"{text}{named}.")


def _takes_workflow(worker: workers.Worker, run: Run) -> bool:
    types = worker.workflow_types
    fits = run.compatibility is None or worker.build_id == run.compatibility
    return fits and (not types or run.workflow_type in types)


def _finding(severity: str, code: str, message: str) -> JsonObject:
    return {"severity": severity, "code": code, "message": message}
