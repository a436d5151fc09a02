"""What a store offers: transactions over named statements, and notices of what was committed.

A *unit of work* is a plain function over a transaction. `Store.run` answers only once the unit is
committed; an acknowledged unit survives a crash at any later instruction. Nothing above this module
knows which database is below it: statements are named, and their text is in ``queries/*.sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from durable_workflow.server.notices import Notice

T = TypeVar("T")
Value: TypeAlias = int | float | str | bytes | None
Row: TypeAlias = tuple[Any, ...]


class Condition(msgspec.Struct, frozen=True):
    """How a store is doing.

    Attributes:
        available: Units can be committed, as far as is known.
        message: What is wrong, where something is.
        missing_migrations: Names of the steps of the schema that the database has not had.
    """

    available: bool
    message: str | None = None
    missing_migrations: list[str] = []


class Read(Protocol):
    """A consistent view of the store.

    Attributes:
        now: Microseconds since 1970-01-01 UTC, fixed when the unit began.
    """

    now: int

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        ...

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        ...


class Tx(Read, Protocol):
    """One unit of work: everything in it is committed together, or nothing is."""

    def new_id(self) -> str:
        """A new identifier: 26 characters, lower case, sorting by time of creation."""
        ...

    def do(self, statement: str, /, **params: Value) -> int:
        """Run a named statement that changes rows; how many it changed."""
        ...

    def do_many(self, statement: str, rows: Sequence[Mapping[str, Value]], /) -> None:
        """Run a named statement once for each row of parameters."""
        ...

    def notify(self, notice: Notice, /) -> None:
        """Have `notice` published after this unit is committed, and never if it is not."""
        ...


class Store(Protocol):
    """A place where units of work run, one after the other or side by side, never half."""

    async def run(self, work: Callable[[Tx], T], /) -> T:
        """Run `work` in one transaction.

        Returns:
            The result of `work`, once it is committed.
        Raises:
            StoreUnavailable: The unit could not be committed; nothing of it happened.
            Exception: Whatever `work` raised; nothing of it happened.
        """
        ...

    async def read(self, work: Callable[[Read], T], /) -> T:
        """Run `work` on a consistent view beside the writers. It sees all acknowledged units."""
        ...

    async def check(self) -> Condition:
        """How the store is doing, for probes; never raises."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, and let go of the database."""
        ...
