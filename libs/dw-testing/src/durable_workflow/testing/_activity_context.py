"""The context of an activity that no worker runs: heartbeats are recorded."""

import inspect
import json
from collections.abc import Callable
from typing import Any

from durable_workflow.activity import ActivityContext, ActivityInfo
from durable_workflow.errors import ActivityCancelled


class RecordingContext(ActivityContext):
    """What an activity under test gets from `activity.context()`.

    Args:
        info: Which attempt it is.
        on_heartbeat: Called with the details of each heartbeat; returns whether the attempt is
            asked to stop.
        on_loop: The activity is a coroutine function, so that it may not call `heartbeat_sync`.
    """

    def __init__(
        self,
        info: ActivityInfo,
        on_heartbeat: Callable[[dict[str, Any] | None], bool],
        *,
        on_loop: bool = False,
    ) -> None:
        super().__init__(info=info, client=_Recorder(on_heartbeat))
        self._on_heartbeat = on_heartbeat
        self._on_loop = on_loop
        self._stopped = False

    @property
    def is_cancelled(self) -> bool:
        """Whether a heartbeat was told to stop."""
        return self._stopped or super().is_cancelled

    def heartbeat_sync(self, details: dict[str, Any] | None = None) -> None:
        """Report progress from a plain function."""
        if self._on_loop:
            raise RuntimeError(
                "heartbeat_sync was called on the worker's event loop; use 'await heartbeat()'"
            )
        if self._on_heartbeat(plain(details)):
            self._stopped = True
            raise ActivityCancelled


class _Recorder:
    """Takes the heartbeats of coroutine functions."""

    def __init__(self, on_heartbeat: Callable[[dict[str, Any] | None], bool]) -> None:
        self._on_heartbeat = on_heartbeat

    async def heartbeat_activity_task(
        self,
        *,
        task_id: str,
        activity_attempt_id: str,
        lease_owner: str,
        details: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Record one."""
        return {"cancel_requested": self._on_heartbeat(plain(details))}


def plain(details: dict[str, Any] | None) -> dict[str, Any] | None:
    """Details as they would arrive.

    Raises:
        TypeError: They are not plain JSON.
    """
    return None if details is None else json.loads(json.dumps(details))


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Whether an activity runs on the event loop."""
    call = getattr(function, "__call__", None)  # noqa: B004 - an object may be async to call
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
