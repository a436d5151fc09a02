"""Waiting for one run to end.

The server is asked to hold its response until the run is closed, and to tell no more than how it
ended (`Prefer: wait=N, return=minimal`). A server that does not know that responds at once, and is
then asked again every `poll_interval`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final, Protocol, TypeVar

from durable_workflow._wire.headers import PREFER, PREFERENCE_APPLIED
from durable_workflow._wire.json_values import JsonObject, object_or_empty
from durable_workflow.client._away import in_time, is_away, until_back
from durable_workflow.client._call import Call, Repeat, Response, document, json_object
from durable_workflow.client._responses import knows_keys
from durable_workflow.client._routes import Route
from durable_workflow.client._run_ends import (
    TERMINAL,
    RunEnd,
    from_description,
    from_history,
    unexplained,
)
from durable_workflow.errors import WorkflowFailed

T = TypeVar("T")

# Many proxies close a connection after a minute of silence.
_LONGEST_HOLD_SECONDS: Final = 30


class Send(Protocol):
    """Sends a call, and reads its response."""

    def __call__(self, call: Call[T]) -> Awaitable[T]:
        """Send `call`."""
        ...


class Holds:
    """Counts the responses that servers hold for one client.

    Each keeps a connection. Above `most`, waits poll instead, so that a client that waits for many
    workflows has connections left for its other calls.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    @property
    def has_room(self) -> bool:
        """Whether one more response may be held."""
        return self._count < self._most

    def seconds(self, remaining: float) -> int:
        """For how many seconds of a wait a response may be held; 0 for not at all."""
        return max(0, int(min(_LONGEST_HOLD_SECONDS, remaining))) if self.has_room else 0

    def __enter__(self) -> None:
        """Count one held response inside the block."""
        self._count += 1

    def __exit__(self, *_: object) -> None:
        """Count it no more."""
        self._count -= 1


class RunWait:
    """One wait, for one run at a time.

    Args:
        send: Sends calls.
        holds: Counts held responses.
        outlasting: Gives the time-out of a request whose response is held for that many seconds.
        workflow_id: The workflow.
        run_id: The run; None is the newest, whose id the first description gives.
        timeout: Seconds to wait.
        poll_interval: Seconds between two questions to a server that does not hold responses.
    """

    def __init__(
        self,
        send: Send,
        holds: Holds,
        outlasting: Callable[[int | None], float | None],
        *,
        workflow_id: str,
        run_id: str | None,
        timeout: float,
        poll_interval: float,
    ) -> None:
        self._send = send
        self._holds = holds
        self._outlasting = outlasting
        self.workflow_id = workflow_id
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._poll_interval = poll_interval
        self._is_newest = True
        self._told: JsonObject | None = None
        self.run_id = run_id

    @property
    def remaining(self) -> float:
        """Seconds left."""
        return self._deadline - time.monotonic()

    @property
    def late(self) -> str:
        """What a `TimeoutError` begins with."""
        return f"workflow {self.workflow_id} did not finish within {self._timeout:g} s"

    async def begin(self, call: Call[JsonObject]) -> None:
        """Start the workflow, and take a response that tells its end for the first description.

        A start that may be sent again is, until the end of the wait: where it is known to the
        server only by its key, after the server has said that it knows keys.
        """
        if call.repeat is not Repeat.ALWAYS:
            try:
                run = await in_time(partial(self._held, call), deadline=self._deadline)
            except Exception as error:
                if self.remaining <= 0 or not is_away(error) or not await self._knows_keys():
                    raise
                run = await self._until_back(
                    partial(self._held, replace(call, repeat=Repeat.ALWAYS))
                )
        else:
            run = await self._until_back(partial(self._held, call))
        self.run_id = run.get("run_id")
        if "is_terminal" in run and run.get("status") in TERMINAL:
            self._told = run

    def follow(self, run_id: str | None) -> None:
        """Wait for the run that followed; None is the newest."""
        self.run_id, self._is_newest = run_id, run_id is None

    async def pause(self) -> None:
        """Sleep for the poll interval, but not beyond the end of the wait."""
        await self._pause(self._poll_interval)

    async def end(self) -> RunEnd | None:
        """How the run ended, or None if it is still open after one question to the server."""
        if (told := self._told) is not None:
            self._told = None
            return await self._explained(told)
        asked_at = time.monotonic()
        response = await self._until_back(self._describe)
        run = object_or_empty(response.body)
        if self.run_id is None:
            self.run_id = run.get("run_id")
        elif run.get("run_id") not in {None, self.run_id}:
            # Another run is the newest now. The awaited one can be described by its run id only.
            self._is_newest = False
            run = object_or_empty((await self._until_back(self._describe)).body)
        if run.get("status") in TERMINAL:
            return await self._explained(run)
        pause = self._poll_interval
        if was_held(response):
            # The server held the response, and that counts as a pause.
            pause -= time.monotonic() - asked_at
        await self._pause(pause)
        return None

    async def _knows_keys(self) -> bool:
        call = Call("GET", Route.CLUSTER_INFO, lambda response: knows_keys(response.body))
        return await self._until_back(partial(self._send, call))

    async def _describe(self) -> Response:
        """Describe the run; the server holds the response until the run is closed, if it can."""
        by_run_id = self.run_id is not None and not self._is_newest
        path = {"workflow_id": self.workflow_id}
        if self.run_id is not None and by_run_id:
            path["run_id"] = self.run_id
        return await self._held(
            Call("GET", Route.WORKFLOW_RUN if by_run_id else Route.WORKFLOW, described, path=path)
        )

    async def _held(self, call: Call[T]) -> T:
        """Send a call whose response tells how the run ended, and is held until then."""
        hold = self._holds.seconds(self.remaining)
        minimal = "return=minimal"
        preference = {PREFER: f"wait={hold}, {minimal}" if hold else minimal}
        with self._holds:
            return await self._send(call.held(preference, self._outlasting(hold or None)))

    async def _explained(self, run: JsonObject) -> RunEnd:
        """How a closed run ended: from its description, or else from its history."""
        if (end := from_description(run)) is not None:
            return end
        if self.run_id is None:
            raise WorkflowFailed(f"workflow {self.workflow_id} has no run to take a result from")
        recorded = await self._recorded(self.run_id, run.get("payload_codec"))
        return recorded or unexplained(run)

    async def _recorded(self, run_id: str, codec: str | None) -> RunEnd | None:
        """How a run ended by the last closing event of its history, which may come in pages."""
        found: RunEnd | None = None
        token: str | None = None
        while True:
            call = Call(
                "GET",
                Route.WORKFLOW_HISTORY,
                document,
                path={"workflow_id": self.workflow_id, "run_id": run_id},
                query={"next_page_token": token},
            )
            page = await self._until_back(partial(self._send, call))
            found = from_history(page, codec) or found
            following = object_or_empty(page).get("next_page_token")
            if not following or following == token:
                return found
            token = following

    async def _until_back(self, send: Callable[[], Awaitable[T]]) -> T:
        return await until_back(send, deadline=self._deadline)

    async def _pause(self, seconds: float) -> None:
        seconds = min(seconds, self.remaining)
        if seconds > 0:
            await asyncio.sleep(seconds)


def described(response: Response) -> Response:
    """A description as it came, which has to be an object."""
    json_object(response)
    return response


def was_held(response: Response) -> bool:
    """Whether the server says that it held a response as long as it was asked to."""
    return PREFERENCE_APPLIED.lower() in {name.lower() for name in response.headers}
