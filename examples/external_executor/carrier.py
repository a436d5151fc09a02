"""The carrier: polls for activity tasks, has the endpoint run them, and reports what it responds.

python -m external_executor.carrier URL --task-queue billing --types billing.charge

Each task says in `external_executor` where and how the endpoint is called. A carrier that is
killed loses nothing: the lease of its task ends, and the server gives the task out again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from typing import Any

import httpx

from durable_workflow.external_task_input import EXTERNAL_TASK_INPUT_SCHEMA
from external_executor.reports import Report, failed, malformed, report_of

Json = dict[str, Any]
VERSION = {"X-Durable-Workflow-Protocol-Version": "1.1"}
LONGEST_CALL = 900


class Carrier:
    """Carries one task after the other. Start several for more at once."""

    def __init__(self, server: httpx.AsyncClient, endpoints: httpx.AsyncClient) -> None:
        self.server = server
        self.endpoints = endpoints
        self.worker_id = f"carrier-{uuid.uuid4().hex[:8]}"

    async def run(self, task_queue: str, types: list[str]) -> None:
        """Carry tasks for ever. While the server is away, wait for it."""
        about = {"worker_id": self.worker_id, "task_queue": task_queue}
        worker = {**about, "runtime": "carrier", "supported_activity_types": types}
        registered = False
        while True:
            try:
                if not registered:
                    await self.post("/api/worker/register", worker)
                    registered = True
                    print(f"{self.worker_id} carries tasks of {task_queue}", flush=True)
                task = (await self.post("/api/worker/activity-tasks/poll", about))["task"]
                if task is not None:
                    await self.carry(task)
            except httpx.HTTPError as error:
                print(f"{self.worker_id}: {error!r}", flush=True)
                registered = False
                await asyncio.sleep(0.5)

    async def carry(self, task: Json) -> None:
        """Have one task run, renewing its lease, and report how it ended."""
        renewing = asyncio.create_task(self.renew(task))
        try:
            report = await self.call(task)
        finally:
            renewing.cancel()
        owned = {name: task[name] for name in ("activity_attempt_id", "lease_owner")}
        path = f"/api/worker/activity-tasks/{task['task_id']}/{report.verb}"
        while True:
            try:
                await self.post(path, {**owned, **report.body})
                return
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in (429, 503):
                    print(f"{path} was refused: {error.response.text}", flush=True)
                    return
            except httpx.TransportError as error:
                print(f"{path}: {error!r}", flush=True)
            await asyncio.sleep(0.5)

    async def call(self, task: Json) -> Report:
        """Call the endpoint, as often as the retry policy of the carrier allows."""
        executor = task.get("external_executor", {})
        dispatch = executor.get("dispatch")
        if dispatch is None:
            return failed("no mapping has it", "UnmappedActivity", task, retryable=True)
        policy = dispatch["transport_retry_policy"]
        pauses = [*policy["backoff_seconds"]]
        attempt = 0
        while True:
            attempt += 1
            response = await self.deliver(task, executor["carrier"]["target"]["url"], dispatch)
            if isinstance(response, Report):
                report, again = response, True
            else:
                report = report_of(task, response)
                again = response.status_code in policy["retryable_status_codes"]
            if not again or report.is_of_the_task or attempt >= policy["max_attempts"]:
                return report
            await asyncio.sleep(pauses[min(attempt, len(pauses)) - 1] if pauses else 0)

    async def deliver(self, task: Json, url: str, dispatch: Json) -> httpx.Response | Report:
        """Send the task once; a report where nothing came back."""
        headers = {
            "Content-Type": dispatch["request_content_type"],
            "Accept": dispatch["response_content_type"],
            "Idempotency-Key": dispatch["idempotency_key"],
        }
        seconds = dispatch["timeout_seconds"] or LONGEST_CALL
        try:
            async with asyncio.timeout(seconds):  # httpx alone bounds each read, not the whole
                return await self.endpoints.post(
                    url, content=json.dumps(envelope(task)), headers=headers, timeout=None
                )
        except TimeoutError:
            return failed(
                f"the endpoint did not respond within {seconds} s",
                "ExternalTaskDeadlineExceeded",
                task,
                kind="timeout",
                timeout_type="deadline_exceeded",
                retryable=True,
            )
        except httpx.ConnectError as error:
            text = f"the endpoint cannot be reached: {error}"
            return failed(text, "ExternalEndpointUnreachable", task, retryable=True)
        except httpx.HTTPError as error:
            return malformed(f"the endpoint did not respond: {error!r}", "no_response")

    async def renew(self, task: Json) -> None:
        """Say from time to time that the task is still worked on."""
        owned = {name: task[name] for name in ("activity_attempt_id", "lease_owner")}
        while True:
            await asyncio.sleep(1)
            try:
                await self.post(f"/api/worker/activity-tasks/{task['task_id']}/heartbeat", owned)
            except httpx.HTTPError as error:
                print(f"{self.worker_id}: {error!r}", flush=True)

    async def post(self, path: str, body: Json) -> Json:
        """Ask the server something."""
        response = await self.server.post(path, json=body, headers=VERSION)
        response.raise_for_status()
        answer: Json = response.json()
        return answer


def envelope(task: Json) -> Json:
    """The task as the contract has it (`durable_workflow.external_task_input`)."""
    names = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")
    return {
        "schema": EXTERNAL_TASK_INPUT_SCHEMA,
        "version": 1,
        "task": {
            "id": task["task_id"],
            "kind": "activity_task",
            "attempt": task["attempt_number"],
            "activity_attempt_id": task["activity_attempt_id"],
            "task_queue": task["task_queue"],
            "handler": task["activity_type"],
            "connection": task.get("connection"),
            "idempotency_key": task["activity_attempt_id"],
            "external_executor": task["external_executor"],
        },
        "workflow": {"id": task["workflow_id"], "run_id": task["run_id"]},
        "lease": {
            "owner": task["lease_owner"],
            "expires_at": task["lease_expires_at"],
            "heartbeat_endpoint": f"/api/worker/activity-tasks/{task['task_id']}/heartbeat",
        },
        "payloads": {"arguments": task.get("arguments")},
        "deadlines": {name: task.get("deadlines", {}).get(name) for name in names},
        "headers": {},
    }


async def run(url: str, task_queue: str, types: list[str]) -> None:
    """Carry tasks of a server."""
    async with (
        httpx.AsyncClient(base_url=url, timeout=40) as server,
        httpx.AsyncClient() as endpoints,
    ):
        await Carrier(server, endpoints).run(task_queue, types)


def main() -> None:
    """Carry tasks until it is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--task-queue", required=True)
    parser.add_argument("--types", nargs="+", required=True, help="activity types, as mapped")
    given = parser.parse_args()
    asyncio.run(run(given.url, given.task_queue, given.types))


if __name__ == "__main__":
    main()
