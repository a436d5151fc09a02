"""The builds of a queue: their workers, what was decided about them, what still needs them."""

from __future__ import annotations

from typing import Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.times import precise, precise_or_none
from durable_workflow.server.records import builds as records
from durable_workflow.server.records import leases
from durable_workflow.server.records import workers as worker_records
from durable_workflow.server.records.builds import BuildRollout
from durable_workflow.server.records.workers import Worker
from durable_workflow.server.requests import NamedQueue
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views.task_queues import stale_after_seconds
from durable_workflow.server.views.workers import status

_RANKS: Final = ("active", "active_with_draining", "draining", "stale_only", "no_workers")


def list_builds(
    read: Read, namespace: str, asked: NamedQueue, settings: ServiceSettings
) -> JsonObject:
    """The builds of a queue that has workers of, or about which something was decided (10.4)."""
    name = asked.task_queue
    cohorts: dict[str, list[Worker]] = {}
    for worker in worker_records.of_queue(read, namespace, name):
        cohorts.setdefault(worker.build_id or "", []).append(worker)
    rollouts = {each.build_id: each for each in records.of_queue(read, namespace, name)}
    pinned = records.pinned_runs(read, namespace, name)
    shown = [
        _cohort(
            read,
            rollouts.get(build_id) or BuildRollout(namespace, name, build_id),
            cohorts.get(build_id, []),
            settings,
            pinned_runs=pinned.get(build_id, 0),
        )
        for build_id in sorted({*cohorts, *rollouts, *pinned})
    ]
    # Sorting keeps the order of equals, so the last criterion comes first.
    shown.sort(key=lambda each: each["last_heartbeat_at"] or "", reverse=True)
    shown.sort(key=lambda each: (_RANKS.index(each["rollout_status"]), each["build_id"] is None))
    return {
        "namespace": namespace,
        "task_queue": name,
        "stale_after_seconds": stale_after_seconds(settings),
        "build_ids": shown,
    }


def shown_rollout(rollout: BuildRollout) -> JsonObject:
    """What was decided about a build, as the routes that decide answer it (10.5)."""
    named = {"namespace": rollout.namespace, "task_queue": rollout.task_queue}
    return named | {"build_id": rollout.build_id or None} | _decided(rollout)


def _decided(rollout: BuildRollout) -> JsonObject:
    return {
        "drain_intent": "active" if rollout.drained_at is None else "draining",
        "drained_at": precise_or_none(rollout.drained_at),
        "promoted_at": precise_or_none(rollout.promoted_at),
        "rolled_back_at": precise_or_none(rollout.rolled_back_at),
        "new_start_selected": bool(rollout.selected),
    }


def _cohort(
    read: Read,
    rollout: BuildRollout,
    workers: list[Worker],
    settings: ServiceSettings,
    *,
    pinned_runs: int,
) -> JsonObject:
    states = [status(worker, read.now, settings) for worker in workers]
    counts = {state: states.count(state) for state in ("active", "draining", "stale")}
    leased = sum(leases.count(read, worker.holder) for worker in workers)
    drains = rollout.drained_at is not None
    idle = drains or not counts["active"]
    return {
        "build_id": rollout.build_id or None,
        "rollout_status": _rollout_status(counts, drains=drains),
        **_decided(rollout),
        **{f"{state}_worker_count": count for state, count in counts.items()},
        "total_worker_count": len(workers),
        "runtimes": sorted({worker.runtime for worker in workers}),
        "sdk_versions": sorted({each.sdk_version for each in workers if each.sdk_version}),
        **_definitions(workers),
        "last_heartbeat_at": _time(max((each.seen_at for each in workers), default=None)),
        "first_seen_at": _time(min((each.registered_at for each in workers), default=None)),
        # What would be lost with its workers: nothing may need them before they are taken away.
        "pinned_run_count": pinned_runs,
        "leased_task_count": leased,
        "safe_to_remove": idle and not (rollout.selected or pinned_runs or leased),
    }


def _rollout_status(counts: dict[str, int], *, drains: bool) -> str:
    if counts["active"]:
        return "active_with_draining" if drains or counts["draining"] else "active"
    if counts["draining"] or drains:
        return "draining"
    return "stale_only" if counts["stale"] else "no_workers"


def _definitions(workers: list[Worker]) -> JsonObject:
    """How many definitions the workers of a build have, and which types have more than one."""
    known: dict[str, set[str]] = {}
    for worker in workers:
        for workflow_type, fingerprint in worker.fingerprints.items():
            known.setdefault(workflow_type, set()).add(fingerprint)
    return {
        "workflow_definition_fingerprint_count": sum(map(len, known.values())),
        "workflow_definition_fingerprint_conflicts": [
            {"workflow_type": workflow_type, "fingerprint_count": len(found)}
            for workflow_type, found in sorted(known.items())
            if len(found) > 1
        ],
    }


def _time(at: int | None) -> str | None:
    return None if at is None else precise(at)
