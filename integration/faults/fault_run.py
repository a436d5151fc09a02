"""Process orders while server and workers are killed: python integration/faults/fault_run.py

Beside the orders there are workflows with all that a workflow may have, standalone activities, and
a schedule (`mixed_work.py`). Server and workers are real processes on a state file. At random
moments one of them is killed with SIGKILL and started again. In the end every workflow must have
completed with the right result, no start that was acknowledged may be lost, nothing may be done
twice, each history must be dense with one outcome per activity.
Prints the figures as JSON, and exits with 1 if anything of that does not hold. See `--help`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

if __name__ == "__main__":  # started as a file, not as a module of the checkout
    ROOT = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

import httpx
from order_processing.orders import Order, expected_result, make_order

from durable_workflow import Client, ServerError, WorkflowAlreadyStarted
from integration.faults.mixed_work import MixedWork
from integration.faults.plan import Fault, Plan
from integration.faults.verdict import Verdict
from integration.harness.processes import ManagedProcess, ServerProcess, start_worker

T = TypeVar("T")
QUEUE = "orders"
PROGRAMS = "order_processing.workflows,order_processing.activities,integration.faults.mixture"
# While the server is down a request ends in one of these; anything else is a finding.
UNREACHABLE = (httpx.TransportError, OSError)


class FaultRun:
    """One run: the processes, the orders in flight, and what is known of them."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.verdict = Verdict(figures=asdict(plan))
        self.orders = [
            make_order(number, packing_seconds=plan.packing_seconds)
            for number in range(1, plan.orders + 1)
        ]
        self.mixed = MixedWork(
            plan.mixtures,
            queue=QUEUE,
            seconds=plan.packing_seconds,
            patience_seconds=plan.patience_seconds,
            ask=self._until_answered,
            verdict=self.verdict,
        )
        self.acknowledged: set[str] = set()
        self.start_retries = 0
        self.order_seconds: list[float] = []
        self.last_fault_at = 0.0
        self.server_starts: list[float] = []
        self.server = ServerProcess(
            folder / "state.db",
            environment={
                "DW_WORKFLOW_TASK_LEASE_SECONDS": str(plan.lease_seconds),
                "DW_ACTIVITY_TASK_LEASE_SECONDS": str(plan.lease_seconds),
                "DW_HEARTBEAT_INTERVAL_SECONDS": "1",
            },
        )
        self.workers: list[ManagedProcess] = []

    async def run(self) -> Verdict:
        """Do all of it; every process is gone when this returns."""
        began = time.monotonic()
        try:
            self._start_processes()
            async with (
                asyncio.timeout(self.plan.limit_seconds),
                Client(self.server.url, timeout=40.0) as client,
            ):
                await self._work_and_faults(client)
                await self._look_at_everything(client)
                await self.mixed.end(client)
        except TimeoutError:
            self.verdict.violations.append(
                f"stuck after {self.plan.limit_seconds} s; the server said:\n"
                f"{self.server.process.output}"
            )
        finally:
            for process in [*self.workers, self.server.process]:
                await asyncio.to_thread(process.dispose)
        ordered = sorted(self.order_seconds) or [0.0]
        self.verdict.figures |= {
            "seconds": round(time.monotonic() - began, 1),
            "seconds_with_faults": round(self.last_fault_at - began, 1),
            "median_order_seconds": round(ordered[len(ordered) // 2], 1),
            "slowest_order_seconds": round(ordered[-1], 1),
            "acknowledged": len(self.acknowledged),
            "starts_sent_again": self.start_retries,
            "slowest_server_start_seconds": round(max(self.server_starts, default=0.0), 3),
        }
        return self.verdict

    def _start_processes(self) -> None:
        self.server.start()
        self.workers = [self._worker(number) for number in range(self.plan.workers)]

    def _worker(self, number: int) -> ManagedProcess:
        polls = number < self.plan.polling_workers
        return start_worker(self.server.url, PROGRAMS, task_queue=QUEUE, polls=polls)

    async def _work_and_faults(self, client: Client) -> None:
        """Release the work in a wave per fault, so that each fault finds some under way."""
        faults = self.plan.faults()
        count = len(faults) + 1
        await self._until_answered(lambda: self.mixed.begin(client))
        async with asyncio.TaskGroup() as group:
            for wave, fault in enumerate([*faults, None]):
                for order in self.orders[wave::count]:
                    group.create_task(self._process(client, order))
                for number in self.mixed.numbers[wave::count]:
                    group.create_task(self.mixed.process(client, number))
                if fault is not None:
                    await asyncio.sleep(fault.pause_seconds)  # the random moment itself
                    await asyncio.to_thread(self._strike, fault)
                    self.last_fault_at = time.monotonic()

    def _strike(self, fault: Fault) -> None:
        if fault.kind == "server":
            self.server.kill()
            self.server.start()
            self.server_starts.append(self.server.start_seconds)
        else:
            self.workers[fault.worker].kill()
            self.workers[fault.worker] = self._worker(fault.worker)

    async def _process(self, client: Client, order: Order) -> None:
        workflow_id = order["order_id"]
        began = time.monotonic()
        await self._until_answered(lambda: self._start(client, order))
        self.acknowledged.add(workflow_id)
        handle = client.get_workflow_handle(workflow_id)
        result = await self._until_answered(
            lambda: handle.result(timeout=self.plan.patience_seconds, poll_interval=0.25)
        )
        self.order_seconds.append(time.monotonic() - began)
        self.verdict.look_at_result(workflow_id, result, expected_result(order))

    async def _start(self, client: Client, order: Order) -> None:
        try:
            await client.start_workflow(
                workflow_type="process-order",
                task_queue=QUEUE,
                workflow_id=order["order_id"],
                input=[order],
            )
        except WorkflowAlreadyStarted:
            self.start_retries += 1  # the acknowledgement of an earlier try was lost

    async def _until_answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except UNREACHABLE:
                await asyncio.sleep(0.1)
            except ServerError as error:
                if error.status < 500:
                    raise
                await asyncio.sleep(0.1)

    async def _look_at_everything(self, client: Client) -> None:
        for order in self.orders:
            workflow_id = order["order_id"]
            runs = (await client.list_workflow_runs(workflow_id)).runs
            if len(runs) != 1:
                self.verdict.missing(workflow_id, f"there are {len(runs)} runs")
            for run in runs:
                document = await client.get_history(workflow_id, run.run_id)
                self.verdict.look_at_history(workflow_id, document["events"])


async def fault_run(plan: Plan) -> Verdict:
    """Run a plan in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fault-run-") as folder:
        return await FaultRun(plan, Path(folder)).run()


def main() -> int:
    """Run what the command line asks for; the exit status says whether all held."""
    logging.getLogger("durable_workflow").setLevel(logging.ERROR)  # the server is often away
    plan = Plan.from_command_line()
    print(f"seed {plan.seed}", file=sys.stderr, flush=True)
    verdict = asyncio.run(fault_run(plan)).as_json()
    print(json.dumps(verdict, indent=2))
    return 1 if verdict["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
