"""The messages of a worker's stream that are of the stream itself (extension `worker_stream`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from durable_workflow.server.fields import (
    Choice,
    Commands,
    Flag,
    Inside,
    Listed,
    Object,
    Say,
    Text,
    Whole,
)
from durable_workflow.server.requests.tasks import CompleteActivityTask
from durable_workflow.server.requests.workers import MOST_HELD, HeldTask

_MOST_SLOTS: Final = 10_000


class StreamSlots(msgspec.Struct, frozen=True, kw_only=True):
    """How many tasks of each kind a worker works on at once."""

    workflow: Annotated[int, Whole(most=_MOST_SLOTS)] = 0
    activity: Annotated[int, Whole(most=_MOST_SLOTS)] = 0
    query: Annotated[int, Whole(most=_MOST_SLOTS)] = 0


class StreamTask(HeldTask, frozen=True, kw_only=True):
    """A task that a worker has: query tasks too."""

    kind: Annotated[str, Choice(words=("workflow", "activity", "query"))]

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """An attempt is of the form that tasks of its kind have."""
        HeldTask.check(values, say)
        if values.get("kind") == "query" and isinstance(values.get("attempt"), str):
            say("attempt", "must be an integer.")


class OpenStream(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a stream.

    Attributes:
        held: Everything that the worker has and that is not acknowledged, finished work included.
        claims: The worker takes workflow tasks that are not committed yet: it names their claim in
            all that it says of them, and keeps nothing that rests on one before that is certain.
        decides: The worker would send decisions with results; the welcome says whether it may.
    """

    worker_id: Annotated[str, Text()]
    session: Annotated[str, Text()]
    task_queue: Annotated[str, Text()]
    build_id: Annotated[str | None, Text()] = None
    slots: Annotated[StreamSlots, Inside(into=StreamSlots)] = StreamSlots()
    held: Annotated[list[StreamTask], Listed(each=Inside(into=StreamTask), most=MOST_HELD)] = []
    claims: Annotated[bool, Flag()] = False
    decides: Annotated[bool, Flag()] = False


class NextDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What a workflow does once it has the result of an activity.

    Attributes:
        run_id: Its run.
        after: Position of the last event that the worker had before those of the activity.
        passes_on: The workflow returns that result: its command brings none.
    """

    run_id: Annotated[str, Text()]
    after: Annotated[int, Whole(least=1)]
    commands: Annotated[list[dict[str, Any]], Commands(each=Object(or_list=False), required=True)]
    keep_history: Annotated[bool, Flag()] = False
    passes_on: Annotated[bool, Flag()] = False


class CompleteActivityAhead(CompleteActivityTask, frozen=True, kw_only=True):
    """An attempt returned, and this is what its workflow does next."""

    ahead: Annotated[NextDecision, Inside(into=NextDecision)]
