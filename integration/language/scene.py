"""What the tests of the language share: a server in the test's loop, workers, ways to look.

Every run that a test waits for is checked twice over: its history is sound, and code that is fed
the whole of it from the start comes to the recorded end.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from durable_workflow import Client, Worker, serializer, workflow
from durable_workflow.client import HttpxTransport, WorkflowHandle
from durable_workflow.server.embedded import embedded_server
from durable_workflow.server.settings import Settings
from durable_workflow.workflow import CompleteWorkflow, ContinueAsNew, FailWorkflow
from integration.harness.histories import AFTERMATH, types, violations
from integration.harness.waiting import eventually
from integration.harness.wire import CONTROL
from integration.language.activities import ACTIVITIES

QUEUE = "language"
DEFAULT_CACHE = 1000
# How workers get their tasks: `stream`, `polls`, or `mixed`, which is one worker of each kind.
CARRIERS = {"stream": [False], "polls": [True], "mixed": [True, False]}
CARRIER = os.environ.get("LANGUAGE_CARRIER", "stream")

# A payload that the server cannot look into, and that this worker has no way to fetch.
ELSEWHERE = {
    "codec": "avro",
    "external_storage": {
        "schema": "durable-workflow.v2.external-payload-reference.v1",
        "uri": "file:///nowhere/at-all",
        "sha256": "0" * 64,
        "size_bytes": 10,
        "codec": "avro",
    },
}

Event = dict[str, Any]


class Scene:
    """One server, one client, and the workers that a test asks for.

    Attributes:
        url: Where the server listens.
        client: Speaks to it.
        cache: How many machines the workers keep, unless told otherwise.
    """

    def __init__(self, url: str, client: Client, http: httpx.AsyncClient, cache: int) -> None:
        self.url = url
        self.client = client
        self.cache = cache
        self._http = http
        self._classes: dict[str, type] = {}

    # --- workers ------------------------------------------------------------------------------

    @asynccontextmanager
    async def working(self, *workflows: type, **options: Any) -> AsyncGenerator[Worker]:
        """A worker for the length of the block, registered when the block begins."""
        self._classes |= {each.__workflow_name__: each for each in workflows}  # type: ignore[attr-defined]
        settings: dict[str, Any] = {
            "task_queue": QUEUE,
            "activities": ACTIVITIES,
            "max_cached_workflows": self.cache,
            "shutdown_timeout": 5.0,
        }
        async with AsyncExitStack() as stack:
            started: list[Worker] = []
            # The one that polls comes first, so that there is work for both.
            for polls in CARRIERS[CARRIER]:
                # Over a transport of the application's own a worker opens no stream.
                client = Client(self.url, transport=HttpxTransport() if polls else None)
                await stack.enter_async_context(client)
                started.append(Worker(client, workflows=workflows, **(settings | options)))
                await stack.enter_async_context(_running(started[-1]))
            yield started[-1]

    # --- runs ---------------------------------------------------------------------------------

    async def start(self, workflow_type: str, *args: Any, **options: Any) -> WorkflowHandle:
        """Start a workflow under an id of its own."""
        return await self.client.start_workflow(
            workflow_type=workflow_type,
            task_queue=options.pop("task_queue", QUEUE),
            workflow_id=options.pop("workflow_id", f"{workflow_type}-{uuid.uuid4().hex[:12]}"),
            input=list(args),
            **options,
        )

    async def result(self, handle: WorkflowHandle, *, timeout: float = 20.0) -> Any:
        """The result of a run, which has been looked through."""
        value = await handle.result(timeout=timeout)
        await self.examine(handle)
        return value

    async def outcome(self, workflow_type: str, *args: Any, **options: Any) -> Any:
        """Start a workflow and return its result."""
        return await self.result(await self.start(workflow_type, *args, **options))

    async def several(self, once: Callable[[], Awaitable[None]]) -> None:
        """Do something once; three times at once where machines have to make way for others."""
        await asyncio.gather(*[once() for _ in range(3 if self.cache == 1 else 1)])

    # --- looking ------------------------------------------------------------------------------

    async def history(self, handle: WorkflowHandle) -> list[Event]:
        """All events of the handle's run."""
        assert handle.run_id is not None
        document = await self.client.get_history(handle.workflow_id, handle.run_id)
        events: list[Event] = document["events"]
        return events

    async def types(self, handle: WorkflowHandle) -> list[str]:
        """The types of all events, in order."""
        return types(await self.history(handle))

    async def describe(self, handle: WorkflowHandle) -> dict[str, Any]:
        """The description of the newest run, as the server sends it."""
        return await self.get(f"/api/workflows/{handle.workflow_id}")

    async def get(self, path: str) -> dict[str, Any]:
        """A document of the control plane."""
        answer = await self._http.get(path)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Send something that the client would not."""
        return await self._http.post(path, json=body)

    async def until(
        self, handle: WorkflowHandle, wanted: Callable[[list[str]], bool], *, within: float = 20.0
    ) -> list[str]:
        """Wait until the types of the run's events are as wanted."""
        return await eventually(lambda: self.types(handle), wanted, within=within)

    async def until_idle(self, handle: WorkflowHandle) -> dict[str, Any]:
        """Wait until an open run waits for something else than for a worker."""
        return await eventually(
            lambda: self.describe(handle), lambda seen: seen["status"] == "waiting"
        )

    async def task_error(self, handle: WorkflowHandle) -> str:
        """Wait until a task of the run has failed, and return why, as operators see it."""
        seen = await eventually(
            lambda: self.describe(handle),
            lambda seen: bool(seen["workflow_task"] and seen["workflow_task"].get("last_error")),
        )
        assert seen["is_terminal"] is False
        error: str = seen["workflow_task"]["last_error"]
        assert error in seen["wait_reason"]
        return error

    async def examine(self, handle: WorkflowHandle) -> None:
        """Check the history of a closed run, and that replaying it gives the recorded end."""
        events = await self.history(handle)
        wrong = violations(events)
        assert wrong == [], wrong
        assert handle.run_id is not None
        run = await self.get(f"/api/workflows/{handle.workflow_id}/runs/{handle.run_id}")
        workflow_class = self._classes.get(run["workflow_type"])
        if workflow_class is None:
            return
        replayed = workflow.replay(
            workflow_class,
            events,
            run["input"],
            run_id=handle.run_id,
            payload_codec=run["payload_codec"],
        )
        last = [event for event in events if event["event_type"] not in AFTERMATH][-1]
        command = replayed.commands[-1]
        match last["event_type"]:
            case "WorkflowCompleted":
                assert isinstance(command, CompleteWorkflow)
                assert _plain(command.result) == run["output"]
            case "WorkflowFailed":
                assert isinstance(command, FailWorkflow)
                # A worker may add to the text what to do about it.
                assert last["payload"]["message"].startswith(command.message), command
            case "WorkflowContinuedAsNew":
                assert isinstance(command, ContinueAsNew)
            case other:
                assert other in {"WorkflowCancelled", "WorkflowTerminated", "WorkflowTimedOut"}


@asynccontextmanager
async def _running(worker: Worker) -> AsyncGenerator[None]:
    """Run a worker for the length of the block, which begins once it is registered."""
    registered = asyncio.Event()
    register = worker._register  # pyright: ignore[reportPrivateUsage]

    async def noticed() -> None:
        await register()
        registered.set()

    setattr(worker, "_register", noticed)  # noqa: B010
    running = asyncio.create_task(worker.run())
    try:
        await asyncio.wait_for(registered.wait(), 10)
        yield
    finally:
        await worker.stop()
        await running


def _plain(value: Any) -> Any:
    """A result as it is after its way through the codec."""
    return serializer.decode_envelope(serializer.envelope(value))


@asynccontextmanager
async def open_scene(
    db: Path | str, *, cache: int = DEFAULT_CACHE, settings: Settings | None = None
) -> AsyncGenerator[Scene]:
    """A server on a file, in this event loop, and everything to speak to it."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(embedded_server(db=db, settings=settings))
        client = await stack.enter_async_context(Client(url))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url, headers=CONTROL, timeout=40.0, verify=False)
        )
        yield Scene(url, client, http, cache)


def payloads_of(events: Sequence[Event], event_type: str) -> list[dict[str, Any]]:
    """The payloads of the events of one type, in order."""
    return [event["payload"] for event in events if event["event_type"] == event_type]
