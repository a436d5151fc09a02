"""The workflow: the loop of an agent, in which each call of the model and each tool is recorded."""

from collections.abc import Generator
from typing import Any

from durable_workflow import ActivityFailed, ActivityRetryPolicy, workflow
from durable_workflow.workflow import WorkflowContext

from .conversation import Conversation, Message, ToolCall, said_by_tool, said_by_user
from .tools import DANGEROUS, TOOLS

MOST_TURNS = 20
DAY = 24 * 3600
PATIENT = ActivityRetryPolicy(
    max_attempts=10, initial_interval_seconds=1, backoff_coefficient=2, maximum_interval_seconds=60
)


@workflow.defn(name="support-agent")
class SupportAgent:
    """Answer a request of a user: ask the model, run the tools that it calls, ask it again."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.waits_for: ToolCall | None = None
        self.decisions: dict[str, bool] = {}

    @workflow.query("conversation")
    def conversation(self) -> Conversation:
        return {"messages": self.messages, "waits_for": self.waits_for}

    @workflow.signal("decide")
    def decide(self, call_id: str, approved: bool) -> None:
        """Allow a call or refuse it. The first decision about a call counts."""
        self.decisions.setdefault(call_id, approved)

    def run(self, ctx: WorkflowContext, request: str) -> Generator[Any, Any, str]:
        self.messages.append(said_by_user(request))
        for _ in range(MOST_TURNS):
            reply: Message = yield ctx.schedule_activity(
                "call_model", [self.messages], retry_policy=PATIENT, start_to_close_timeout=120
            )
            self.messages.append(reply)
            if not reply["calls"]:
                return reply["content"]
            for call in reply["calls"]:
                result = yield from self.use_tool(ctx, call)
                self.messages.append(said_by_tool(call, result))
        raise RuntimeError(f"the model came to no end in {MOST_TURNS} turns")

    def use_tool(self, ctx: WorkflowContext, call: ToolCall) -> Generator[Any, Any, str]:
        """Run a tool. What goes wrong is told to the model, which may know another way."""
        if call["tool"] not in TOOLS:
            return f"there is no tool {call['tool']}"
        if call["tool"] in DANGEROUS:
            allowed = yield from self.approval(ctx, call)
            if not allowed:
                return "it was not approved"
        try:
            result: str = yield ctx.schedule_activity(
                call["tool"], [call], retry_policy=PATIENT, start_to_close_timeout=30
            )
        except ActivityFailed as error:
            return str(error)
        return result

    def approval(self, ctx: WorkflowContext, call: ToolCall) -> Generator[Any, Any, bool]:
        """Wait for the decision of a person. None within a day is a no."""
        self.waits_for = call
        yield ctx.wait_condition(lambda: call["id"] in self.decisions, key="decision", timeout=DAY)
        self.waits_for = None
        return self.decisions.get(call["id"], False)
