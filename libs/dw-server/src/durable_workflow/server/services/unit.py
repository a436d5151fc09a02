"""One unit of work over runs: writes decisions, and what follows from them in other runs.

A run that is touched several times in a unit is loaded once and saved once. The end of a run
reaches its parent and its children here, in the same transaction.
"""

from __future__ import annotations

import logging
from collections import deque

from durable_workflow.server.engine import children, closing
from durable_workflow.server.engine.batches import completes, is_complete
from durable_workflow.server.engine.decision import Decision, Event, ParentOutcome
from durable_workflow.server.engine.due import activity_due_at, run_due_at
from durable_workflow.server.engine.payloads import external_uris, uris_of
from durable_workflow.server.engine.state import (
    CANCELLED,
    LEASED,
    PENDING,
    READY,
    TERMINATED,
    Activity,
    ChildLink,
    Resolution,
    Run,
)
from durable_workflow.server.notices import (
    DueAt,
    ReadyTask,
    TaskDropped,
    TaskReady,
)
from durable_workflow.server.records import (
    activities,
    child_links,
    external_payloads,
    history,
    instances,
    runs,
    schedules,
    timers,
    updates,
)
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import admission, writing
from durable_workflow.server.services.warnings import warn_near_limits
from durable_workflow.server.services.writing import in_parts, is_long, ready_task
from durable_workflow.server.slices import Slices, run_through
from durable_workflow.server.store.protocol import Key, Tx


class Unit:
    """The runs that one unit of work touches; each is locked before it is read."""

    def __init__(self, tx: Tx, settings: ServiceSettings) -> None:
        self.tx = tx
        self.settings = settings
        self._runs: dict[str, Run] = {}
        self._unsaved: dict[str, bool] = {}  # run id -> whether it is new
        # Run id -> what is to be added to its history, and whether the run closes here.
        self._events: dict[str, list[Event]] = {}
        self._closing: set[str] = set()
        # Closed runs whose children are still to be told, and whether somebody is at it.
        self._ended_parents: deque[str] = deque()
        self._telling = False

    # --- loading -----------------------------------------------------------------------------

    def run(self, run_id: str) -> Run:
        """A run that exists, as this unit has left it."""
        run = self.find(run_id)
        assert run is not None
        return run

    def find(self, run_id: str) -> Run | None:
        """A run as this unit has left it, or None where there is no such run."""
        run = self._runs.get(run_id) or runs.lock(self.tx, run_id)
        return None if run is None else self.adopt(run)

    def adopt(self, run: Run) -> Run:
        """Take a run that was locked by other means; what the unit has of it already wins."""
        return self._runs.setdefault(run.run_id, run)

    def held_for_last(self, run: Run) -> list[Resolution]:
        """The held results, if the next resolution is the one that its batch waits for."""
        if run.batch_size > 1 and completes(run):
            return history.held_results(self.tx, run.run_id)
        return []

    def pending_parts(self, run: Run) -> closing.Open:
        """What waits for a run's completion: events, and the results that they deliver."""
        held = history.held_results(self.tx, run.run_id) if is_complete(run) else []
        return closing.Open(buffered=history.buffered_events(self.tx, run), held_results=held)

    def everything_open(self, run: Run) -> closing.Open:
        """All that has to be closed with a run."""
        opened = closing.Open(buffered=history.buffered_events(self.tx, run))
        if run.batch_size:
            opened.held_results = history.held_results(self.tx, run.run_id)
        if run.pending_activities:
            opened.activities = activities.open_of_run(self.tx, run.run_id)
        if run.pending_timers:
            opened.timers = timers.open_of_run(self.tx, run.run_id)
        return opened

    def touch(self, run: Run) -> None:
        """Save a run although no decision was about it: its due time has moved."""
        self._unsaved.setdefault(run.run_id, False)

    def put(self, run: Run) -> None:
        """Save a run as a decision has left it that changed its row alone: claims do, renewals."""
        self._runs[run.run_id] = run
        self._unsaved.setdefault(run.run_id, False)

    # --- writing down ------------------------------------------------------------------------

    def apply(self, decision: Decision, *, has_decision: bool = False) -> None:
        """Write down a decision, and what it entails for other runs.

        Args:
            has_decision: What the task that it makes ready would ask for follows at once.
        """
        run_through(self.apply_in_slices(decision, has_decision=has_decision))

    def apply_in_slices(self, decision: Decision, *, has_decision: bool = False) -> Slices[None]:
        """`apply`, with pauses where there is much to write."""
        run = decision.run
        before = self._runs.get(run.run_id)
        self._runs[run.run_id] = run
        new = decision.created is not None
        self._unsaved[run.run_id] = self._unsaved.get(run.run_id, False) or new
        if uris := external_uris(decision):
            external_payloads.hold(self.tx, run.run_id, sorted(uris))
        writing.write_run(self.tx, decision)
        if decision.events and (decision.closes or run.run_id not in self._events):
            writing.tell_of_progress(self.tx, decision)
        self._note_events(decision)
        yield from self._write_steps(decision)
        writing.write_buffered(self.tx, decision)
        if not has_decision:
            self._announce_task(before, run)
        if before is not None:
            warn_near_limits(self.tx, before, run, self.settings.limits)
        for started in decision.started:
            yield from self.apply_in_slices(started)
            yield
        if decision.closes:
            self._end(decision, before)
        self._tell_children()

    def finish(self) -> None:
        """Save the runs. Nothing is applied after this."""
        run_through(self.finish_in_slices())

    def finish_in_slices(self) -> Slices[None]:
        """`finish`, with a pause after each run."""
        self._fail_over_limits()
        now = self.tx.now
        for run_id, new in self._unsaved.items():
            run = self._runs[run_id]
            due_at, run.due_at = run.due_at, run_due_at(run, now)
            if run.due_at is not None and run.due_at != due_at:
                self.tx.notify(DueAt(run.due_at))
            if new:
                runs.insert(self.tx, run)
            else:
                runs.save(self.tx, run)
            yield
        self._unsaved.clear()
        for run_id, events in self._events.items():
            run = self._runs[run_id]
            if run_id in self._closing:
                history.close(self.tx, run, events)
                yield
                continue
            for some in in_parts(events):
                history.insert(self.tx, run, some)
                yield
        self._events.clear()

    def save_activity(self, activity: Activity) -> None:
        """Save an activity that a decision has changed."""
        if activity.closed_at is not None and activity.attempt_id is not None:
            reason = writing.why_dropped(self.run(activity.run_id))
            self.tx.notify(TaskDropped(activity.task_id, activity.attempt_id, reason))
        activity.due_at = activity_due_at(activity, self.tx.now)
        if activity.due_at is not None:
            self.tx.notify(DueAt(activity.due_at))
        activities.save(self.tx, activity)
        self._announce_activity(activity)

    def _note_events(self, decision: Decision) -> None:
        """Keep the events for the end of the unit: those of a run are written together."""
        if decision.events:
            self._events.setdefault(decision.run.run_id, []).extend(decision.events)
            if decision.closes:
                self._closing.add(decision.run.run_id)

    def _write_steps(self, decision: Decision) -> Slices[None]:
        tx = self.tx
        for new in decision.new_activities:
            activity = new.activity
            activity.due_at = activity_due_at(activity, tx.now)
            if activity.due_at is not None:
                tx.notify(DueAt(activity.due_at))
            is_alone = len(decision.new_activities) == 1
            self._announce_activity(activity, decision.run.sticky_worker if is_alone else None)
            yield
        for some in in_parts(decision.new_activities):
            activities.insert(tx, some)
            yield
        for changed in decision.activities:
            self.save_activity(changed)
        for attempt in decision.attempts:
            activities.insert_past_attempt(tx, attempt)
            tx.notify(TaskDropped(attempt.task_id, attempt.attempt_id, "stale_attempt"))
        if decision.new_timers:
            timers.insert(tx, decision.new_timers)
            tx.notify(DueAt(min(timer.fire_at for timer in decision.new_timers)))
        for timer in decision.timers:
            timers.save(tx, timer)
        for link in decision.new_child_links:
            child_links.insert(tx, link)
            writing.write_instance(tx, link, decision)
            yield
        for link in decision.child_links:
            child_links.save(tx, link)

    # --- announcing --------------------------------------------------------------------------

    def _announce_task(self, before: Run | None, run: Run) -> None:
        if before is not None and before.task_status == LEASED != run.task_status:
            key = QueueKey("workflow", run.namespace, run.task_queue)
            admission.note_lease_ended(self.tx, key, self.settings)
        if run.task_status != READY or run.task_available_at > self.tx.now:
            return
        if before is None or before.task_status != READY or before.task_id != run.task_id:
            self.tx.notify(ready_task(run, self.tx.now))

    def _announce_activity(self, activity: Activity, near: str | None = None) -> None:
        if activity.task_status != LEASED:
            key = QueueKey("activity", activity.namespace, activity.task_queue)
            admission.note_lease_ended(self.tx, key, self.settings)
        if activity.task_status == READY and activity.available_at <= self.tx.now:
            task = ReadyTask(activity.task_id, activity.activity_type, near=near)
            self.tx.notify(TaskReady("activity", activity.namespace, activity.task_queue, task))

    # --- ends --------------------------------------------------------------------------------

    def _end(self, decision: Decision, before: Run | None) -> None:
        run, tx = decision.run, self.tx
        if run.schedule_id is not None and run.continued_to_run_id is None:
            schedules.wake(tx, run.namespace, run.schedule_id, run.workflow_id)
        if decision.output is not None or decision.failure is not None:
            runs.save_outcome(tx, run.run_id, decision.output, decision.failure)
        if before is not None and before.pending_updates:
            self._end_updates(decision, before.pending_updates)
        if run.continued_to_run_id is not None:
            self._continue(run, decision.started[-1].run)
            return
        if decision.new_child_links or (before is not None and before.pending_children):
            self._ended_parents.append(run.run_id)
        if decision.outcome is not None:
            self._resolve_parent(run, decision.outcome)

    def _end_updates(self, decision: Decision, most: int) -> None:
        run_id = decision.run.run_id
        if decision.moved_updates_to is not None:
            for update in updates.accepted_of_run(self.tx, run_id, most):
                uris = uris_of(update.arguments)
                external_payloads.hold(self.tx, decision.moved_updates_to, uris)
            updates.move(self.tx, run_id, decision.moved_updates_to)
        else:
            message = "The workflow run closed before the update was completed."
            updates.end(self.tx, run_id, message)

    def _continue(self, run: Run, following: Run) -> None:
        self._point_instance(following)
        if run.parent_run_id is None:
            return
        parent = self._open_parent(run.parent_run_id)
        if parent is None:
            return
        link = self._link(run)
        if link.status == PENDING:
            self.apply(children.continued(parent, link, following, self.tx.now, self.tx.new_id))

    def _resolve_parent(self, run: Run, outcome: ParentOutcome) -> None:
        assert run.parent_run_id is not None
        parent = self._open_parent(run.parent_run_id)
        if parent is None:
            return
        link = self._link(run)
        if link.status != PENDING or link.child_run_id != run.run_id:
            return
        retried = children.may_retry(link, outcome)
        details = runs.details(self.tx, run.run_id) if retried else None
        held = [] if retried else self.held_for_last(parent)
        decision = children.resolve(
            parent, link, outcome, run, details, self.tx.now, self.tx.new_id, held
        )
        self.apply(decision)
        for again in decision.started:
            self._point_instance(again.run)

    def _open_parent(self, run_id: str) -> Run | None:
        """A parent that can still be told something: retention removes closed ones."""
        parent = self.find(run_id)
        return None if parent is None or parent.closed else parent

    def _tell_children(self) -> None:
        # One after the other and not recursively: a chain of children may be longer than
        # the stack is deep.
        if self._telling:
            return
        self._telling = True
        while self._ended_parents:
            self._apply_parent_close_policy(self.run(self._ended_parents.popleft()))
        self._telling = False

    def _apply_parent_close_policy(self, parent: Run) -> None:
        for link in child_links.open_of_run(self.tx, parent.run_id):
            child = self.find(link.child_run_id)
            if link.parent_close_policy != "abandon" and child is not None and not child.closed:
                status = CANCELLED if link.parent_close_policy == "request_cancel" else TERMINATED
                self.close_by_command(
                    child, status, children.close_reason(parent), self.tx.new_id()
                )
            # Read again: the end of the child may have been noted meanwhile.
            parent = self.run(parent.run_id)
            self.apply(children.policy_applied(parent, link, self.tx.now, self.tx.new_id))

    def close_by_command(
        self,
        run: Run,
        status: str,
        reason: str | None,
        command_id: str,
        command: dict[str, object] | None = None,
    ) -> None:
        """Cancel or terminate an open run, and what depends on it."""
        self.apply(
            closing.close_by_command(
                run,
                self.tx.now,
                self.tx.new_id,
                self.everything_open(run),
                status=status,
                reason=reason,
                command_id=command_id,
                command=command,
            )
        )

    def _link(self, run: Run) -> ChildLink:
        assert run.link_id is not None
        return child_links.get(self.tx, run.link_id)

    def _point_instance(self, run: Run) -> None:
        self.tx.lock(Key.workflow(run.namespace, run.workflow_id))
        instances.point(self.tx, run.namespace, run.workflow_id, run.run_id)

    # --- limits ------------------------------------------------------------------------------

    def _fail_over_limits(self) -> None:
        limits = self.settings.limits
        for run_id in list(self._unsaved):
            run = self._runs[run_id]
            if run.closed:
                continue
            over = limits.exceeded(run.last_sequence, run.history_bytes)
            if over is not None:
                self._fail_over_limit(run, *over)
            else:
                self._warn(run)

    def _fail_over_limit(self, run: Run, kind: str, size: int, most: int) -> None:
        text = "run %s of %s: %s is %d, over %d"
        self.tx.say(logging.ERROR, text, run.run_id, run.workflow_id, kind, size, most, **run.ids)
        decision = closing.close_over_limit(
            run,
            self.tx.now,
            self.tx.new_id,
            self.everything_open(run),
            kind=kind,
            value=size,
            configured=most,
        )
        self.apply(decision)

    def _warn(self, run: Run) -> None:
        limits = self.settings.limits
        events, size = limits.history_hint_events, limits.history_hint_bytes
        if run.warned or not is_long(run, events, size):
            return
        run.warned = True
        self.tx.say(
            logging.WARNING,
            "run %s of %s should continue as new: its history has %d events and %d bytes",
            run.run_id,
            run.workflow_id,
            run.last_sequence,
            run.history_bytes,
            **run.ids,
        )
