"""Replies: a call was done, or was not done for a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from durable_workflow.server.figures import Family

# Done by now; or done, and there is something new; or taken up, to be done later. Or turned down in
# a form of the operation's own, which is no refusal by a reason.
Form: TypeAlias = Literal["done", "created", "accepted", "rejected", "partial"]


class Parts(Protocol):
    """A body that is made while it is sent."""

    def parts(self) -> Iterator[bytes]:
        """The JSON, in parts of some tens of kilobytes."""
        ...

    def close(self) -> None:
        """Let go of what it is made of: called once, sent or not."""
        ...


class Reply(msgspec.Struct, frozen=True):
    """What a caller is told. Which number that is on a wire is the carrier's to know.

    A refusal that changes nothing is raised, as `Refused`. One that is recorded, and therefore must
    commit, is a reply with a reason.

    Attributes:
        body: The members that are told.
        form: How it was done, where it was.
        reason: Why it was not done, as a word of the wire; None where it was.
        waited: For how many seconds the reply may have been held, where the caller's wish for that
            was granted.
        minimal: Whether the caller gets the body alone, without what its plane adds.
        parts: A body too large to be in memory, in place of `body`.
        families: Figures that the carrier tells in a form of its own, in place of `body`.
    """

    body: dict[str, Any]
    form: Form = "done"
    reason: str | None = None
    waited: int | None = None
    minimal: bool = False
    parts: Parts | None = None
    families: Sequence[Family] | None = None
