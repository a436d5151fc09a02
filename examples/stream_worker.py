"""A worker in a hundred lines, on the stream alone: for those who write one in another language.

It serves the workflow type `greet`, which runs the activity `compose` and returns its result, and
needs a WebSocket library and nothing of ours. docs/stream.md explains each message::

    python examples/stream_worker.py http://127.0.0.1:8080
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
import uuid
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Json = dict[str, Any]
VERSION = {"X-Durable-Workflow-Protocol-Version": "1.1"}
WORKER: Json = {"worker_id": "example", "session": uuid.uuid4().hex, "task_queue": "greetings"}
SLOTS = {"workflow": 10, "activity": 10, "query": 0}
ATTEMPT = {"workflow": "workflow_task_attempt", "activity": "activity_attempt_id"}


class Worker:
    """Does what is pushed, and keeps each report until it is acknowledged or refused."""

    def __init__(self) -> None:
        self.held: dict[str, Json] = {}  # by task id: what the server must know after a cut
        self.reports: dict[str, Json] = {}  # by task id: what is done and not acknowledged
        self.sent: dict[int, str] = {}  # message id to task id, within this connection

    async def run(self, url: str) -> None:
        """Serve for ever, through cuts and restarts."""
        await asyncio.to_thread(register, url)
        stream = url.replace("http", "ws", 1) + "/api/worker/stream"
        while True:
            try:
                async with connect(
                    stream, additional_headers=VERSION, compression=None, max_size=None
                ) as socket:
                    await self.serve(socket)
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == 4412:
                    WORKER["session"] = uuid.uuid4().hex
                    await asyncio.to_thread(register, url)
            except OSError:
                pass
            await asyncio.sleep(0.2)

    async def serve(self, socket: ClientConnection) -> None:
        """One connection, from hello to its end."""
        self.sent = {}
        hello = {"type": "hello", **WORKER, "slots": SLOTS, "held": list(self.held.values())}
        await socket.send(json.dumps([hello]))
        beating: asyncio.Task[None] | None = None
        try:
            async for frame in socket:
                for message in json.loads(frame):
                    if message["type"] == "welcome":
                        for task_id in message["dropped"]:
                            self.forget(task_id)
                        await self.send(socket, *self.reports)
                        beating = asyncio.create_task(self.beat(socket, message))
                    elif message["type"] == "task":
                        await self.send(socket, self.work(message["kind"], message["task"]))
                    elif message["type"] == "acks":
                        for number in message["ids"]:
                            self.forget(self.sent[number])
                    elif message["type"] == "refused" and message["status"] not in (429, 503):
                        self.forget(self.sent.get(message["id"], ""))
        finally:
            if beating is not None:
                beating.cancel()

    def work(self, kind: str, task: Json) -> str:
        """Do a task; the report is kept under its id, which is returned."""
        task_id: str = task["task_id"]
        about: Json = {"kind": kind, "task_id": task_id, "attempt": task[ATTEMPT[kind]]}
        self.held[task_id] = about
        if kind == "activity":
            name = json.loads(task["arguments"]["blob"])[0]
            done: Json = {"result": envelope(f"Hello, {name}!")}
        else:
            done = {"commands": [decide(task)]}
        self.reports[task_id] = {"type": "complete", **about, **done}
        return task_id

    async def send(self, socket: ClientConnection, *task_ids: str) -> None:
        """Send reports, each under a new number."""
        for task_id in task_ids:
            number = len(self.sent) + 1
            self.sent[number] = task_id
            await socket.send(json.dumps([{**self.reports[task_id], "id": number}]))

    async def beat(self, socket: ClientConnection, welcome: Json) -> None:
        """Say in time that the worker is alive, and what it has."""
        while True:
            await asyncio.sleep(welcome["heartbeat_seconds"])
            number = len(self.sent) + 1
            self.sent[number] = ""
            alive = {"type": "alive", "id": number, "held": list(self.held.values())}
            await socket.send(json.dumps([alive]))

    def forget(self, task_id: str) -> None:
        """A task is over."""
        self.held.pop(task_id, None)
        self.reports.pop(task_id, None)


def decide(task: Json) -> Json:
    """The workflow: run the activity, then return what it returned. A function of the history."""
    for event in task["history_events"]:
        if event["event_type"] == "ActivityCompleted":
            return {"type": "complete_workflow", "result": event["payload"]["result"]}
    return {"type": "schedule_activity", "activity_type": "compose", "arguments": task["arguments"]}


def envelope(value: Any) -> Json:
    """A payload in the codec `json`."""
    return {"codec": "json", "blob": json.dumps(value)}


def register(url: str) -> None:
    """Announce the worker over HTTP, as every worker does."""
    body: Json = {
        **WORKER,
        "runtime": "example",
        "supported_workflow_types": ["greet"],
        "supported_activity_types": ["compose"],
        "capabilities": ["worker_stream"],
    }
    headers = {**VERSION, "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{url}/api/worker/register", data=json.dumps(body).encode(), headers=headers
    )
    urllib.request.urlopen(request).close()


if __name__ == "__main__":
    asyncio.run(Worker().run(sys.argv[1]))
