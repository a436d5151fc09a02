"""The examples do what they show, run as their readers run them."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from order_processing.activities import ACTIVITIES
from order_processing.orders import expected_result, make_order
from order_processing.workflows import WORKFLOWS

from durable_workflow import Client, Worker
from durable_workflow.server import embedded_server
from integration.harness.processes import ManagedProcess, ServerProcess

ROOT = Path(__file__).resolve().parents[2]


def output_of(*arguments: str, cwd: Path, timeout: float = 60) -> list[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def results_of(printed: list[str]) -> list[Any]:
    return sorted((json.loads(line) for line in printed), key=lambda result: result["order_id"])


def test_quickstart_greets_the_world(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    printed = output_of(str(ROOT / "examples/quickstart.py"), str(state), cwd=tmp_path)
    assert printed == ['{"greeting": "Hello, world!", "length": 5}']
    assert state.stat().st_size > 0


def without_names(line: str) -> str:
    return re.sub(r"^(dw-worker: )\S+( .* at ).*", r"\1\2", line)


def test_an_order_survives_the_death_of_its_server_and_worker(tmp_path: Path) -> None:
    # Four processes are started one after the other.
    printed = output_of(str(ROOT / "examples/crash.py"), cwd=tmp_path, timeout=180)
    shown = (ROOT / "README.md").read_text()
    [block] = re.findall(r"^\$ scripts/quickstart crash .*\n((?:[^`$].*\n)+)", shown, re.MULTILINE)
    # A worker's line names it, and the port.
    assert list(map(without_names, printed)) == list(map(without_names, block.splitlines()))


def test_orders_end_as_their_input_says(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    printed = output_of(
        "-m", "order_processing", "--db", state, "--orders", "4", cwd=ROOT / "examples"
    )
    assert results_of(printed) == [expected_result(make_order(number)) for number in range(1, 5)]


async def test_an_order_that_is_not_paid_releases_what_was_reserved() -> None:
    order = make_order(3)
    order["card_declined"] = True
    async with embedded_server() as url, Client(url) as client:
        handle = await client.start_workflow(
            workflow_type="process-order", task_queue="orders", workflow_id="o", input=[order]
        )
        worker = Worker(client, task_queue="orders", workflows=WORKFLOWS, activities=ACTIVITIES)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(worker.run())
            result = await handle.result(timeout=30)
            await worker.stop()
            await working
    assert result == expected_result(order)
    assert result["released"] == result["reservations"][::-1] != []


def test_orders_are_placed_once_however_often_the_program_runs(tmp_path: Path) -> None:
    again = ["-m", "order_processing", "--db", str(tmp_path / "state.db"), "--orders", "2"]
    first, second = (output_of(*again, cwd=ROOT / "examples") for _ in range(2))
    assert results_of(second) == results_of(first)


def test_orders_are_processed_by_a_server_and_a_worker_of_their_own(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "state.db", token="secret") as server:
        at = ["--url", server.url, "--token", "secret"]
        command = [sys.executable, "-m", "order_processing.worker", server.url, *at[2:]]
        environment = {"PYTHONPATH": str(ROOT / "examples")}
        worker = ManagedProcess(command, environment=environment, name="worker")
        try:
            printed = output_of(
                "-m", "order_processing", *at, "--orders", "2", cwd=ROOT / "examples"
            )
            assert worker.stop() == 0
        finally:
            worker.dispose()
    assert results_of(printed) == [expected_result(make_order(number)) for number in (1, 2)]
