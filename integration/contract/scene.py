"""What a bad request may aim at: a leased task of each kind, a closed run, a registered worker.

A bad request changes nothing, so one scene serves a whole table, and `Rows` are how a test sees
that nothing changed: every row of the state file, and the leases still good.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration.harness.payloads import as_list, as_object, envelope
from integration.harness.wire import Wire

# What says when somebody was last seen, and nothing else, may change with any request.
SIGNS_OF_LIFE = frozenset({"workers"})


_numbers = itertools.count(1)


class Rows:
    """Every row of a state file, read again when somebody has committed something since.

    Args:
        db: The file, which a server has open.
    """

    def __init__(self, db: Path) -> None:
        self._connection = sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=10)
        self._version: object = None
        self._rows: dict[str, Any] = {}

    def close(self) -> None:
        self._connection.close()

    def read(self) -> dict[str, Any]:
        """Return the rows table by table; of `SIGNS_OF_LIFE` how many they are."""
        [(version,)] = self._connection.execute("PRAGMA data_version").fetchall()
        if version != self._version:
            found = self._connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            self._rows = {
                name: len(rows) if name in SIGNS_OF_LIFE else rows
                for (name,) in found.fetchall()
                for rows in [self._connection.execute(f'SELECT * FROM "{name}"').fetchall()]
            }
            self._version = version
        return self._rows


@dataclass(frozen=True, slots=True)
class Scene:
    """Names by which the tables speak of what is there: `$name` in a body, `{name}` in a path."""

    names: Mapping[str, Any]
    wire: Wire

    @staticmethod
    def make(wire: Wire) -> Scene:
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
        return Scene(names, wire)

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


def _schedule(schedule_id: str, queue: str) -> dict[str, Any]:
    return {
        "schedule_id": schedule_id,
        # Once in four years: it does not fire while the tables are worked through.
        "spec": {"cron_expressions": ["0 0 29 2 *"], "intervals": [{"every": "P99Y"}]},
        "action": {"workflow_type": "scene", "task_queue": queue},
    }


class Stage:
    """Holds the scene that tests share, and builds another one when a test has spoilt it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._scene: Scene | None = None

    @property
    def scene(self) -> Scene:
        """The scene, built when it is first asked for."""
        if self._scene is None:
            self._scene = Scene.make(self._wire)
        return self._scene

    def clear(self) -> None:
        """Have the next test begin with a new scene: this one was changed."""
        self._scene = None
