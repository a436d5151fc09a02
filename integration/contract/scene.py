"""What a bad request may aim at: a leased task of each kind, a closed run, a registered worker.

A bad request changes nothing, so one scene serves a whole table, and `Scene.state` is how a test
sees that nothing changed: every row of the state file, and the leases still good.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.harness.payloads import as_list, as_object, envelope
from integration.harness.wire import Wire

# What says when somebody was last seen, and nothing else, may change with any request.
SIGNS_OF_LIFE = frozenset({"workers"})


_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Scene:
    """Names by which the tables speak of what is there: `$name` in a body, `{name}` in a path."""

    names: Mapping[str, Any]
    wire: Wire
    db: Path

    @staticmethod
    def make(wire: Wire, db: Path) -> Scene:
        """Build it over the wire, as any peer could."""
        scene = f"scene-{next(_numbers)}"
        queue, worker = f"{scene}-queue", f"{scene}-worker"
        wire.register(
            worker,
            queue=queue,
            build_id="b1",
            supported_workflow_types=["scene"],
            supported_activity_types=["act"],
            workflow_definition_fingerprints={"scene": "sha256:aa"},
        )
        closed = wire.start(f"{scene}-closed", workflow_type="scene", queue=queue)
        task = wire.poll("workflow", worker, queue=queue)
        wire.complete(task, {"type": "complete_workflow", "result": envelope("done")})
        wire.start(f"{scene}-activity", workflow_type="scene", queue=queue)
        scheduling = wire.poll("workflow", worker, queue=queue)
        wire.complete(
            scheduling,
            {"type": "schedule_activity", "activity_type": "act", "arguments": envelope(["x"])},
        )
        activity = wire.poll("activity", worker, queue=queue)
        started = wire.start(f"{scene}-open", workflow_type="scene", queue=queue)
        leased = wire.poll("workflow", worker, queue=queue)
        alone = {"activity_type": "act", "task_queue": f"{scene}-nobody"}
        standalone = wire.send("POST", "/api/activities", alone).need(201)
        for schedule in (f"{scene}-schedule", f"{scene}-deleted"):
            wire.send("POST", "/api/schedules", _schedule(schedule, queue)).need(201)
        wire.send("DELETE", f"/api/schedules/{scene}-deleted").need()
        names = {
            "standalone": standalone["activity_id"],
            "queue": queue,
            "schedule": f"{scene}-schedule",
            "deleted_schedule": f"{scene}-deleted",
            "worker": worker,
            "workflow": f"{scene}-open",
            "run": started["run_id"],
            "closed": f"{scene}-closed",
            "closed_run": closed["run_id"],
            "task": leased["task_id"],
            "attempt": leased["workflow_task_attempt"],
            "closed_task": task["task_id"],
            "done_task": scheduling["task_id"],
            "activity_task": activity["task_id"],
            "activity_attempt": activity["activity_attempt_id"],
        }
        return Scene(names, wire, db)

    def fill(self, value: Any) -> Any:
        """Return `value` with each `$name` replaced by what it stands for here."""
        if isinstance(value, str):
            return self.names[value[1:]] if value.startswith("$") else value
        if (members := as_object(value)) is not None:
            return {key: self.fill(member) for key, member in members.items()}
        if (items := as_list(value)) is not None:
            return [self.fill(item) for item in items]
        return value

    def path(self, template: str) -> str:
        """Return the path with each `{name}` replaced."""
        for name, value in self.names.items():
            template = template.replace(f"{{{name}}}", str(value))
        return template

    def state(self) -> dict[str, Any]:
        """Return every row that the server has committed, table by table."""
        uri = f"{self.db.as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            found = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            tables = [name for (name,) in found]
            return {
                name: len(rows) if name in SIGNS_OF_LIFE else rows
                for name in tables
                for rows in [connection.execute(f'SELECT * FROM "{name}"').fetchall()]
            }


def _schedule(schedule_id: str, queue: str) -> dict[str, Any]:
    return {
        "schedule_id": schedule_id,
        # Once in four years: it does not fire while the tables are worked through.
        "spec": {"cron_expressions": ["0 0 29 2 *"], "intervals": [{"every": "P99Y"}]},
        "action": {"workflow_type": "scene", "task_queue": queue},
    }


class Stage:
    """Holds the scene that tests share, and builds another one when a test has spoilt it."""

    def __init__(self, wire: Wire, db: Path) -> None:
        self._wire = wire
        self._db = db
        self._scene: Scene | None = None

    @property
    def scene(self) -> Scene:
        """The scene, built when it is first asked for."""
        if self._scene is None:
            self._scene = Scene.make(self._wire, self._db)
        return self._scene

    def clear(self) -> None:
        """Have the next test begin with a new scene: this one was changed."""
        self._scene = None
