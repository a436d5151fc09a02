"""The workflow: looks, sleeps, looks again, and goes on as a new run before its history is long."""

from collections.abc import Generator
from typing import Any, TypedDict

from durable_workflow import ActivityRetryPolicy, ContinueAsNew, workflow
from durable_workflow.workflow import WorkflowContext

POLL_SECONDS = 1
POLLS_PER_RUN = 2  # small, to see it happen: with 500 a run that polls each minute lasts 8 hours
RETRIES = ActivityRetryPolicy(max_attempts=10, initial_interval_seconds=1, backoff_coefficient=2)


class Found(TypedDict):
    """The output of the workflow."""

    size: int
    polls: int


@workflow.defn(name="wait-for-file")
class WaitForFile:
    """Wait until a file is there. `polls` is how often earlier runs have looked."""

    def __init__(self) -> None:
        self.polls = 0

    @workflow.query("polls")
    def polls_until_now(self) -> int:
        return self.polls

    def run(
        self, ctx: WorkflowContext, path: str, polls: int = 0
    ) -> Generator[Any, Any, Found | ContinueAsNew]:
        self.polls = polls
        for _ in range(POLLS_PER_RUN):
            size: int | None = yield ctx.schedule_activity(
                "size_of_file", [path], retry_policy=RETRIES, start_to_close_timeout=30
            )
            self.polls += 1
            if size is not None:
                return {"size": size, "polls": self.polls}
            yield ctx.start_timer(seconds=POLL_SECONDS)
        # The next run begins with an empty history. What it must know are its arguments.
        return ctx.continue_as_new(path, self.polls)
