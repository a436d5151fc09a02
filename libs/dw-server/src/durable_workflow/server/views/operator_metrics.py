"""Figures of a namespace for operators (control-plane 12.4).

Each section is counted by statements of its own, and the sections are read one by one: counting the
runs of a large namespace takes milliseconds for each ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import maintenance as records
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import fleet
from durable_workflow.server.views.maintenance import age_ms, repair_policy, repair_status

Section: TypeAlias = Callable[[Read, str, ServiceSettings], JsonObject]


def _runs(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    counts = records.status_counts(read, namespace)
    found = records.run_figures(read, namespace)
    ended = {
        name: counts.get(name, 0) for name in ("completed", "failed", "cancelled", "terminated")
    }
    return {
        "total": sum(counts.values()),
        "current": records.instance_count(read, namespace),
        "running": found.open_runs,
        **ended,
        "archived": records.archived_runs(read, namespace),
        "waiting": found.waiting,
        "oldest_wait_started_at": precise_or_none(found.oldest_wait),
        "max_wait_age_ms": age_ms(found.oldest_wait, read.now),
        "claim_failed": found.failing,
        "repair_needed": 0,
        "oldest_repair_needed_at": None,
        "max_repair_needed_age_ms": 0,
    }


def _tasks(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    workflows = records.task_figures(read, namespace)
    activities = records.activity_figures(read, namespace)
    ready, delayed = workflows.ready + activities.ready, workflows.delayed + activities.delayed
    leased = workflows.leased + activities.leased
    oldest = _first(workflows.oldest_ready, activities.oldest_ready)
    oldest_expired = _first(workflows.oldest_expired, activities.oldest_expired)
    return {
        "open": ready + leased,
        "ready": ready,
        "ready_due": ready - delayed,
        "delayed": delayed,
        "leased": leased,
        "claim_failed": workflows.failed,
        "lease_expired": workflows.expired + activities.expired,
        "oldest_lease_expired_at": precise_or_none(oldest_expired),
        "max_lease_expired_age_ms": age_ms(oldest_expired, read.now),
        "oldest_ready_due_at": precise_or_none(oldest),
        "max_ready_due_age_ms": age_ms(oldest, read.now),
        "dispatch_failed": 0,
        "dispatch_overdue": 0,
        "unhealthy": workflows.unhealthy + activities.expired,
    }


def _first(*times: int | None) -> int | None:
    return min((at for at in times if at is not None), default=None)


def _activities(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    found = records.activity_figures(read, namespace)
    return {
        "open": found.ready + found.leased,
        "pending": found.ready,
        "running": found.leased,
        "retrying": found.retrying,
        "timeout_overdue": found.overdue,
        "max_attempt_count": found.most_attempts,
    }


def _backlog(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    tasks = _tasks(read, namespace, settings)
    activities = records.activity_figures(read, namespace)
    return {
        "runnable_tasks": tasks["ready_due"],
        "delayed_tasks": tasks["delayed"],
        "leased_tasks": tasks["leased"],
        "retrying_activities": activities.retrying,
        "unhealthy_tasks": tasks["unhealthy"],
        "repair_needed_runs": 0,
        "claim_failed_runs": tasks["claim_failed"],
    }


def _starts(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    found = records.run_figures(read, namespace)
    return {
        "pending_runs": found.starting,
        "oldest_pending_start_at": precise_or_none(found.oldest_start),
        "max_pending_ms": age_ms(found.oldest_start, read.now),
    }


def _history(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    found, limits = records.run_figures(read, namespace), settings.limits
    return {
        "continue_as_new_recommended_runs": found.long,
        "events": found.events,
        "history_orphan_total": 0,
        "max_event_count": found.most_events,
        "max_size_bytes": found.most_bytes,
        "event_threshold": limits.history_hint_events,
        "size_bytes_threshold": limits.history_hint_bytes,
    }


def _repair(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    found: JsonObject = repair_status(read, namespace, settings)["candidates"]
    return found


def _schedules(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    found = records.schedule_figures(read, namespace)
    return {
        "active": found.active,
        "paused": found.paused,
        "missed": found.missed,
        "oldest_overdue_at": precise_or_none(found.overdue),
        "max_overdue_ms": age_ms(found.overdue, read.now),
        "fires_total": found.fires,
        "failures_total": found.failures,
    }


def _workers(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    return fleet.summary(read, namespace, settings)


def _structural_limits(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    found: JsonObject = msgspec.to_builtins(settings.limits)
    return found


def _update_wait(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    return {"completion_timeout_seconds": settings.update_wait_seconds}


def _repair_policy(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    return repair_policy(settings)


def _nothing(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    return {}


SECTIONS: Final[dict[str, Section]] = {
    "runs": _runs,
    "tasks": _tasks,
    "activities": _activities,
    "backlog": _backlog,
    "repair": _repair,
    "starts": _starts,
    "history": _history,
    # Where `_nothing` stands nothing is counted: sections may be empty (control-plane 12.4).
    "command_contracts": _nothing,
    "projections": _nothing,
    "schedules": _schedules,
    "workers": _workers,
    "backend": _nothing,
    "structural_limits": _structural_limits,
    "update_wait": _update_wait,
    "repair_policy": _repair_policy,
    "matching_role": _nothing,
}


def generated_at(read: Read) -> str:
    """The time that the figures are of."""
    return precise(read.now)
