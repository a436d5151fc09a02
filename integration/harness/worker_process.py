"""A worker as a process: python -m integration.harness.worker_process URL MODULE

MODULE has the lists `WORKFLOWS` and `ACTIVITIES`; `order_processing.registry`-like spellings of two
modules are written MODULE,MODULE. SIGTERM drains and stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import signal
from typing import Any

from durable_workflow import Client, Worker
from durable_workflow._event_loops import loop_factory
from durable_workflow._garbage import collect_rarely
from durable_workflow._meet import register_worker_transport
from durable_workflow._memory import keep_freed_memory
from durable_workflow.client._worker_transport import HttpWorkerTransport


class Polls(HttpWorkerTransport):
    """As towards a server that has no streams."""

    @property
    def can_stream(self) -> bool:
        """Never."""
        return False


def definitions(modules: str) -> tuple[list[Any], list[Any]]:
    """Collect what the modules, separated by commas, list under `WORKFLOWS` and `ACTIVITIES`."""
    workflows: list[Any] = []
    activities: list[Any] = []
    for name in modules.split(","):
        module = importlib.import_module(name)
        workflows += getattr(module, "WORKFLOWS", [])
        activities += getattr(module, "ACTIVITIES", [])
    return workflows, activities


async def serve(options: argparse.Namespace) -> None:
    """Work until SIGTERM or SIGINT."""
    workflows, activities = definitions(options.programs)
    if options.polls:
        register_worker_transport(Client, Polls)
    async with Client(options.url, token=options.token) as client:
        worker = Worker(
            client,
            task_queue=options.task_queue,
            workflows=workflows,
            activities=activities,
            worker_id=options.worker_id,
            max_concurrent_workflow_tasks=options.concurrency,
            max_concurrent_activity_tasks=options.concurrency,
            max_cached_workflows=options.cached_workflows,
        )
        asked_to_stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
        print("the worker is running", flush=True)
        collect_rarely()  # as `dw-worker` does
        keep_freed_memory()
        working = asyncio.create_task(worker.run())
        asking = asyncio.create_task(asked_to_stop.wait())
        await asyncio.wait({working, asking}, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        await worker.stop()
        await working


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="worker_process", description="A worker for tests.")
    parser.add_argument("url")
    parser.add_argument("programs", help="modules with WORKFLOWS and ACTIVITIES, by commas")
    parser.add_argument("--token", default=None)
    parser.add_argument("--task-queue", default="default")
    parser.add_argument("--worker-id", default=None)
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--cached-workflows", type=int, default=1000, help="kept machines")
    parser.add_argument("--polls", action="store_true", help="open no stream")
    parser.add_argument("--quiet", action="store_true", help="log nothing but what went wrong")
    chosen = parser.parse_args()
    level = logging.WARNING if chosen.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:  # as `dw-worker` does
        runner.run(serve(chosen))
