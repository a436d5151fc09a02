"""Operations: each thing that can be asked of the server, under one name for all carriers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from durable_workflow.server.api.calls import Call
from durable_workflow.server.replies import Reply

Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]


class Operation(msgspec.Struct, frozen=True):
    """One thing that can be asked.

    Attributes:
        name: Carriers find it by this; no two operations share one.
        roles: Who may call; empty for everybody, without a login.
        handle: Does it.
        namespaced: Whether it is about one namespace, which must exist.
    """

    name: str
    roles: tuple[str, ...]
    handle: Handler
    namespaced: bool = True
