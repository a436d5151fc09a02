"""What a run that is still open waits for, in a sentence or two, from the server's debug answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from durable_workflow._wire.json_values import JsonObject, object_or_empty, objects
from durable_workflow.client._call import Call
from durable_workflow.client._resources.runs import debug_call

_log = logging.getLogger("durable_workflow.client")

# Seconds in which the server has to say it. The caller's own time is over already.
_PATIENCE: Final = 2.0

# Servers show the last error of an activity in full.
_LONGEST_ERROR: Final = 300
_MOST_ACTIVITIES: Final = 3
_MOST_FINDINGS: Final = 3
_UNSERVED: Final = "no_active_pollers"


async def still_open(
    send: Callable[[Call[JsonObject]], Awaitable[JsonObject]], workflow_id: str, run_id: str | None
) -> str:
    """The end of the text of a `TimeoutError`: why a run is still open, if the server says so.

    Args:
        send: Sends a call.
        workflow_id: The workflow.
        run_id: The run; None is the newest.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            reason = why_open(await send(debug_call(workflow_id, run_id, timeout=_PATIENCE)))
    except Exception as error:  # noqa: BLE001 - the caller is told of the time-out in any case
        # Such as a server without this answer, a token that may not ask, a broken connection.
        _log.debug("why workflow %s is still open is not known: %r", workflow_id, error)
        return ""
    return f". {reason}" if reason else ""


def why_open(debug: JsonObject) -> str:
    """What the run waits for, and whether a live worker serves it; empty if that is not known.

    Args:
        debug: The server's answer to `Client.debug_workflow`.
    """
    findings = objects(debug.get("findings"))
    return " ".join(
        [
            *_what_for(debug),
            *(_sentence(each.get("message")) for each in findings[:_MOST_FINDINGS]),
            *_who_serves(debug, {str(each.get("code")) for each in findings}),
        ]
    ).strip()


def _sentence(message: object) -> str:
    """A finding, which may end with the text of an error."""
    text = str(message or "").strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _what_for(debug: JsonObject) -> Iterator[str]:
    for task in objects(debug.get("pending_workflow_tasks")):
        if task.get("last_error"):
            continue  # a finding says it
        if owner := task.get("lease_owner"):
            yield f"Its workflow task is with the worker {owner}."
        else:
            yield f"Its workflow task waits for a worker of the task queue {task.get('queue')}."
    activities = objects(debug.get("pending_activities"))
    for activity in activities[:_MOST_ACTIVITIES]:
        yield _activity(activity)
    if (more := len(activities) - _MOST_ACTIVITIES) > 0:
        yield f"It waits for {more} more activities."
    execution = object_or_empty(debug.get("execution"))
    kind, reason = execution.get("wait_kind"), execution.get("wait_reason")
    if reason and kind not in {"workflow-task", "activity"}:
        yield f"{reason}."


def _activity(activity: JsonObject) -> str:
    text = (
        f"It waits for the activity {activity.get('activity_type')} "
        f"of the task queue {activity.get('queue')}, "
    )
    attempt = activity.get("attempt_count") or 0
    owner = object_or_empty(activity.get("current_attempt")).get("lease_owner")
    error = str(activity.get("last_error") or "")[:_LONGEST_ERROR]
    if owner:
        text += f"whose attempt {attempt} is with the worker {owner}"
    elif attempt:
        text += f"whose attempt {attempt} has ended"
    else:
        text += "which no worker has begun"
    if error:
        text += f"; its last error: {error}"
    return f"{text}."


def _who_serves(debug: JsonObject, codes: set[str]) -> Iterator[str]:
    if _UNSERVED in codes:
        return
    queue = object_or_empty(debug.get("task_queue"))
    pollers = object_or_empty(object_or_empty(queue.get("stats")).get("pollers"))
    count = pollers.get("active_count")
    if isinstance(count, int):
        workers = "1 live worker polls" if count == 1 else f"{count} live workers poll"
        yield f"{workers} the task queue {queue.get('name')}."
