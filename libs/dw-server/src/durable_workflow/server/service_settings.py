"""What an operator may change about the rules: leases, intervals, limits. 0 turns a limit off."""

from __future__ import annotations

import msgspec

from durable_workflow.server.admission_settings import AdmissionSettings
from durable_workflow.server.engine.limits import Limits


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that the services read. Times are in seconds.

    Attributes:
        missed_heartbeats: So many in a row, and a worker that names what it holds is gone.
        worker_stale_after_seconds: Silence that makes a worker stale, at the least: it is never
            less than that of `missed_heartbeats`.
    """

    default_namespace: str = "default"
    workflow_lease_seconds: float = 30
    activity_lease_seconds: float = 300
    heartbeat_interval_seconds: int = 10
    missed_heartbeats: int = 3
    worker_stale_after_seconds: int = 60
    stream_grace_seconds: float = 1
    history_page_size_default: int = 500
    history_page_size_max: int = 1000
    history_compression_threshold: int = 50
    task_backoff_first_seconds: float = 1
    task_backoff_max_seconds: float = 60
    query_timeout_seconds: float = 30
    query_lease_seconds: float = 60
    query_ttl_seconds: float = 180
    query_max_pending_per_queue: int = 1024
    update_wait_seconds: int = 10
    max_buffered_fires: int = 1000
    max_backfilled_fires: int = 10_000
    activity_max_redeliveries: int = 10
    retention_days: int = 30
    retention_interval_seconds: float = 60
    admission: AdmissionSettings = AdmissionSettings()
    limits: Limits = Limits()

    def stale_after(self, heartbeat_interval: int) -> int:
        """Seconds of silence after which a worker with these heartbeats is stale."""
        return max(self.worker_stale_after_seconds, heartbeat_interval * self.missed_heartbeats)
