"""A server in this process, over ASGI: its time is told, and it can be stopped and restarted.

Its state is in memory: what a crash of the machine leaves is not asked here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from durable_workflow.server.app import create_app
from durable_workflow.server.clock import ManualClock
from durable_workflow.server.ids import UlidSource
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import retention
from durable_workflow.server.services.workers import renewal_seconds
from durable_workflow.server.settings import Settings
from integration.harness.new_state import new_folder, new_state
from integration.harness.payloads import JsonObject
from integration.harness.rows import open_store
from integration.harness.wire import CONTROL, WORKER, Answer
from integration.model.model import ACTIVITY_LEASE, WORKFLOW_LEASE
from integration.model.schedules import MOST_BUFFERED

T = TypeVar("T")

# Polls are answered at once.
_SETTINGS = Settings(
    server_id="model",
    long_poll_timeout=0,
    services=ServiceSettings(
        workflow_lease_seconds=WORKFLOW_LEASE,
        activity_lease_seconds=ACTIVITY_LEASE,
        activity_max_redeliveries=0,
        max_buffered_fires=MOST_BUFFERED,
    ),
)
# So long every lease lasts behind a start: nobody could be heard before it.
GRACE: Final = _SETTINGS.services.missed_heartbeats * renewal_seconds(_SETTINGS.services)
_WORKER_FIELDS = {"worker_id": "w", "task_queue": "q", "lease_owner": "w"}


class Served:
    """One state file, the server that has it open, and a client and a worker of that server.

    Attributes:
        rows: Reads the state file.
        session: Of the worker.
    """

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._folder = new_folder()
        self.file.write_bytes(new_state(self.clock.now() / 1e6))
        self._runner = asyncio.Runner()
        self.session = "first"
        self._lives = 0
        self._runs = False
        self._server: Server
        self._http: httpx.AsyncClient
        self.rows: Any
        self._runner.run(self._start())

    @property
    def file(self) -> Path:
        """The state."""
        return Path(self._folder.name) / "state.db"

    def restart(self) -> None:
        """Stop the server, and start another on its file."""
        self._runner.run(self._stop())
        self._runner.run(self._start())

    def stop(self) -> None:
        """Stop the server, if it runs. The file is still there."""
        if self._runs:
            self._runner.run(self._stop())

    def close(self) -> None:
        """Stop the server, and remove the file."""
        self.stop()
        self._runner.close()
        self._folder.cleanup()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and do what fell due."""
        self.clock.advance(seconds)
        self._runner.run(_ended(self._server.timers.run_due()))

    def retain(self) -> None:
        """Remove what is expired, as the server does of itself from time to time."""
        self._runner.run(retention.remove_expired(self._server.store, self._server.payloads))

    def get(self, path: str) -> Answer:
        """Ask, on the control plane."""
        return self._send("GET", path, None, CONTROL)

    def post(self, path: str, body: JsonObject | None = None, key: str | None = None) -> Answer:
        """Have something done, on the control plane, under an idempotency key if there is one."""
        headers = CONTROL if key is None else {**CONTROL, "Idempotency-Key": key}
        return self._send("POST", path, body or {}, headers)

    def delete(self, path: str) -> Answer:
        """Delete something."""
        return self._send("DELETE", path, None, CONTROL)

    def work(self, path: str, **body: Any) -> Answer:
        """Send a request of the worker."""
        fields = {**_WORKER_FIELDS, "session": self.session, **body}
        return self._send("POST", f"/worker/{path}", fields, WORKER)

    def _send(
        self, method: str, path: str, body: JsonObject | None, headers: dict[str, str]
    ) -> Answer:
        asked = self._http.request(method, f"/api{path}", json=body, headers=headers)
        answer = self._runner.run(_ended(asked))
        shown = f"{method} {path} {body}: {answer.status_code} {answer.text[:2000]}"
        assert answer.status_code < 500, shown
        return Answer(answer.status_code, answer.headers, answer.json() if answer.content else None)

    async def _start(self) -> None:
        self._lives += 1
        self._server = Server(
            msgspec.structs.replace(_SETTINGS, db=str(self.file)),
            clock=self.clock,
            ids=UlidSource(seed=self._lives),
        )
        await self._server.start()
        # What falls due is done when time is told to pass, and retention when it is asked for.
        await self._server.timers.stop()
        await self._server.retention.stop()
        await self._server.announce()
        transport = httpx.ASGITransport(create_app(self._server))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://model")
        self.rows = open_store(self.file)
        self._runs = True

    async def _stop(self) -> None:
        self._runs = False
        self.rows.close()
        await self._http.aclose()
        await self._server.stop()


async def _ended(awaited: Coroutine[Any, Any, T]) -> T:
    return await awaited
