"""HTTP by hand, on either plane: what a peer that is not our SDK would send, good or bad."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from integration.harness.payloads import JsonObject, as_object, envelope

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status, headers, and the JSON body (None where there is none)."""

    status: int
    headers: httpx.Headers
    body: Any

    @property
    def reason(self) -> str | None:
        reason: str | None = (as_object(self.body) or {}).get("reason")
        return reason

    def need(self, status: int = 200) -> JsonObject:
        """Return the body, which must be an object that came with this status."""
        assert self.status == status, (self.status, self.body)
        body = as_object(self.body)
        assert body is not None, self.body
        return body


class Wire:
    """Requests to one server, with the headers of the reference SDK unless told otherwise.

    Attributes:
        watch: Is shown the method, the path and the answer of every request.
    """

    def __init__(self, url: str, *, token: str | None = None, namespace: str = "default") -> None:
        self.url = url
        self.token = token
        self.namespace = namespace
        self.watch: Callable[[str, str, Answer], None] | None = None
        self._http = httpx.Client(base_url=url, timeout=40.0, verify=False)  # plain HTTP

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers that belong to a path: its plane's version, namespace, token."""
        plane = WORKER if path.startswith("/api/worker/") else CONTROL
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Namespace": self.namespace,
            **plane,
        }
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Send one request. A header with the value None is left out; `content` goes as it is."""
        wanted: dict[str, str | None] = {**self.headers(path), **(headers or {})}
        if content is None and (body is not None or method not in {"GET", "DELETE", "HEAD"}):
            content = json.dumps({} if body is None else body).encode()
        request = self._http.build_request(
            method,
            path,
            content=content,
            headers={name: value for name, value in wanted.items() if value is not None},
        )
        for name in [name for name, value in wanted.items() if value is None]:
            request.headers.pop(name, None)
        response = self._http.send(request)
        answer = Answer(response.status_code, response.headers, _json(response))
        if self.watch is not None:
            self.watch(method, path, answer)
        return answer

    # What the tests do often, so that a table reads as what it is about.

    def start(
        self, workflow_id: str, *, workflow_type: str, queue: str, **fields: Any
    ) -> JsonObject:
        """Start a workflow and return the body of the answer."""
        body = {
            "workflow_id": workflow_id,
            "workflow_type": workflow_type,
            "task_queue": queue,
            "input": envelope(["world"]),
            **fields,
        }
        return self.send("POST", "/api/workflows", body).need(201)

    def register(self, worker_id: str, *, queue: str, **fields: Any) -> JsonObject:
        """Register a worker and return the body of the answer."""
        body = {"worker_id": worker_id, "task_queue": queue, "runtime": "python", **fields}
        return self.send("POST", "/api/worker/register", body).need(201)

    def poll(self, kind: str, worker_id: str, *, queue: str, **fields: Any) -> JsonObject:
        """Poll one task of the kind (workflow, activity), which must be there."""
        body = {"worker_id": worker_id, "task_queue": queue, **fields}
        answer = self.send("POST", f"/api/worker/{kind}-tasks/poll", body).need()
        task = as_object(answer["task"])
        assert task is not None, f"no {kind} task on {queue}"
        return task

    def complete(self, task: Mapping[str, Any], *commands: JsonObject) -> JsonObject:
        """Complete a polled workflow task with commands."""
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        body = {
            "lease_owner": task["lease_owner"],
            "workflow_task_attempt": task["workflow_task_attempt"],
            "commands": list(commands),
        }
        return self.send("POST", path, body).need()

    def history(self, workflow_id: str, run_id: str) -> list[JsonObject]:
        """Return all events of a run."""
        path = f"/api/workflows/{workflow_id}/runs/{run_id}/history"
        events: list[JsonObject] = self.send("GET", path).need()["events"]
        return events

    def describe(self, workflow_id: str) -> JsonObject:
        """Return the description of the current run."""
        return self.send("GET", f"/api/workflows/{workflow_id}").need()


def _json(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        return response.text
