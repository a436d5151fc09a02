"""Kill the server and the worker of an order in its middle, and see it end: python crash.py"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from durable_workflow import activity, workflow
from durable_workflow.sync import Client
from durable_workflow.workflow import WorkflowContext

Process = subprocess.Popen[str]


@activity.defn(name="charge")
def charge(order: str) -> None:
    print(f"charged {order}", flush=True)


@activity.defn(name="ship")
def ship(order: str) -> None:
    print(f"shipped {order}", flush=True)


@workflow.defn(name="order")
class Order:
    def run(self, ctx: WorkflowContext, order: str) -> Generator[Any, Any, str]:
        yield ctx.schedule_activity("charge", [order])
        yield ctx.sleep(3)
        yield ctx.schedule_activity("ship", [order])
        return f"{order} is charged and shipped"


def start(command: str, *arguments: str, stdout: int | None = None) -> Process:
    """Start a command of this environment."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name(command)), *arguments],
        cwd=Path(__file__).parent,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def start_both(db: str, port: str = "0") -> tuple[str, list[Process]]:
    """Start a server, and a worker for it; return the server's URL too."""
    server = start("dw-server", "--db", db, "--port", port, stdout=subprocess.PIPE)
    assert server.stdout is not None
    url = next(line.split()[-1] for line in server.stdout if "listening on" in line)
    worker = start("dw-worker", "crash", "--task-queue", "orders", "--url", url)
    return url, [server, worker]


def main(folder: str) -> None:
    """Place an order, and kill everything while it sleeps."""
    db = str(Path(folder, "state.db"))
    url, processes = start_both(db)
    with Client(url) as client:
        order = client.start_workflow(
            workflow_type="order", task_queue="orders", workflow_id="order-7", input=["order-7"]
        )
        while "TimerScheduled" not in str(client.get_history("order-7", str(order.run_id))):
            time.sleep(0.1)
        for process in processes:
            process.kill()
            process.communicate()
        print("kill -9: server and worker are gone", flush=True)
        _, processes = start_both(db, url.rpartition(":")[2])
        print("both are back", flush=True)
        print(order.result(timeout=30))
        for process in reversed(processes):
            process.terminate()
            process.communicate()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder)
