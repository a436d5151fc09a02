"""Programs without await: a real server, a real worker, and the blocking client."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from durable_workflow import WorkflowAlreadyStarted, sync
from integration.end_to_end.conftest import QUEUE
from integration.harness.processes import ServerProcess


@pytest.fixture
def url(shared_server: ServerProcess, shared_worker: None) -> str:
    return shared_server.url


def test_a_workflow_is_started_and_waited_for(url: str) -> None:
    with sync.Client(url) as client:
        handle = client.start_workflow(
            workflow_type="greeter", task_queue=QUEUE, workflow_id="blocking-1", input=["world"]
        )
        assert handle.result(timeout=20) == {"greeting": "Hello, world!", "length": 5}
        assert handle.describe().status == "completed"
        with pytest.raises(WorkflowAlreadyStarted):
            client.start_workflow(
                workflow_type="greeter", task_queue=QUEUE, workflow_id="blocking-1"
            )
        done = client.execute_workflow(
            workflow_type="greeter", task_queue=QUEUE, input=["you"], timeout=20
        )
        assert done["greeting"] == "Hello, you!"
        listed = [run.workflow_id for run in client.iter_workflows(workflow_type="greeter")]
        assert "blocking-1" in listed


async def test_it_works_beside_a_running_loop(url: str) -> None:
    with sync.Client(url) as client:
        handle = client.start_workflow(workflow_type="greeter", task_queue=QUEUE, input=["x"])
        results = await asyncio.gather(
            *(asyncio.to_thread(handle.result, timeout=20) for _ in range(4))
        )
        assert [result["length"] for result in results] == [1, 1, 1, 1]


def test_a_script_that_closes_nothing_ends_cleanly(url: str) -> None:
    program = f"""
from durable_workflow import sync
client = sync.Client({url!r})
handle = client.start_workflow(workflow_type="greeter", task_queue={QUEUE!r}, input=["a"])
print(handle.result(timeout=20)["greeting"])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, a!\n", "")
