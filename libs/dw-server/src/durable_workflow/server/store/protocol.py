"""What a store offers: transactions over named statements, and notices of what was committed.

A *unit of work* is a plain function over a transaction. `Store.run` answers only once the unit is
committed; an acknowledged unit survives a crash at any later instruction. Nothing above this module
knows which database is below it, or how many servers write to it: statements are named, and their
text is in ``queries/*.sql``.

What a unit may rely on:

1. Units are as if run one after the other with respect to the keys that they `lock`, and to the
   rows that they read by statements that lock or take. Other scans promise nothing.
2. Keys are locked in the order schedule, workflow, run, then what is below: a unit that begins
   with a task finds the task's run first.
3. It reads its own earlier writes.

What a unit must keep to:

4. It may be run any number of times, each time from the beginning, and only the last time counts.
   So it changes nothing but through `tx`: no logging, no counting, no changes of its arguments.
5. A `BaseException` is the store's: it is never swallowed.
6. The error of a statement may appear at any later read, or at the end. No unit goes on after one.
7. What breaks a uniqueness rule is a conflict with another unit at first: the unit is run once
   more, and its select now finds the row. The second time it is `ConstraintViolated`.

Notices may arrive late, merged or never where several servers share a database: whoever waits for
one looks again from time to time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from durable_workflow.server.notices import Notice
from durable_workflow.server.slices import Slices
from durable_workflow.server.store.search import RunKey, RunSearch

T = TypeVar("T")
G = TypeVar("G")
Value: TypeAlias = int | float | str | bytes | None
Row: TypeAlias = tuple[Any, ...]
# Makes the rows of the items of a group.
RowsOf: TypeAlias = Callable[[G, Sequence[T]], list[Row]]
# A kind of thing, and which one.
RecallKey: TypeAlias = tuple[str, str]
KeyKind: TypeAlias = Literal["workflow", "run", "worker", "schedule"]

# The order in which keys are locked.
_RANKS: Final[dict[KeyKind, int]] = {"worker": 0, "schedule": 1, "workflow": 2, "run": 3}


class Key(msgspec.Struct, frozen=True):
    """Something that a unit locks before it reads what it will decide on."""

    kind: KeyKind
    id: str

    @staticmethod
    def workflow(namespace: str, workflow_id: str) -> Key:
        """A workflow id: which run is current, and how many commands there were."""
        return Key("workflow", f"{namespace}\0{workflow_id}")

    @staticmethod
    def run(run_id: str) -> Key:
        """A run with all that belongs to it."""
        return Key("run", run_id)

    @staticmethod
    def worker(namespace: str, worker_id: str) -> Key:
        """A registered worker."""
        return Key("worker", f"{namespace}\0{worker_id}")

    @staticmethod
    def schedule(namespace: str, schedule_id: str) -> Key:
        """A schedule with its history."""
        return Key("schedule", f"{namespace}\0{schedule_id}")

    @property
    def place(self) -> tuple[int, str]:
        """Its place in the order in which keys are locked."""
        return _RANKS[self.kind], self.id


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


class Sizes(msgspec.Struct, frozen=True):
    """How much space a store takes on its disk, in bytes.

    Attributes:
        log: What was committed and is not in the database's own file yet.
        free: What else may be written to the disk.
    """

    database: int
    log: int
    free: int


class Read(Protocol):
    """A consistent view of the store. It locks nothing.

    Attributes:
        now: Microseconds since 1970-01-01 UTC by the store's clock, fixed when the attempt began.
    """

    now: int

    def one(self, statement: str, /, **params: Value) -> Row | None:
        """Run a named statement; its first row, or None."""
        ...

    def all(self, statement: str, /, **params: Value) -> list[Row]:
        """Run a named statement; all its rows."""
        ...

    def recall(self, key: RecallKey, /) -> Any:
        """What units have remembered under a key; None where that is not known."""
        ...


class Tx(Read, Protocol):
    """One unit of work: everything in it is committed together, or nothing is.

    Attributes:
        saves_space: Whether what is written should be small, because it goes to a disk.
    """

    saves_space: bool

    def remember(self, key: RecallKey, value: object, /) -> None:
        """Spare this unit and those that follow it a read: they recall `value`.

        It follows from rows. Whoever changes these remembers the new value, or None. A unit that is
        not committed has remembered nothing, and the store may forget everything at any time.

        Args:
            value: Nobody changes it.
        """
        ...

    def lock(self, key: Key, /) -> None:
        """Have `key` to oneself until the end.

        Where that is out of order the store may run the unit again, with all keys locked first.
        """
        ...

    def take(self, statement: str, /, *, most: int, **params: Value) -> list[Row]:
        """Run a statement that takes rows: at most `most` that no other unit holds.

        For claims and for due work alone: what is held elsewhere is left out, not waited for.
        """
        ...

    def do(self, statement: str, /, **params: Value) -> None:
        """Run a named statement that changes rows."""
        ...

    def do_many(self, statement: str, rows: Sequence[Row], /) -> None:
        """Run a named statement once for each row of values.

        Args:
            rows: Values in the order in which their parameters first stand in the statement.
        """
        ...

    def do_together(
        self, statement: str, group: G, items: Sequence[T], rows_of: RowsOf[G, T], /
    ) -> None:
        """Run a named statement once for each row that is made of items.

        Items that are given for one group, one after the other, may share rows: those are made
        when they are written.

        Args:
            rows_of: Makes the rows of all items of a group, and does nothing else.
        """
        ...

    def new_id(self) -> str:
        """A new identifier: 26 characters, lower case, sorting by time of creation.

        Unique across servers, and in order within one.
        """
        ...

    def notify(self, notice: Notice, /) -> None:
        """Have `notice` published after this unit is committed, and never if it is not."""
        ...

    def say(self, level: int, text: str, /, *args: object, **ids: str) -> None:
        """Have a line logged once, after this unit is committed, and never if it is not.

        Args:
            level: One of `logging`.
            text: With ``%s`` and the like for `args`.
            ids: Of what it speaks of, as `workflow_id`: members of a structured line.
        """
        ...


class Placement(Protocol):
    """Claims the tasks that a unit makes ready for workers that wait, as part of the unit."""

    def wants(self, notices: Sequence[Notice], /) -> bool:
        """Whether a unit that ends with these notices has anything to claim."""
        ...

    def place(self, tx: Tx, notices: Sequence[Notice], /) -> Sequence[Notice]:
        """Claim what became ready.

        Returns:
            The notices that are left to be published, with those of what was claimed.
        """
        ...

    def revoke(self, notices: Sequence[Notice], /) -> None:
        """Units that ended with these notices were not committed: what they claimed was not."""
        ...


class FollowUp(msgspec.Struct, frozen=True):
    """A unit that follows at once from those before it, at a moment of its own.

    Attributes:
        at: Its `now`.
        work: What it does. Where it raises, nothing of it is done, and nothing else follows.
        done: Called with its result when it has run, before any other unit does.
    """

    at: int
    work: Callable[[Tx], bool]
    done: Callable[[bool], None]


FollowingUp: TypeAlias = Callable[[Read, Sequence[Notice]], FollowUp | None]


class Store(Protocol):
    """A place where units of work run, one after the other or side by side, never half."""

    async def run(
        self, work: Callable[[Tx], T], /, *, keys: Sequence[Key] = (), unhurried: bool = False
    ) -> T:
        """Run `work` in one transaction.

        Args:
            keys: What it will lock, where that is known: it saves running it again.
            unhurried: Nobody waits for the answer itself, so that the commit may be put off for a
                moment where another unit is about to follow.
        Returns:
            The result of `work`, once it is committed.
        Raises:
            StoreUnavailable: The unit could not be committed; nothing of it happened.
            OutcomeUnknown: The unit may have been committed.
            Exception: Whatever `work` raised; nothing of it happened.
        """
        ...

    async def run_in_slices(self, work: Callable[[Tx], Slices[T]], /) -> T:
        """Run a unit that takes long, with others between its slices where the store can.

        It is as atomic as any other, and may be run any number of times. In a preparation that is
        thrown away what it reads may not fit together.

        Raises:
            As `run` does.
        """
        ...

    async def read(self, work: Callable[[Read], T], /) -> T:
        """Run `work` on one snapshot beside the writers. It sees all acknowledged units.

        It holds up others for as long as it lasts: long histories are read in pages.
        """
        ...

    async def read_apart(self, work: Callable[[Read], T], /) -> T:
        """Run `work` as `read` does, but beside everything else, in its own time.

        For statements that go through many rows and return few, where nobody waits for the answer.
        `work` may run in another thread.
        """
        ...

    def sizes(self) -> Sizes | None:
        """How much space it takes; None where that is not known or means nothing."""
        ...

    def is_full(self) -> bool:
        """Whether as many units wait as may: the next one is refused."""
        ...

    async def search(self, search: RunSearch, /) -> list[RunKey]:
        """Find runs, newest first.

        It reads in slices, with others between them: each run is judged as it was when its slice
        was read.

        Raises:
            SearchTooBroad: It has looked for as long as it may, and has no page yet.
        """
        ...

    async def check(self) -> Condition:
        """How the store is doing, for probes; never raises."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, and let go of the database."""
        ...
