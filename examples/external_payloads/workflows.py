"""The workflow: passes large values on. It knows nothing of the store."""

from collections.abc import Generator
from typing import Any

from durable_workflow import workflow
from durable_workflow.workflow import WorkflowContext


@workflow.defn(name="shout-document")
class ShoutDocument:
    """Return a document in upper case."""

    def run(self, ctx: WorkflowContext, text: str) -> Generator[Any, Any, str]:
        shouted: str = yield ctx.schedule_activity("shout", [text])
        return shouted
