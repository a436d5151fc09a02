"""What we use of a connection, with types.

apsw's own annotations name a type that Python has from 3.12 on, so on 3.11 checkers see nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import apsw

from durable_workflow.server.store.protocol import Row, Value


class Cursor(Protocol):
    """Runs one statement after the other, and has the rows of the last one."""

    def execute(
        self, statements: str, bindings: Mapping[str, Value] | Sequence[Value] = ..., /
    ) -> Cursor:
        """Run statements."""
        ...

    def executemany(self, statements: str, bindings: Iterable[Sequence[Value]], /) -> Cursor:
        """Run statements once for each set of bindings."""
        ...

    def fetchone(self) -> Row | None:
        """The next row."""
        ...

    def fetchall(self) -> list[Row]:
        """The remaining rows; the statement is finished after it."""
        ...


class Executing(Protocol):
    """A cursor; or a connection, which makes one for each statement, and that takes time."""

    def execute(
        self, statements: str, bindings: Mapping[str, Value] | Sequence[Value] = ..., /
    ) -> Cursor:
        """Run statements."""
        ...


class Connection(Protocol):
    """One connection to a database."""

    @property
    def open_flags(self) -> int:
        """How it was opened."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def cursor(self) -> Cursor:
        """One that runs statements: for several in a row, of which each would make its own."""
        ...

    def execute(
        self, statements: str, bindings: Mapping[str, Value] | Sequence[Value] = ..., /
    ) -> Cursor:
        """Run statements."""
        ...

    def executemany(self, statements: str, bindings: Iterable[Sequence[Value]], /) -> Cursor:
        """Run statements once for each set of bindings."""
        ...

    def changes(self) -> int:
        """How many rows the last statement changed."""
        ...

    def total_changes(self) -> int:
        """How many rows all statements have changed."""
        ...

    def set_wal_hook(self, hook: Callable[[Connection, str, int], int] | None, /) -> None:
        """Have `hook` called behind each commit to the log, with how many pages that has."""
        ...

    def wal_checkpoint(self, dbname: str | None = ..., mode: int = ...) -> tuple[int, int]:
        """Copy pages of the log into the database; how many it has, and how many are copied."""
        ...

    def last_insert_rowid(self) -> int:
        """The number of the row that was put last."""
        ...

    def config(self, option: int, /, *values: Any) -> Any:
        """Set an option of the connection."""
        ...

    def set_busy_timeout(self, milliseconds: int, /) -> None:
        """How long to wait for another process's lock."""
        ...

    def interrupt(self) -> None:
        """End what another thread runs, with an error there."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def connect(name: str, *, flags: int, vfs: str | None, statement_cache: int) -> Connection:
    """Open a connection."""
    connection = apsw.Connection(name, flags=flags, vfs=vfs, statementcachesize=statement_cache)
    return cast(Connection, connection)
