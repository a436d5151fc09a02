"""The workflow: one activity for each photo, a few at a time, and a query for the progress."""

from collections.abc import Generator
from typing import Any, TypedDict

from durable_workflow import ActivityRetryPolicy, workflow
from durable_workflow.workflow import WorkflowContext

SIDE_BY_SIDE = 4
RETRIES = ActivityRetryPolicy(max_attempts=5, initial_interval_seconds=1, backoff_coefficient=2)


class Progress(TypedDict):
    """What the query returns."""

    done: int
    total: int


@workflow.defn(name="make-thumbnails")
class MakeThumbnails:
    """Make a thumbnail of every photo, `SIDE_BY_SIDE` at a time."""

    def __init__(self) -> None:
        self.done = 0
        self.total = 0

    @workflow.query("progress")
    def progress(self) -> Progress:
        return {"done": self.done, "total": self.total}

    def run(self, ctx: WorkflowContext, photos: list[str]) -> Generator[Any, Any, list[str]]:
        self.total = len(photos)
        thumbnails: list[str] = []
        for start in range(0, len(photos), SIDE_BY_SIDE):
            # A list is a fan-out: it is resolved once all of its activities are. One list after
            # the other keeps what runs at once small, and is where the progress moves.
            made: list[str] = yield [
                ctx.schedule_activity(
                    "make_thumbnail", [photo], retry_policy=RETRIES, start_to_close_timeout=60
                )
                for photo in photos[start : start + SIDE_BY_SIDE]
            ]
            thumbnails += made
            self.done = len(thumbnails)
        return thumbnails
