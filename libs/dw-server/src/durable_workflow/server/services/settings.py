"""What an operator may change about the rules: leases, intervals, limits. 0 turns a limit off."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Structural limits (worker-protocol 9) and those of the history of one run."""

    pending_activities: int = 2000
    pending_children: int = 1000
    pending_timers: int = 2000
    pending_signals: int = 5000
    pending_updates: int = 500
    command_batch_size: int = 1000
    payload_bytes: int = 2_097_152
    memo_bytes: int = 262_144
    search_attribute_bytes: int = 40_960
    events_per_transaction: int = 5000
    history_hint_events: int = 10_000
    history_hint_bytes: int = 5 * 1024 * 1024
    history_events: int = 200_000
    history_bytes: int = 256 * 1024 * 1024


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that the services read. Times are in seconds."""

    default_namespace: str = "default"
    workflow_lease_seconds: float = 30
    activity_lease_seconds: float = 300
    heartbeat_interval_seconds: int = 10
    missed_heartbeats: int = 3
    history_page_size_default: int = 500
    history_page_size_max: int = 1000
    history_compression_threshold: int = 50
    task_backoff_first_seconds: float = 1
    task_backoff_max_seconds: float = 60
    sticky_offer_seconds: float = 2
    query_timeout_seconds: float = 30
    query_lease_seconds: float = 60
    query_ttl_seconds: float = 180
    query_max_pending_per_queue: int = 1024
    update_wait_seconds: int = 10
    limits: Limits = Limits()
