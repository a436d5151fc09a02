"""A result of an activity and what its workflow does next, in one unit.

A worker that has the machine of a run knows the next decision as soon as its activity has
returned. Where nothing else has happened to the run, the workflow task that the result makes ready
would bring the worker nothing that it does not know: it is ended with that decision instead of
being given out.
"""

from __future__ import annotations

from typing import Any, Final

from durable_workflow._wire.json_values import dict_or_none
from durable_workflow._wire.names import COMPLETE_WORKFLOW
from durable_workflow.server.engine import completion, tasks
from durable_workflow.server.engine.commands import parse_commands
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.refusal import InvalidCommands, LimitExceeded
from durable_workflow.server.engine.state import COMPLETED, READY, Activity, Run
from durable_workflow.server.engine.times import precise
from durable_workflow.server.fields.payloads import is_envelope
from durable_workflow.server.records import decided_tasks
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import CompleteActivityAhead, NextDecision
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services.activity_tasks import held_attempt, not_recorded, returned
from durable_workflow.server.services.search_attributes import check_upserts
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.services.workers import lease_seconds
from durable_workflow.server.services.workflow_tasks import load
from durable_workflow.server.slices import at_once
from durable_workflow.server.store.protocol import Tx

# What an activity leaves in history that returns at its first attempt: it was scheduled, it was
# started, it has returned.
_EVENTS: Final = 3


class NotTaken(Exception):
    """The result is to be taken alone: a workflow task has to ask for what follows."""


def complete(
    tx: Tx,
    namespace: str,
    request: CompleteActivityAhead,
    worker: Worker,
    settings: ServiceSettings,
) -> Reply:
    """Take a result, and what the worker has decided to do with it.

    Raises:
        NotTaken: The decision cannot be taken. Nothing has changed.
        Refused: The attempt is not the worker's.
    """
    unit = Unit(tx, settings)
    held = held_attempt(unit, namespace, request)
    if held.stopped is not None or held.activity is None:
        return not_recorded(request, held, "completed")
    ended = returned(unit, held.run, held.activity, request.result)
    [activity] = ended.activities
    if not _fits(ended.run, activity, request.ahead, worker, tx.now):
        raise NotTaken
    budget = settings.admission.budget("workflow", namespace, ended.run.task_queue)
    if budget.limits_anything:
        raise NotTaken  # what it would be given out under counts tasks
    is_made_here = held.run.task_id is None
    if is_made_here:
        ended.run.task_id = decided_tasks.note(activity, worker.session)
    unit.apply(ended, has_decision=True)
    leased = tasks.claim(
        ended.run,
        tx.now,
        tx.new_id,
        worker_id=worker.worker_id,
        poll_request_id=None,
        lease_seconds=lease_seconds(worker, settings.workflow_lease_seconds),
        session=worker.session or None,
        keeps_machines=True,
    )
    decision = _decided(unit, leased.run, request.ahead, request.result)
    if is_made_here:
        decision.past_tasks.clear()  # the row of the activity tells of it
    unit.apply(decision)
    unit.finish()
    return Reply({"decided_at": precise(tx.now)})


def _fits(run: Run, activity: Activity, ahead: NextDecision, worker: Worker, now: int) -> bool:
    """Whether the ready task brings the result, and nothing else that the worker did not know.

    Its machine was at the event `after`. The activity has to be the next step of the run, and what
    it left in history has to be all that has come since.
    """
    return (
        run.run_id == ahead.run_id
        and activity.status == COMPLETED
        and run.task_status == READY
        and run.task_available_at <= now
        and run.task_update_id is None
        and run.sticky_worker == worker.worker_id
        and run.sticky_sequence == ahead.after
        and activity.sequence == ahead.after + 1
        and run.last_sequence == ahead.after + _EVENTS
        and not worker.draining
        and run.compatibility in (None, worker.build_id)
    )


def _decided(unit: Unit, run: Run, ahead: NextDecision, result: Any) -> Decision:
    """What the decision does to the run, whose task the worker has."""
    tx, limits = unit.tx, unit.settings.limits
    commands = ahead.commands if not ahead.passes_on else _passing_on(ahead.commands, result)
    try:
        parsed, errors = at_once(parse_commands(commands, run.codec, limits))
        if errors:
            raise NotTaken
        check_upserts(tx, run.namespace, commands)
        return at_once(
            completion.complete(
                run,
                parsed,
                load(unit, run, parsed),
                tx.now,
                tx.new_id,
                limits=limits,
                keep_history=ahead.keep_history,
            )
        )
    except (InvalidCommands, LimitExceeded, completion.NonDeterminism, Refused) as error:
        # The worker meets the same with the task, and is told there.
        raise NotTaken from error


def _passing_on(commands: list[dict[str, Any]], result: Any) -> list[dict[str, Any]]:
    """Commands whose last one ends the run with the result of the activity.

    Raises:
        NotTaken: It is another one, or the result is no envelope, which a workflow's has to be.
    """
    last, envelope = commands[-1], dict_or_none(result)
    if last.get("type") != COMPLETE_WORKFLOW or "result" in last:
        raise NotTaken
    if envelope is None or not is_envelope(envelope):
        raise NotTaken
    return [*commands[:-1], {**last, "result": envelope}]
