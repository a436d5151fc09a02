"""`dw-worker` as a process of its own, beside a real server."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from durable_workflow import Client
from integration.end_to_end.conftest import ENVIRONMENT
from integration.harness.processes import ManagedProcess, ServerProcess
from integration.harness.waiting import eventually

SERVES = re.compile(r"dw-worker: \S+ serves task queue (\S+) of namespace")
REGISTERED = re.compile(r"worker \S+ registered on task queue")

APP = """
import pathlib
import time

from durable_workflow import Client, Worker, activity, workflow

@activity.defn(name="version")
def version():
    return 1

@activity.defn(name="slow")
def slow():
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    return "done"

@workflow.defn(name="ask")
class Ask:
    def run(self, ctx, name):
        return (yield ctx.schedule_activity(name, []))

def make_worker():
    return Worker(Client({url!r}), task_queue="own", workflows=[Ask], activities=[version])
"""


@contextmanager
def command(folder: Path, *arguments: str) -> Generator[ManagedProcess]:
    process = ManagedProcess(
        [sys.executable, "-m", "durable_workflow.worker", *arguments],
        name="dw-worker",
        folder=folder,
    )
    try:
        yield process
    except BaseException as error:
        error.add_note(f"dw-worker said:\n{process.output}")
        raise
    finally:
        process.dispose()


@pytest.fixture
def app(tmp_path: Path, shared_server: ServerProcess) -> Path:
    """A folder with the module `app`."""
    (tmp_path / "app.py").write_text(APP.format(url=shared_server.url))
    return tmp_path


async def ask(url: str, queue: str, activity: str) -> object:
    async with Client(url) as client:
        handle = await client.start_workflow(
            workflow_type="ask",
            task_queue=queue,
            workflow_id=f"ask-{uuid.uuid4().hex}",
            input=[activity],
        )
        return await client.get_result(handle, timeout=30)


async def file_is_there(path: Path) -> None:
    async def look() -> bool:
        return await asyncio.to_thread(path.exists)

    await eventually(look, bool)


async def test_a_module_is_served_until_sigterm(app: Path, shared_server: ServerProcess) -> None:
    arguments = ("app", "--task-queue", "cli-module", "--url", shared_server.url)
    with command(app, *arguments) as worker:
        assert worker.wait_for_line(SERVES)[1] == "cli-module"
        assert await ask(shared_server.url, "cli-module", "version") == 1
        assert worker.stop() == 0
        assert "workflows ask; activities slow, version" in worker.output
        assert "GET http" not in worker.output, "no line for each poll"


async def test_a_worker_of_the_programs_own_is_served(
    app: Path, shared_server: ServerProcess
) -> None:
    with command(app, "app:make_worker") as worker:
        assert await ask(shared_server.url, "own", "version") == 1
        assert worker.stop() == 0


async def test_a_signal_drains_what_is_in_flight(app: Path, shared_server: ServerProcess) -> None:
    url = shared_server.url
    async with Client(url) as client:
        with command(app, "app", "--task-queue", "cli-drain", "--url", url) as worker:
            handle = await client.start_workflow(
                workflow_type="ask", task_queue="cli-drain", workflow_id="drained", input=["slow"]
            )
            await file_is_there(app / "begun")
            os.kill(worker.pid, signal.SIGINT)
            worker.wait_for_line(re.compile("draining on SIGINT"))
            (app / "go").touch()
            assert worker.wait(timeout=30) == 0
        with command(app, "app", "--task-queue", "cli-drain", "--url", url):
            assert await client.get_result(handle, timeout=30) == "done"
        history = await client.get_history(handle.workflow_id, handle.run_id or "")
        started = [each for each in history["events"] if each["event_type"] == "ActivityStarted"]
        assert len(started) == 1, "the activity ran once"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)]
)
async def test_a_second_signal_ends_at_once(
    app: Path, shared_server: ServerProcess, number: signal.Signals, status: int
) -> None:
    url = shared_server.url
    async with Client(url) as client:
        with command(app, "app", "--task-queue", "cli-second", "--url", url) as worker:
            handle = await client.start_workflow(
                workflow_type="ask",
                task_queue="cli-second",
                workflow_id=f"second-{number}",
                input=["slow"],
            )
            await file_is_there(app / "begun")
            os.kill(worker.pid, number)
            worker.wait_for_line(re.compile(f"draining on {number.name}"))
            os.kill(worker.pid, number)
            assert worker.wait(timeout=10) == status
        await handle.terminate()


async def test_a_change_of_a_file_starts_the_worker_again(
    app: Path, shared_server: ServerProcess
) -> None:
    url = shared_server.url
    with command(app, "app", "--task-queue", "cli-reload", "--url", url, "--reload") as worker:
        assert await ask(url, "cli-reload", "version") == 1
        text = (app / "app.py").read_text()
        (app / "app.py").write_text(text.replace("return 1", "return (1"))
        worker.wait_for_line(re.compile("SyntaxError"))
        worker.wait_for_line(re.compile("ended with exit code 2: starts again at the next change"))
        # Python takes a file of the same second and size for one that it has compiled.
        (app / "app.py").write_text(text.replace("return 1", "return 1 + 1"))
        assert await ask(url, "cli-reload", "version") == 2
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(timeout=30) == 0


def test_a_refused_login_ends_it_with_1(app: Path, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "own.db", token="right", environment=ENVIRONMENT)
    arguments = ("app", "--task-queue", "q", "--token", "wrong")
    with server, command(app, *arguments, "--url", server.url) as worker:
        assert worker.wait(timeout=30) == 1
        assert "the worker ended" in worker.output
        assert "Traceback" not in worker.output


def test_a_namespace_that_is_not_there_ends_it_with_1(
    app: Path, shared_server: ServerProcess
) -> None:
    arguments = ("app", "--task-queue", "q", "--namespace", "nowhere")
    with command(app, *arguments, "--url", shared_server.url) as worker:
        assert worker.wait(timeout=30) == 1
        assert "the worker ended: namespace not found: nowhere" in worker.output
        assert "Traceback" not in worker.output


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--task-queue", " ", "task_queue"),
        ("--url", "localhost:8080", "base_url must name a scheme"),
        ("--namespace", "ü", "namespace has a character"),
    ],
)
def test_a_bad_setting_ends_it_with_2(app: Path, flag: str, value: str, says: str) -> None:
    with command(app, "app", "--task-queue", "q", flag, value) as worker:
        assert worker.wait(timeout=30) == 2
        assert f"dw-worker: {says}" in worker.output
        assert "Traceback" not in worker.output


async def test_a_deregistered_worker_reports_what_it_holds_and_ends(
    app: Path, shared_server: ServerProcess
) -> None:
    url, queue = shared_server.url, "cli-gone"
    async with Client(url) as client:
        with command(app, "app", "--task-queue", queue, "--url", url) as worker:
            handle = await client.start_workflow(
                workflow_type="ask", task_queue=queue, workflow_id="gone", input=["slow"]
            )
            await file_is_there(app / "begun")
            [found] = (await client.list_workers(task_queue=queue)).workers
            await client.deregister_worker(found.worker_id)
            (app / "go").touch()
            assert worker.wait(timeout=30) == 1
            assert "the worker ended: an operator deregistered this worker" in worker.output
            assert worker.output.count("poll failed") == 0
        with command(app, "app", "--task-queue", queue, "--url", url):
            assert await client.get_result(handle, timeout=30) == "done"
        history = await client.get_history(handle.workflow_id, handle.run_id or "")
        started = [each for each in history["events"] if each["event_type"] == "ActivityStarted"]
        assert len(started) == 1, "what it held was reported"
