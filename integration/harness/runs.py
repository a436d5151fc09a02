"""Runs as tests and benchmarks hand them to the engine and the store."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.engine.state import Run

_PLAIN: dict[str, Any] = {
    "run_id": "run",
    "namespace": "default",
    "workflow_id": "wf",
    "run_number": 1,
    "workflow_type": "flow",
    "task_queue": "q",
    "compatibility": None,
    "codec": "json",
    "priority": 5,
    "fairness_key": None,
    "fairness_weight": 1,
    "started_at": 5,
    "execution_timeout_seconds": None,
    "run_timeout_seconds": None,
    "execution_deadline": None,
    "run_deadline": None,
    "parent_run_id": None,
    "parent_sequence": None,
    "link_id": None,
}


def plain_run(**fields: Any) -> Run:
    """A run that has just been started and sets nothing that it need not, but for these fields."""
    return Run(**_PLAIN | fields)
