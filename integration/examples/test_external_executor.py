"""Activities behind an HTTP endpoint: server, carrier and endpoint as processes, killed in turn."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from durable_workflow import Client, Worker, WorkflowHandle, activity, workflow
from durable_workflow.errors import ActivityFailed
from durable_workflow.workflow import ActivityRetryPolicy
from integration.harness.processes import ManagedProcess, ServerProcess
from integration.harness.serving import serving
from integration.harness.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "examples/external_executor/executors.json"
QUEUE = "billing"
LISTENING = re.compile(r"endpoint listening on (http://\S+)")
CARRIES = re.compile(r"carries tasks of")
SHORT_LEASES = {"DW_ACTIVITY_TASK_LEASE_SECONDS": "3", "DW_HEARTBEAT_INTERVAL_SECONDS": "1"}
RETRIES = ActivityRetryPolicy(max_attempts=100, initial_interval_seconds=1, backoff_coefficient=1)

# The endpoint of the example, with an activity that waits for a file.
ENDPOINT = """
import pathlib, time
from external_executor import endpoint

def slow(folder):
    folder = pathlib.Path(folder)
    (folder / "begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    return "done"

endpoint.HANDLERS["slow"] = slow
endpoint.main()
"""


@workflow.defn(name="ask")
class Ask:
    def run(self, ctx: Any, name: str, argument: Any, retries: bool) -> Generator[Any, Any, Any]:
        policy = RETRIES if retries else None
        try:
            return (yield ctx.schedule_activity(name, [argument], retry_policy=policy))
        except ActivityFailed as error:
            return f"{error.exception_type}: {error}"


@activity.defn(name="other")
def other(argument: Any) -> Any:
    return argument


def start(name: str, *arguments: str, folder: Path) -> ManagedProcess:
    environment = {"PYTHONPATH": str(ROOT / "examples")}
    return ManagedProcess(
        [sys.executable, *arguments], environment=environment, name=name, folder=folder
    )


class Scene:
    """Server, endpoint and carrier on a configuration.

    Args:
        folder: Where everything lies.
        carriers: Further carriers, by name; each has an activity of its name.
    """

    def __init__(self, folder: Path, carriers: dict[str, Any]) -> None:
        self.folder = folder
        self.types = ["billing.charge", "slow", *carriers]
        self.started: list[ManagedProcess] = []
        self.endpoint = self.start_endpoint("0")
        url = self.endpoint.wait_for_line(LISTENING)[1]
        self.port = url.rsplit(":", 1)[1]
        self.server = ServerProcess(
            folder / "state.db",
            environment={
                **SHORT_LEASES,
                "DW_EXTERNAL_EXECUTOR_CONFIG_PATH": str(self.configuration(url, carriers)),
            },
        )

    def configuration(self, url: str, carriers: dict[str, Any]) -> Path:
        document = json.loads(CONFIG.read_text())
        document["carriers"]["endpoint"]["url"] = f"{url}/run"
        document["carriers"]["endpoint"]["retry_policy"]["max_attempts"] = 1
        document["carriers"] |= carriers
        (charge,) = document["mappings"]
        document["mappings"] += [
            {**charge, "name": name, "activity_type": name, "carrier": carrier}
            for name, carrier in [("slow", "endpoint"), *((each, each) for each in carriers)]
        ]
        path = self.folder / "executors.json"
        path.write_text(json.dumps(document))
        return path

    def start_endpoint(self, port: str) -> ManagedProcess:
        process = start("endpoint", "-c", ENDPOINT, "--port", port, folder=self.folder)
        self.started.append(process)
        return process

    def start_carrier(self) -> ManagedProcess:
        at = [self.server.url, "--task-queue", QUEUE, "--types", *self.types]
        process = start("carrier", "-m", "external_executor.carrier", *at, folder=self.folder)
        self.started.append(process)
        process.wait_for_line(CARRIES)
        return process


@contextmanager
def scene_of(folder: Path, carriers: dict[str, Any] | None = None) -> Generator[Scene]:
    scene = Scene(folder, carriers or {})
    try:
        with scene.server:
            yield scene
    except BaseException as error:
        for process in scene.started:
            error.add_note(f"{process.name} said:\n{process.output}")
        raise
    finally:
        for process in scene.started:
            process.dispose()


@asynccontextmanager
async def working(scene: Scene) -> AsyncGenerator[Client]:
    """A client, beside a worker that runs the workflow and one activity that nothing maps."""
    async with Client(scene.server.url) as client:
        worker = Worker(client, task_queue=QUEUE, workflows=[Ask], activities=[other])
        running = asyncio.create_task(worker.run())
        try:
            yield client
        finally:
            await worker.stop()
            await running


async def ask(client: Client, name: str, argument: Any, *, retries: bool = False) -> WorkflowHandle:
    return await client.start_workflow(
        workflow_type="ask", task_queue=QUEUE, input=[name, argument, retries]
    )


async def test_a_workflow_completes_through_the_endpoint_beside_a_worker(tmp_path: Path) -> None:
    with scene_of(tmp_path) as scene:
        scene.start_carrier()
        async with working(scene) as client:
            charged = await ask(client, "billing.charge", 5)
            assert await charged.result(timeout=30) == {"charged": 5}
            refused = await ask(client, "billing.charge", -5)
            assert await refused.result(timeout=30) == "ArithmeticError: -5 is no amount"
            assert await (await ask(client, "other", 1)).result(timeout=30) == 1
            info = await client.get_cluster_info()
        runtime = info["worker_protocol"]["external_executor_config_contract"]["runtime"]
        assert (runtime["status"], runtime["source"]["basename"]) == ("valid", "executors.json")
        assert runtime["summary"] == {
            "carrier_count": 1,
            "mapping_count": 2,
            "mapping_kinds": ["activity"],
        }


async def begun(scene: Scene) -> None:
    async def look() -> bool:
        return (scene.folder / "begun").exists()

    await eventually(look, bool)


async def test_a_task_outlives_a_killed_endpoint(tmp_path: Path) -> None:
    with scene_of(tmp_path) as scene:
        scene.start_carrier()
        scene.endpoint.kill()
        async with working(scene) as client:
            handle = await ask(client, "billing.charge", 5, retries=True)

            async def failures() -> int:
                assert handle.run_id is not None
                history = await client.get_history(handle.workflow_id, handle.run_id)
                return str(history).count("ExternalEndpointUnreachable")

            await eventually(failures, bool)
            await asyncio.to_thread(scene.start_endpoint, scene.port)
            assert await handle.result(timeout=30) == {"charged": 5}


async def test_a_task_outlives_a_killed_carrier(tmp_path: Path) -> None:
    with scene_of(tmp_path) as scene:
        carrier = scene.start_carrier()
        async with working(scene) as client:
            handle = await ask(client, "slow", str(tmp_path))
            await begun(scene)
            carrier.kill()
            (tmp_path / "go").touch()
            await asyncio.to_thread(scene.start_carrier)
            assert await handle.result(timeout=30) == "done"


async def test_a_task_outlives_a_killed_server(tmp_path: Path) -> None:
    with scene_of(tmp_path) as scene:
        scene.start_carrier()
        async with working(scene) as client:
            handle = await ask(client, "slow", str(tmp_path))
            await begun(scene)
            scene.server.kill()
            (tmp_path / "go").touch()
            await asyncio.to_thread(scene.server.start)
            assert await handle.result(timeout=30) == "done"


BAD = {
    "hangs": None,
    "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
    "down": b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
    "closed": b"",
}
WANTED = {
    "hangs": r"ExternalTaskDeadlineExceeded: hangs: the endpoint did not respond within 1 s",
    "garbage": r"MalformedExternalTaskOutput: the endpoint responded 200: ",
    "down": r"MalformedExternalTaskOutput: the endpoint responded 500: ",
    "cut": r"MalformedExternalTaskOutput: the endpoint did not respond: ",
    "closed": r"MalformedExternalTaskOutput: the endpoint did not respond: ",
    "missing": r"ExternalEndpointUnreachable: missing: the endpoint cannot be reached: ",
}


@asynccontextmanager
async def bad_endpoint() -> AsyncGenerator[str]:
    """An endpoint that does to each request what its path says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        content = BAD[head.split()[1].decode().strip("/")]
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length is not None
        await reader.readexactly(int(length[1]))
        if content is None:
            await reader.read()  # until the caller has given up
        writer.write(content or b"")

    async with serving(serve) as url:
        yield url


async def test_each_failure_of_an_endpoint_has_its_type_and_leaves_nothing_leased(
    tmp_path: Path,
) -> None:
    async with bad_endpoint() as url:
        carriers = {
            name: {
                "type": "invocable_http",
                "url": f"{url}/{name}",
                "timeout_seconds": 1 if name == "hangs" else 20,
            }
            for name in BAD
        }
        carriers["missing"] = {"type": "invocable_http", "url": "http://127.0.0.1:9/"}
        with scene_of(tmp_path, carriers) as scene:
            scene.start_carrier()
            async with working(scene) as client:
                handles = {name: await ask(client, name, 1) for name in WANTED}
                found = {name: await each.result(timeout=30) for name, each in handles.items()}
                assert {
                    name for name in WANTED if not re.match(WANTED[name], found[name])
                } == set(), found
                queue = await client.describe_task_queue(QUEUE)
                assert queue.stats is not None
                assert queue.stats["activity_tasks"]["leased_count"] == 0
