"""What a pass of upkeep would find, and figures of a namespace (control-plane 12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import maintenance as records
from durable_workflow.server.records.maintenance import RepairCandidate
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.task_queues import REDISPATCH_AFTER_SECONDS

SCAN_LIMIT: Final = 25
# Candidates that are counted; more are told as so many.
_COUNTED: Final = 1000
_SCAN: Final[JsonObject] = {
    "scan_limit": SCAN_LIMIT,
    "scan_strategy": "scope_fair_round_robin",
}
_MILLISECOND: Final = 1000


def repair_policy(settings: ServiceSettings) -> JsonObject:
    """How soon a failed task is offered again, in the words of older servers.

    Tasks of ours need no repair pass: leases and back-off are due times in the store.
    """
    return {
        "redispatch_after_seconds": REDISPATCH_AFTER_SECONDS,
        "loop_throttle_seconds": 5,
        **_SCAN,
        "failure_backoff_max_seconds": int(settings.task_backoff_max_seconds),
        "failure_backoff_strategy": "exponential_by_repair_count",
    }


def repair_status(read: Read, namespace: str, settings: ServiceSettings) -> JsonObject:
    """What a repair pass over a namespace would find."""
    found = records.candidates(read, namespace, _COUNTED)
    return {"policy": repair_policy(settings), "candidates": repair_candidates(found, read.now)}


def repair_candidates(found: Sequence[RepairCandidate], now: int) -> JsonObject:
    """Candidates, counted. Runs without a task that they need do not come about."""
    scopes: dict[tuple[str | None, str, str | None], list[RepairCandidate]] = {}
    for each in found:
        scope = each.connection, each.task_queue, each.compatibility
        scopes.setdefault(scope, []).append(each)
    selected = found[:SCAN_LIMIT]
    return {
        **_counts(found, selected, now),
        **_SCAN,
        "existing_task_scan_limit_reached": len(found) > SCAN_LIMIT,
        "missing_task_scan_limit_reached": False,
        "scan_pressure": len(found) > SCAN_LIMIT,
        "scopes": [
            {
                "scope_key": f"{connection or 'default'}:{queue}:{compatibility or 'any'}",
                "connection": connection,
                "queue": queue,
                "compatibility": compatibility,
                **_counts(members, [each for each in members if each in selected], now),
                "scan_limited_by_global_policy": any(each not in selected for each in members),
            }
            for (connection, queue, compatibility), members in scopes.items()
        ],
    }


def _counts(
    found: Sequence[RepairCandidate], selected: Sequence[RepairCandidate], now: int
) -> JsonObject:
    oldest = min((each.since for each in found), default=None)
    return {
        "existing_task_candidates": len(found),
        "missing_task_candidates": 0,
        "total_candidates": len(found),
        "selected_existing_task_candidates": len(selected),
        "selected_missing_task_candidates": 0,
        "selected_total_candidates": len(selected),
        "oldest_task_candidate_created_at": precise_or_none(oldest),
        "oldest_missing_run_started_at": None,
        "max_task_candidate_age_ms": age_ms(oldest, now),
        "max_missing_run_age_ms": 0,
    }


def age_ms(since: int | None, now: int) -> int:
    """Milliseconds since a time; 0 where there is none, or it is still to come."""
    return 0 if since is None else max(now - since, 0) // _MILLISECOND


def activity_timeout_status(read: Read, namespace: str, most: int) -> JsonObject:
    """The activities of a namespace of which a deadline has passed."""
    overdue = records.overdue_activities(read, namespace, most)
    return {
        "expired_count": len(overdue),
        "expired_execution_ids": [activity.execution_id for activity in overdue],
        "scan_limit": most,
        "scan_pressure": len(overdue) >= most,
    }


_TYPES_SHOWN: Final = 20
_TYPE_POLICY: Final[JsonObject] = {
    "namespace": "request_scope_not_label",
    "workflow_type": {
        "cardinality_class": "bounded_series",
        "limit": _TYPES_SHOWN,
        "selection": "top_by_max_consecutive_failures_then_name",
    },
}
_PROJECTIONS: Final = (
    "run_summaries",
    "run_waits",
    "run_timeline_entries",
    "run_timer_entries",
    "run_lineage_entries",
)
_TABLE_POLICY: Final[JsonObject] = {
    "namespace": "server_scope_no_label",
    "table": {
        "cardinality_class": "finite_projection_table_inventory",
        "values": list(_PROJECTIONS),
        "selection": "fixed_projection_table_inventory",
    },
}


def metrics(read: Read, namespace: str) -> JsonObject:
    """The two metrics of control-plane 12.4."""
    failing = records.failing_types(read, namespace)
    shown, hidden = failing[:_TYPES_SHOWN], failing[_TYPES_SHOWN:]
    failures: dict[str, Any] = {
        "max_consecutive_failures": failing[0][1] if failing else 0,
        "failed_task_count": sum(tasks for _, _, tasks in failing),
        "workflow_type_count": len(failing),
        "workflow_type_limit": _TYPES_SHOWN,
        "workflow_types_truncated": bool(hidden),
        "suppressed_workflow_type_count": len(hidden),
        "suppressed_failed_task_count": sum(tasks for _, _, tasks in hidden),
        "label_cardinality_policy": _TYPE_POLICY,
        "by_workflow_type": [
            {"workflow_type": name, "max_consecutive_failures": most, "failed_task_count": tasks}
            for name, most, tasks in shown
        ],
    }
    # What operators see is computed from rows and histories when they ask: nothing can drift.
    drift = {
        "total": 0,
        "table_count": len(_PROJECTIONS),
        "tables_with_drift": 0,
        "scope": "server",
        "label_cardinality_policy": _TABLE_POLICY,
        "by_table": [{"table": name, "needs_rebuild": 0} for name in _PROJECTIONS],
    }
    return {
        "generated_at": precise(read.now),
        "namespace": namespace,
        "metrics": {
            "dw_workflow_task_consecutive_failures": failures,
            "dw_projection_drift_total": drift,
        },
        "cardinality": {
            "metric_label_sets": {
                "dw_workflow_task_consecutive_failures": _TYPE_POLICY,
                "dw_projection_drift_total": _TABLE_POLICY,
            }
        },
    }
