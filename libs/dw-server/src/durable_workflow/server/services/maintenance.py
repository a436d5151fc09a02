"""Upkeep of a namespace by operators: repairs and activity timeouts, in passes (control-plane 12).

The timer service does all of this by itself. A pass does it now, and tells what there was to do.
"""

from __future__ import annotations

import functools
from typing import Final, TypeAlias

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine import activity_outcomes
from durable_workflow.server.engine.state import Activity
from durable_workflow.server.records import activities as activity_records
from durable_workflow.server.records import instances
from durable_workflow.server.records import maintenance as records
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import ActivityTimeoutPass, RepairPass
from durable_workflow.server.requests.maintenance import MOST
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import due
from durable_workflow.server.services.repair import Repaired, repair_run
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store import OutcomeUnknown, Store, StoreUnavailable, StoreUnusable
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views.maintenance import SCAN_LIMIT

# It is the store that fails, whatever a pass is at.
_STORE_FAILURES = (StoreUnavailable, StoreUnusable, OutcomeUnknown)
_Failures: TypeAlias = list[JsonObject]
_NO_CONTRACTS: Final[JsonObject] = {
    "selected_command_contract_candidates": 0,
    "backfilled_command_contracts": 0,
    "command_contract_backfill_unavailable": 0,
    "command_contract_failures": [],
}


async def repair_pass(
    store: Store, namespace: str, asked: RepairPass, settings: ServiceSettings
) -> Reply:
    """Have go on what has stopped in a namespace: everything, or of some runs."""
    named = bool(asked.run_ids or asked.instance_id)
    if named:
        run_ids = await store.read(functools.partial(_named_runs, namespace=namespace, asked=asked))
    else:
        found = await store.read(lambda read: records.candidates(read, namespace, SCAN_LIMIT))
        run_ids = list(dict.fromkeys(candidate.run_id for candidate in found))
    total, failures = Repaired(), _Failures()
    for run_id in run_ids:
        work = functools.partial(_repair, namespace=namespace, run_id=run_id, settings=settings)
        try:
            total.add(await store.run(work))
        except _STORE_FAILURES:
            raise
        except Exception as error:  # noqa: BLE001  reported, and the other runs go on
            message = f"{type(error).__name__}: {error}"
            failures.append({"candidate_id": run_id, "message": message})
    body: JsonObject = {
        "connection": None,
        "queue": None,
        "run_ids": asked.run_ids,
        "instance_id": asked.instance_id,
        "respect_throttle": False,
        "throttled": False,
        "selected_existing_task_candidates": total.existing + len(failures),
        "selected_missing_task_candidates": total.missing,
        "selected_total_candidates": total.existing + total.missing + len(failures),
        "repaired_existing_tasks": total.existing,
        "repaired_missing_tasks": total.missing,
        "dispatched_tasks": total.existing + total.missing,
        "existing_task_failures": failures,
        "missing_run_failures": [],
        "deadline_expired_candidates": total.deadlines,
        "deadline_expired_tasks_created": 0,
        "deadline_expired_failures": [],
        "activity_timeout_candidates": total.timeouts,
        "activity_timeouts_enforced": total.timeouts,
        "activity_timeout_failures": [],
        **_NO_CONTRACTS,
    }
    return Reply(body, form="partial" if failures else "done")


async def activity_timeout_pass(
    store: Store, namespace: str, asked: ActivityTimeoutPass, settings: ServiceSettings
) -> Reply:
    """Time out the activities of a namespace whose deadlines have passed, or some of them."""
    ids = list(dict.fromkeys(asked.execution_ids))
    if not ids:
        most = min(asked.limit, MOST)
        overdue = await store.read(lambda read: records.overdue_activities(read, namespace, most))
        ids = [activity.execution_id for activity in overdue]
    known = await store.read(lambda read: records.open_activities(read, namespace, ids))
    results = [
        await _time_out_or_report(store, namespace, execution_id, known.get(execution_id), settings)
        for execution_id in ids
    ]
    outcomes = [result["outcome"] for result in results]
    failed = outcomes.count("error")
    body = {
        "processed": len(results),
        "enforced": outcomes.count("enforced"),
        "skipped": outcomes.count("skipped"),
        "failed": failed,
        "results": results,
    }
    return Reply(body, form="partial" if failed else "done")


def _named_runs(read: Read, *, namespace: str, asked: RepairPass) -> list[str]:
    run_ids = list(dict.fromkeys(asked.run_ids))
    if asked.instance_id is None:
        return run_ids
    instance = instances.find(read, namespace, asked.instance_id)
    if instance is None:
        return []
    current = instance.current_run_id
    return [current] if not run_ids or current in run_ids else []


def _repair(tx: Tx, *, namespace: str, run_id: str, settings: ServiceSettings) -> Repaired:
    unit = Unit(tx, settings)
    run = unit.find(run_id)
    if run is None or run.namespace != namespace or run.closed:
        return Repaired()
    repaired = repair_run(unit, run_id, rested=False)
    unit.finish()
    return repaired


async def _time_out_or_report(
    store: Store,
    namespace: str,
    execution_id: str,
    activity: Activity | None,
    settings: ServiceSettings,
) -> JsonObject:
    shown: JsonObject = {"execution_id": execution_id}
    if activity is None:
        return shown | {"outcome": "skipped", "reason": "execution_not_found"}
    work = functools.partial(_time_out, namespace=namespace, seen=activity, settings=settings)
    try:
        return shown | await store.run(work)
    except _STORE_FAILURES:
        raise
    except Exception as error:  # noqa: BLE001  reported, and the other activities go on
        return shown | {"outcome": "error", "reason": f"{type(error).__name__}: {error}"}


def _time_out(tx: Tx, *, namespace: str, seen: Activity, settings: ServiceSettings) -> JsonObject:
    unit = Unit(tx, settings)
    run = unit.find(seen.run_id)
    activity = activity_records.by_task(tx, namespace, seen.task_id)
    if run is None or activity is None:
        return {"outcome": "skipped", "reason": "execution_not_found"}
    if run.closed:
        return {"outcome": "skipped", "reason": "run_already_terminal"}
    if activity_outcomes.overdue(activity, tx.now) is None or activity.closed_at is not None:
        return {"outcome": "skipped", "reason": "no_deadline_expired"}
    due.handle_activity(unit, activity)
    unit.finish()
    left = records.open_activities(tx, namespace, [activity.execution_id])
    return {"outcome": "enforced", "has_retry": bool(left)}
