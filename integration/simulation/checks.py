"""What must hold of every history when a run has settled."""

from __future__ import annotations

from typing import Any

from durable_workflow.client import Client
from integration.harness.histories import CLOSING, types, violations


async def wrong_histories(client: Client, runs: list[tuple[str, str]]) -> list[str]:
    """What is wrong with the histories."""
    wrong: list[str] = []
    for workflow_id, run_id in runs:
        history: list[Any] = (await client.get_history(workflow_id, run_id))["events"]
        wrong += [f"{workflow_id} {run_id}: {each}" for each in violations(history)]
        if not CLOSING.intersection(types(history)):
            wrong.append(f"{workflow_id} {run_id} is open: {types(history)}")
    return wrong
