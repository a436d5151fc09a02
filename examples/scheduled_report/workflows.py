"""The workflow that the schedule starts: one report of one team."""

from collections.abc import Generator
from typing import Any, TypedDict

from durable_workflow import ActivityRetryPolicy, workflow
from durable_workflow.workflow import WorkflowContext

RETRIES = ActivityRetryPolicy(max_attempts=10, initial_interval_seconds=1, backoff_coefficient=2)


class Report(TypedDict):
    """The output of the workflow."""

    text: str
    sent_to: str


@workflow.defn(name="ticket-report")
class TicketReport:
    """Count tickets, write a sentence, and send it."""

    def run(self, ctx: WorkflowContext, team: str) -> Generator[Any, Any, Report]:
        counts: list[int] = yield [
            ctx.schedule_activity("count_tickets", [team, status], retry_policy=RETRIES)
            for status in ("opened", "closed")
        ]
        text = f"{team}: {counts[0]} tickets opened, {counts[1]} closed"
        sent_to: str = yield ctx.schedule_activity(
            "send_report", [team, text], retry_policy=RETRIES
        )
        return {"text": text, "sent_to": sent_to}
