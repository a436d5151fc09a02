"""Operations: each thing that can be asked of the server, under one name for all carriers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from durable_workflow.server.api.calls import Call
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.replies import Reply

T = TypeVar("T")
Handler: TypeAlias = Callable[[Call, T], Awaitable[Reply]]


class Nothing(msgspec.Struct, frozen=True):
    """The request of an operation that takes no fields."""


class Operation(msgspec.Struct, Generic[T], frozen=True):
    """One thing that can be asked.

    Attributes:
        name: Carriers find it by this; no two operations share one.
        roles: Who may call; empty for everybody, without a login.
        asks: The structure that a call's document is read into, whose annotations are the table of
            its fields.
        handle: Does it.
        namespaced: Whether it is about one namespace, which must exist.
        unread: What the caller of a document that does not fit is told, where that has a form of
            the operation's own. A document that is no object has no members then.
    """

    name: str
    roles: tuple[str, ...]
    asks: type[T]
    handle: Handler[T]
    namespaced: bool = True
    unread: Callable[[Call, Invalid], Reply] | None = None
