"""Fetch the whole history of a run, or fail: a replay of a part would decide wrongly."""

from dataclasses import replace
from typing import cast

from durable_workflow._meet import Lease, WorkerTransport
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.worker._log import log
from durable_workflow.worker._tasks import WorkflowTask, read_events


class HistoryUnavailable(Exception):
    """The history of a task could not be fetched completely."""


class Histories:
    """Fetches the history that a task does not contain."""

    def __init__(self, transport: WorkerTransport, worker_id: str) -> None:
        self._transport = transport
        self._worker_id = worker_id

    async def brought(self, task: WorkflowTask) -> list[JsonObject]:
        """The task's events, with those of the pages that follow them.

        Raises:
            HistoryUnavailable: A page could not be fetched.
        """
        if task.next_page_token is None:
            return task.events
        _, events = await self._pages(task, task.next_page_token)
        return task.events + events

    async def whole(
        self, task: WorkflowTask, brought: list[JsonObject]
    ) -> tuple[WorkflowTask, list[JsonObject]]:
        """The history from its first event on, and the task with what its run was started with.

        Args:
            task: The task.
            brought: What `brought` returned.

        Raises:
            HistoryUnavailable: The task holds only the end of it, and the rest cannot be fetched.
        """
        if not task.after_sequence:
            return task, brought
        if task.full_history_token is None:
            raise HistoryUnavailable(
                f"the task holds events after {task.after_sequence} only, and no token for the rest"
            )
        first, events = await self._pages(task, task.full_history_token)
        if task.says_arguments:
            return task, events
        if "arguments" not in first:
            raise HistoryUnavailable("neither the task nor its history has the run's arguments")
        return replace(task, arguments=first["arguments"], says_arguments=True), events

    async def _pages(
        self, task: WorkflowTask, first_token: str
    ) -> tuple[JsonObject, list[JsonObject]]:
        """The first page, and the events of all."""
        first: JsonObject | None = None
        events: list[JsonObject] = []
        asked_for: set[str] = set()
        lease = Lease("workflow", task.task_id, task.attempt, self._worker_id, task.claim)
        token: str | None = first_token
        try:
            while token is not None:
                if token in asked_for:
                    raise ValueError(f"page token {token!r} leads back to itself")
                asked_for.add(token)
                answer: object = await self._transport.history(lease, token)
                if not isinstance(answer, dict):
                    raise ValueError("the page is not an object")
                page = cast("JsonObject", answer)
                first = page if first is None else first
                events += read_events(page)
                following = page.get("next_history_page_token")
                token = following if isinstance(following, str) and following else None
        except Exception as error:
            log.warning("history page of workflow task %s failed: %s", task.task_id, error)
            raise HistoryUnavailable(f"a page of the history is missing: {error}") from error
        return first or {}, events
