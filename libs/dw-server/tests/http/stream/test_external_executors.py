"""Tasks that are pushed say which mapping matches them, as those of polls do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from durable_workflow.server import Settings


async def test_a_pushed_task_has_its_external_executor(staged: Any, tmp_path: Path) -> None:
    mapping = {"name": "m", "kind": "activity", "activity_type": "act", "task_queue": "q"}
    document = {
        "schema": "durable-workflow.external-executor.config",
        "version": 1,
        "carriers": {"shell": {"type": "process"}},
        "mappings": [mapping | {"handler": "h", "carrier": "shell"}],
    }
    path = tmp_path / "executors.json"
    path.write_text(json.dumps(document))
    settings = Settings(db=":memory:", long_poll_timeout=1, external_executor_config_path=str(path))
    async with staged(settings) as stage:
        peer = await stage.peer()
        for activity_type in ("act", "other"):
            body = {"activity_type": activity_type, "task_queue": "q"}
            await stage.post("/activities", body)
            task = await peer.task("activity")
            assert ("external_executor" in task) == (activity_type == "act")
            await peer.complete_activity(task)
