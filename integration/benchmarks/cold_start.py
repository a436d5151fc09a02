"""How long until something can be used: imports, the embedded server, the server process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from integration.harness.processes import ROOT, ServerProcess

IMPORTS = {
    "import_client_ms": "from durable_workflow import Client",
    "import_worker_ms": "from durable_workflow import Worker, activity, workflow",
    "import_server_ms": "from durable_workflow.server import embedded_server",
}
EMBEDDED = """
import asyncio, sys, time
from durable_workflow.server import embedded_server
async def main():
    began = time.perf_counter()
    async with embedded_server(db=sys.argv[1]):
        print(1000 * (time.perf_counter() - began))
asyncio.run(main())
"""


def cold_start(repeats: int) -> dict[str, float]:
    """Return medians in milliseconds; the bare interpreter's own start is taken off the imports."""
    bare = _run_ms("pass", repeats)
    figures = {name: round(_run_ms(code, repeats) - bare, 1) for name, code in IMPORTS.items()}
    with tempfile.TemporaryDirectory() as folder:
        ready = [
            float(_python("-c", EMBEDDED, f"{folder}/embedded-{number}.db"))
            for number in range(repeats)
        ]
        started = [_process_ready_ms(Path(folder) / f"{number}.db") for number in range(repeats)]
    return {
        "bare_interpreter_ms": round(bare, 1),
        **figures,
        "embedded_server_ready_ms": round(median(ready), 1),
        "server_process_ready_ms": round(median(started), 1),
    }


def _run_ms(code: str, repeats: int) -> float:
    times: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        _python("-c", code)
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


def _python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout


def _process_ready_ms(db: Path) -> float:
    with ServerProcess(db) as server:
        return 1000 * server.start_seconds
