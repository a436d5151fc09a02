"""Warnings in the log about a run near a limit: once, when it passes the threshold."""

from __future__ import annotations

import logging
from operator import attrgetter, ge
from typing import Final

from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.state import Run
from durable_workflow.server.store.protocol import Tx

# Where a warning is due, in hundredths of the limit (worker-protocol 9).
_PERCENT: Final = 80
# What a run counts, and its limit has the same name.
_COUNTED: Final = {
    "pending_activities": "pending_activity_count",
    "pending_children": "pending_child_count",
    "pending_timers": "pending_timer_count",
    "pending_signals": "pending_signal_count",
    "pending_updates": "pending_update_count",
}
_counts = attrgetter(*_COUNTED)


def warn_near_limits(tx: Tx, before: Run, after: Run, limits: Limits) -> None:
    """Log each count of what a run has pending that has just passed the threshold."""
    were, are = _counts(before), _counts(after)
    if all(map(ge, were, are)):
        return  # nothing has grown
    for kind, was, now, limit in zip(_COUNTED.values(), were, are, _counts(limits), strict=True):
        if was < now and limit and was < limit * _PERCENT // 100 <= now:
            tx.say(
                logging.WARNING,
                "run %s of %s: %s is %d, the limit is %d",
                after.run_id,
                after.workflow_id,
                kind,
                now,
                limit,
                **after.ids,
            )
