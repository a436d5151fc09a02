"""Activity tasks: polled, renewed, completed, failed (worker-protocol 5)."""

from __future__ import annotations

import functools
from typing import Any

from durable_workflow.server.api.handlers.polls import Polls
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.executors import ExternalExecutors
from durable_workflow.server.requests import (
    CompleteActivityTask,
    FailActivityTask,
    HeartbeatActivityTask,
    PollTask,
)
from durable_workflow.server.services import activity_claims
from durable_workflow.server.services import activity_tasks as services


def operations(units: Units, polls: Polls, executors: ExternalExecutors) -> list[Operation[Any]]:
    """What workers ask about activity tasks."""
    claim = functools.partial(activity_claims.claim, executors=executors)
    poll = polls.handler("activity", *units.leased(claim, services.give_back))
    complete = units.report(services.complete)
    fail = units.report(services.fail)
    heartbeat = units.report(services.heartbeat)
    return [
        Operation("poll_activity_task", WORKERS, PollTask, poll),
        Operation("complete_activity_task", WORKERS, CompleteActivityTask, complete),
        Operation("fail_activity_task", WORKERS, FailActivityTask, fail),
        Operation("heartbeat_activity_task", WORKERS, HeartbeatActivityTask, heartbeat),
    ]
