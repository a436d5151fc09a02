"""Waiting for the result of a workflow.

The server is asked to hold its answer until the run is closed (`Prefer: wait=N`). One that does
not know that answers at once, and is then asked again every `poll_interval`. A run that was
followed by another is left for its successor, until one ends otherwise.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from durable_workflow._wire.headers import PREFERENCE_APPLIED
from durable_workflow.client._away import is_away, until_back, why_away
from durable_workflow.client._call import Answer
from durable_workflow.client._calls import workflows
from durable_workflow.client._handles import WorkflowHandle
from durable_workflow.client._json import JsonObject, object_or_empty
from durable_workflow.client._outcomes import (
    TERMINAL,
    Continued,
    Outcome,
    Raised,
    Returned,
    from_description,
    from_history,
    unexplained,
)
from durable_workflow.client._payloads import PayloadSession
from durable_workflow.client._transport import MAX_CONNECTIONS
from durable_workflow.errors import WorkflowContinuedAsNew, WorkflowFailed

# Short of the minute after which many a proxy closes a connection that it sees nothing on.
_LONGEST_HOLD_SECONDS = 30
# Each held answer keeps a connection. Beyond half of them waiters poll, so that other calls of the
# same client never have to wait for a workflow to end.
_MOST_HELD = MAX_CONNECTIONS // 2


@dataclass(slots=True)
class _Wait:
    """How far one wait has come.

    Attributes:
        workflow_id: The workflow.
        run_id: The run whose end is awaited; None until the first description names it.
        deadline: When to give up, on the monotonic clock.
        poll_interval: Seconds between two questions to a server that does not hold answers.
        is_newest: Whether that run was the newest when last seen.
    """

    workflow_id: str
    run_id: str | None
    deadline: float
    poll_interval: float
    is_newest: bool = True

    @property
    def remaining(self) -> float:
        """Seconds left."""
        return self.deadline - time.monotonic()


class WorkflowResultMethods(PayloadSession):
    """Wait for a workflow to end."""

    _held: int

    async def get_result(
        self,
        handle: WorkflowHandle,
        *,
        poll_interval: float = 0.5,
        timeout: float = 30.0,
        follow_runs: bool = True,
    ) -> Any:
        """Wait for a workflow to end, and return its decoded output.

        A handle with a run id waits for that run, another for the run that is the newest now.

        Args:
            handle: The workflow.
            poll_interval: Seconds between two questions to a server that does not hold answers.
            timeout: Seconds to wait; the server is asked once at least.
            follow_runs: Whether to go on to the run that a run continued as.

        Raises:
            WorkflowFailed: It failed.
            WorkflowTimedOut: One of its own timeouts passed. A `WorkflowFailed`.
            WorkflowTerminated: It was terminated.
            WorkflowCancelled: It was cancelled. A BaseException.
            WorkflowContinuedAsNew: The run was followed by another, and `follow_runs` is False.
            WorkflowNotFound: There is no such workflow or run.
            TimeoutError: It is still open after `timeout`, or the server could not be reached in
                that time.
        """
        wait = _Wait(handle.workflow_id, handle.run_id, time.monotonic() + timeout, poll_interval)
        late = f"workflow {wait.workflow_id} did not finish within {timeout} s"
        while True:
            try:
                outcome = await self._closed_outcome(wait)
            except Exception as problem:
                if wait.remaining > 0 or not is_away(problem):
                    raise
                raise TimeoutError(f"{late}: {why_away(problem)}") from problem
            match outcome:
                case Returned():
                    return await self._value_of(outcome)
                case Raised(error):
                    raise error
                case Continued(successor):
                    if not follow_runs:
                        raise WorkflowContinuedAsNew(
                            wait.workflow_id, successor, run_id=wait.run_id
                        )
                    wait.run_id, wait.is_newest = successor, successor is None
                    if successor is not None:
                        continue
                    # Nothing names the run that follows: it is the newest, or will be in a moment.
                    await _pause(wait, poll_interval)
                case None:
                    pass  # The run is open, and the time until the next question has passed.
            if wait.remaining <= 0:
                raise TimeoutError(late)

    async def _closed_outcome(self, wait: _Wait) -> Outcome | None:
        """How the awaited run ended, or None while it is open, after one wait for its end."""
        asked_at = time.monotonic()
        answer = await until_back(lambda: self._describe_held(wait), deadline=wait.deadline)
        run = object_or_empty(answer.body)
        if wait.run_id is None:
            wait.run_id = run.get("run_id")
        elif run.get("run_id") not in {None, wait.run_id}:
            # The instance moved on: a closed run's description is had by its id alone.
            wait.is_newest = False
            answer = await until_back(lambda: self._describe_held(wait), deadline=wait.deadline)
            run = object_or_empty(answer.body)
        if run.get("status") in TERMINAL:
            return await self._explained(wait, run)
        pause = wait.poll_interval
        if PREFERENCE_APPLIED.lower() in {name.lower() for name in answer.headers}:
            # It held the answer; a pause is due only if that was for less than asked.
            pause -= time.monotonic() - asked_at
        await _pause(wait, pause)
        return None

    async def _describe_held(self, wait: _Wait) -> Answer:
        """Describe the awaited run, held by the server until it is closed if that can be."""
        seconds = max(0, int(min(_LONGEST_HOLD_SECONDS, wait.remaining)))
        if self._held >= _MOST_HELD:
            seconds = 0
        timeout = self._outlasting(seconds or None)
        if wait.is_newest or wait.run_id is None:
            call = workflows.describe(wait.workflow_id, hold_seconds=seconds, timeout=timeout)
        else:
            call = workflows.describe_run_held(
                wait.workflow_id, wait.run_id, hold_seconds=seconds, timeout=timeout
            )
        self._held += 1
        try:
            return await self._send(call)
        finally:
            self._held -= 1

    async def _explained(self, wait: _Wait, run: JsonObject) -> Outcome:
        """How a closed run ended: from its description, else from its history."""
        outcome = from_description(run)
        if outcome is not None:
            return outcome
        if wait.run_id is None:
            raise WorkflowFailed(f"workflow {wait.workflow_id} has no run to take a result from")
        outcome = await self._recorded_outcome(wait, wait.run_id, run.get("payload_codec"))
        return outcome or unexplained(run)

    async def _recorded_outcome(
        self, wait: _Wait, run_id: str, codec: str | None
    ) -> Outcome | None:
        """What the last closing event of a history says; a history may come in pages."""
        found: Outcome | None = None
        token: str | None = None
        while True:
            call = workflows.history(wait.workflow_id, run_id, next_page_token=token)
            page = await until_back(partial(self._send, call), deadline=wait.deadline)
            found = from_history(page, codec) or found
            following = object_or_empty(page).get("next_page_token")
            if not following or following == token:
                return found
            token = following

    async def _value_of(self, returned: Returned) -> Any:
        if returned.payload is None:
            return returned.value
        [value] = await self._opened([returned.payload], returned.codec)
        return value


async def _pause(wait: _Wait, seconds: float) -> None:
    """Sleep between two questions, and not beyond the end of the wait."""
    seconds = min(seconds, wait.remaining)
    if seconds > 0:
        await asyncio.sleep(seconds)
