"""Measure if a long backlog of one namespace slows another: -m integration.benchmarks.starvation.

Two servers serve the same work in one namespace, in turns. In the other namespace of one of them
100,000 workflow tasks are ready, and a worker that may take none of them waits there. Prints the
processor time of each server for one workflow, and its ratio.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from integration.benchmarks.figures import cpu_seconds
from integration.harness.processes import ServerProcess
from integration.harness.wire import Wire

_COPIED = "run_id, workflow_id, task_id"


def fill(db: Path, count: int) -> None:
    """Start a workflow in the other namespace, and have its ready task so many times."""
    with ServerProcess(db) as server, Wire(server.url) as wire:
        wire.send("POST", "/api/namespaces", {"name": "other"}).need(201)
        body = {"workflow_id": "seed", "workflow_type": "never", "task_queue": "q"}
        headers = {"X-Namespace": "other"}
        wire.send("POST", "/api/workflows", body, headers=headers).need(201)
    if not count:
        return
    with closing(sqlite3.connect(db)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        made = [
            f"{name} || '-' || number" if name in _COPIED.split(", ") else name for name in columns
        ]
        connection.execute(
            f"""
            WITH RECURSIVE numbers (number) AS (
                SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}
            )
            INSERT INTO runs ({", ".join(columns)})
            SELECT {", ".join(made)} FROM runs, numbers WHERE namespace = 'other'
            """
        )
        connection.commit()


def work(server: ServerProcess, name: str, count: int) -> float:
    """Serve so many workflows of one task each; the server's processor milliseconds for one."""
    with Wire(server.url) as wire:
        wire.register("w", queue="q")
        before = cpu_seconds(server.process.pid)
        for number in range(count):
            wire.start(f"{name}-{number}", workflow_type="flow", queue="q")
            task = wire.poll("workflow", "w", queue="q")
            wire.complete(task, {"type": "complete_workflow"})
        return 1000 * (cpu_seconds(server.process.pid) - before) / count


def main() -> None:
    """Run it, and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backlog", type=int, default=100_000)
    parser.add_argument("--workflows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers: dict[str, ServerProcess] = {}
        for name, backlog in (("alone", 0), ("beside", given.backlog)):
            db = Path(folder) / f"{name}.db"
            fill(db, backlog)
            servers[name] = stack.enter_context(ServerProcess(db))
            with Wire(servers[name].url) as wire:
                body = {"worker_id": "idle", "task_queue": "q", "runtime": "python"}
                types = {"supported_workflow_types": ["another"]}
                headers = {"X-Namespace": "other"}
                wire.send("POST", "/api/worker/register", body | types, headers=headers).need(201)
        found: dict[str, list[float]] = {"alone": [], "beside": []}
        for round_ in range(given.rounds):
            for name, server in servers.items():
                found[name].append(work(server, f"r{round_}", given.workflows))
        medians = {name: round(statistics.median(each), 3) for name, each in found.items()}
        ratio = round(medians["beside"] / medians["alone"], 3)
        print(json.dumps({"milliseconds": medians, "ratio": ratio, "backlog": given.backlog}))


if __name__ == "__main__":
    main()
