"""What is said: by the user, by the model, and by the tools that the model calls. Plain JSON."""

from typing import Any, Literal, TypedDict


class ToolCall(TypedDict):
    """The model wants a tool to be run. `id` names this call within the conversation."""

    id: str
    tool: str
    arguments: dict[str, Any]


class Message(TypedDict):
    """One message. Only those of the assistant have calls, and only those of tools answer one."""

    role: Literal["user", "assistant", "tool"]
    content: str
    calls: list[ToolCall]
    answers: str | None


class Conversation(TypedDict):
    """What the query returns: all messages, and the call that waits for a person, if one does."""

    messages: list[Message]
    waits_for: ToolCall | None


def said_by_user(content: str) -> Message:
    return {"role": "user", "content": content, "calls": [], "answers": None}


def said_by_model(content: str, *calls: ToolCall) -> Message:
    return {"role": "assistant", "content": content, "calls": list(calls), "answers": None}


def said_by_tool(call: ToolCall, content: str) -> Message:
    return {"role": "tool", "content": content, "calls": [], "answers": call["id"]}
