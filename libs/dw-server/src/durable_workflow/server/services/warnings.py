"""Warnings in the log about a run near a limit: once, when it passes the threshold."""

from __future__ import annotations

import logging

from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.state import Run
from durable_workflow.server.store.protocol import Tx

# Where a warning is due, in hundredths of the limit (worker-protocol 9).
_PERCENT = 80


def warn_near_limits(tx: Tx, before: Run, after: Run, limits: Limits) -> None:
    """Log each count of what a run has pending that has just passed the threshold."""
    for kind, was, now, limit in (
        (
            "pending_activity_count",
            before.pending_activities,
            after.pending_activities,
            limits.pending_activities,
        ),
        (
            "pending_child_count",
            before.pending_children,
            after.pending_children,
            limits.pending_children,
        ),
        (
            "pending_timer_count",
            before.pending_timers,
            after.pending_timers,
            limits.pending_timers,
        ),
        (
            "pending_signal_count",
            before.pending_signals,
            after.pending_signals,
            limits.pending_signals,
        ),
        (
            "pending_update_count",
            before.pending_updates,
            after.pending_updates,
            limits.pending_updates,
        ),
    ):
        threshold = limit * _PERCENT // 100
        if limit and was < threshold <= now:
            tx.say(
                logging.WARNING,
                "run %s of %s: %s is %d, the limit is %d",
                after.run_id,
                after.workflow_id,
                kind,
                now,
                limit,
            )
