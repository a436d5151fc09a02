"""Running one activity with a context, and nothing else."""

import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

from durable_workflow import activity
from durable_workflow.activity import ActivityInfo
from durable_workflow.testing._activity_context import (
    RecordingContext,
    is_coroutine_function,
    plain,
)

T = TypeVar("T")


class ActivityEnvironment:
    """Runs activities as a worker does, and records their heartbeats.

    Example::

        env = ActivityEnvironment()
        assert await env.run(copy_rows, "orders") == 3
        assert env.heartbeats == [{"row": 1}, {"row": 2}, {"row": 3}]

    Attributes:
        heartbeats: Details of each heartbeat so far, oldest first; None for one without.
        on_heartbeat: Called with the details of each heartbeat; None for nobody.
        cancelled: The next heartbeat asks the activity to stop.
    """

    def __init__(
        self,
        *,
        info: ActivityInfo | None = None,
        attempt_number: int = 1,
        heartbeat_details: dict[str, Any] | None = None,
        on_heartbeat: Callable[[dict[str, Any] | None], object] | None = None,
    ) -> None:
        """Make an environment.

        Args:
            info: What `activity.context().info` says; None makes one up for each activity.
            attempt_number: The attempt that it says where it is made up.
            heartbeat_details: Likewise, what the attempt before reported last.
            on_heartbeat: Called with the details of each heartbeat, for instance to `cancel`.
        """
        self.heartbeats: list[dict[str, Any] | None] = []
        self.on_heartbeat = on_heartbeat
        self.cancelled = False
        self._info = info
        self._attempt_number = attempt_number
        self._heartbeat_details = heartbeat_details

    def cancel(self) -> None:
        """Ask the activity to stop: the heartbeat after this raises `ActivityCancelled` in it.

        Called by `on_heartbeat`, that heartbeat does.
        """
        self.cancelled = True

    @overload
    def run(
        self, fn: Callable[..., Coroutine[Any, Any, T]], *args: Any
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def run(self, fn: Callable[..., T], *args: Any) -> T: ...
    def run(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Run an activity.

        Args:
            fn: The activity: a coroutine function, whose call is then to be awaited, or a plain
                one, which runs in this thread.
            *args: Its arguments, passed on as they are.
        Returns:
            What it returns.
        Raises:
            ActivityCancelled: It let its cancellation pass.
            BaseException: What it raises.
        """
        on_loop = is_coroutine_function(fn)
        context = RecordingContext(self._info_of(fn), self._heartbeat, on_loop=on_loop)
        if on_loop:
            return self._awaited(context, fn, args)
        inside = contextvars.copy_context()
        inside.run(activity._set_context, context)
        return inside.run(fn, *args)

    async def _awaited(
        self, context: RecordingContext, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        activity._set_context(context)
        try:
            return await fn(*args)
        finally:
            activity._set_context(None)

    def _heartbeat(self, details: dict[str, Any] | None) -> bool:
        self.heartbeats.append(details)
        if self.on_heartbeat is not None:
            self.on_heartbeat(details)
        return self.cancelled

    def _info_of(self, fn: Callable[..., Any]) -> ActivityInfo:
        if self._info is not None:
            return self._info
        name = getattr(fn, "__activity_name__", None) or getattr(fn, "__name__", "activity")
        return ActivityInfo(
            task_id="test-task",
            activity_type=str(name),
            activity_attempt_id=f"test-attempt-{self._attempt_number}",
            attempt_number=self._attempt_number,
            task_queue="default",
            worker_id="test-worker",
            heartbeat_details=plain(self._heartbeat_details),
        )
