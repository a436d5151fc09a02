"""A build of the order example that open orders do not survive, held back before it is deployed.

Orders are recorded by a real server, some of them finished and one still being packed. Then a build
that asks for a fraud check before the payment is checked against them: it must be refused, with a
report that says where to look and what to do. Done as the report says, the build is safe.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from order_processing.activities import ACTIVITIES
from order_processing.orders import make_order
from order_processing.workflows import WORKFLOWS

from durable_workflow import Client, Worker
from durable_workflow.server import embedded_server
from integration.harness.waiting import eventually

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/order_processing"
TOKEN = "secret"
PAYMENT = "        try:\n            payment: str = yield ctx.schedule_activity("
FRAUD_CHECK = '        yield ctx.schedule_activity("check_fraud", [order_id])\n'
GUARDED = f'        if (yield ctx.patched("fraud-check")):\n    {FRAUD_CHECK}'


@dataclass(frozen=True)
class Recorded:
    """A server with recorded orders: numbers 1 to 3 are finished, order 4 is being packed."""

    url: str


@pytest.fixture
async def orders() -> AsyncIterator[Recorded]:
    async with (
        embedded_server(token=TOKEN) as url,
        Client(url, token=TOKEN) as client,
    ):
        worker = Worker(client, task_queue="orders", workflows=WORKFLOWS, activities=ACTIVITIES)
        working = asyncio.create_task(worker.run())
        try:
            handles = [
                await client.start_workflow(
                    workflow_type="process-order",
                    task_queue="orders",
                    workflow_id=f"order-{number}",
                    input=[make_order(number, packing_seconds=3600 if number == 4 else 0)],
                )
                for number in range(1, 5)
            ]
            for handle in handles[:3]:
                await handle.result(timeout=30)

            async def newest_event_of_order_4() -> str:
                history = await client.get_history("order-4", handles[3].run_id or "")
                return str(history["events"][-1]["event_type"])

            await eventually(newest_event_of_order_4, lambda seen: seen == "TimerScheduled")
        finally:
            await worker.stop()
            await working
        yield Recorded(url)


def build(folder: Path, before_payment: str) -> Path:
    """A build of the example with something put before the payment."""
    shutil.copytree(EXAMPLE, folder / "order_processing")
    workflows = folder / "order_processing/workflows.py"
    text = workflows.read_text()
    assert text.count(PAYMENT) == 1
    workflows.write_text(text.replace(PAYMENT, before_payment + PAYMENT))
    return folder


async def check(build: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command as the deployment of a build would."""
    command = [sys.executable, "-m", "durable_workflow.replay_check", *arguments]
    environment = {**os.environ, "DURABLE_WORKFLOW_AUTH_TOKEN": TOKEN, "PYTHONPATH": ""}
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, "--workflows", "order_processing.workflows:WORKFLOWS"],
        cwd=build,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # A check that takes more than a moment says how far it has come.
    said = re.sub(r"^checking: .*\n", "", done.stderr, flags=re.MULTILINE)
    return done.returncode, done.stdout, said


async def test_a_build_that_breaks_open_orders_is_refused_and_its_cure_is_accepted(
    orders: Recorded, tmp_path: Path
) -> None:
    saved = tmp_path / "histories"
    now = build(tmp_path / "now", "")
    server = ["--server", orders.url]
    code, out, err = await check(now, *server, "--save", str(saved), "--processes", "2")
    assert (code, err) == (0, ""), out
    assert "4 ok, 0 warning, 0 drifted, 0 failed" in out
    assert "safe_to_promote" in out
    assert len(list(saved.glob("*.json"))) == 4

    broken = build(tmp_path / "broken", FRAUD_CHECK)
    code, out, err = await check(broken, *server, "--json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    assert report["verdict"] == "drifted"
    assert report["promotion_decision"] == "block_until_compatible"
    assert report["summary"]["drifted"] == 4
    for run in report["runs"]:
        look_at(run, broken / "order_processing/workflows.py")

    code, out, _ = await check(broken, str(saved))
    assert code == 1
    for line in (
        "DRIFTED  process-order: order-",
        "  history has    activity 'charge_card'",
        "  the code asks  activity 'check_fraud' with 1 argument",
        '                     yield ctx.schedule_activity("check_fraud", [order_id])',
        "  cure           Let runs that passed here before go the old way:",
        '                     if (yield ctx.patched("name-of-the-change")):',
        "0 ok, 0 warning, 4 drifted, 0 failed",
        "Do not deploy: open runs like these would stop.",
    ):
        assert line in out, out

    cured = build(tmp_path / "cured", GUARDED)
    code, out, _ = await check(cured, str(saved))
    assert code == 0, out
    assert "4 ok, 0 warning, 0 drifted, 0 failed" in out


def look_at(run: dict[str, Any], workflows: Path) -> None:
    """The report of one order: where to look, and what to do."""
    divergence = run["divergence"]
    lines = workflows.read_text().splitlines()
    wanted = lines.index(FRAUD_CHECK.rstrip()) + 1
    assert divergence["source"] == {
        "file": "order_processing/workflows.py",
        "line": wanted,
        "function": "ProcessOrder.run",
        "code": FRAUD_CHECK.strip(),
    }
    items = len(make_order(int(run["workflow_id"].removeprefix("order-")))["items"])
    assert divergence["step"] == 1 + items + 1
    assert divergence["recorded"] == "activity 'charge_card'"
    assert divergence["recorded_events"][0]["event_type"] == "ActivityScheduled"
    assert divergence["asked"] == "activity 'check_fraud' with 1 argument"
    assert divergence["cause"] == "step_renamed_or_inserted"
    assert "ctx.patched(" in divergence["cure"]


async def test_a_server_without_such_runs_is_told_apart_from_one_where_all_is_well(
    orders: Recorded, tmp_path: Path
) -> None:
    now = build(tmp_path / "now", "")
    code, out, err = await check(now, "--server", orders.url, "--workflow-type", "unheard-of")
    assert (code, out) == (2, "")
    assert "has no such run of: unheard-of" in err
    code, _, err = await check(now, "--server", "http://127.0.0.1:9")
    assert code == 2
    assert "http://127.0.0.1:9" in err


async def test_runs_are_chosen_by_their_status(orders: Recorded, tmp_path: Path) -> None:
    now = build(tmp_path / "now", "")
    code, out, _ = await check(now, "--server", orders.url, "--status", "running", "--json")
    assert code == 0
    (run,) = json.loads(out)["runs"]
    assert (run["workflow_id"], run["verdict"]) == ("order-4", "ok")
    code, out, _ = await check(now, "--server", orders.url, "--limit", "2", "--json")
    assert json.loads(out)["summary"]["runs"] == 2
