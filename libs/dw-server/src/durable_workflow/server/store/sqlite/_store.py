"""Group commit on SQLite.

Units that wait are run one after the other in one transaction, each that writes inside a savepoint
unless it is the first, and are committed together: one fsync serves them all. While it is under way
the next units gather.

Who does what is decided by the interpreter lock. SQLite's bindings give it up in every statement,
and a thread that wants it back from a busy event loop waits a switch interval, each time. With the
units on the writer thread, 30 statements each, a loop under load got 900 units a second through
(70 at the default interval of 5 ms); with the units on the loop and only the commit, the one step
that waits for the disk, on the writer thread, 2,400, at half the latency. So that is the division
here; `_committer` says when even that step needs no thread. The loop is protected from long batches
by a limit of time, after which the batch is committed and other callbacks get their turn.

A unit that makes a task ready is often followed at once by one that claims it, for a poll that has
been waiting. So tasks are dispatched before the commit that makes them (`dispatch_before_commit`):
where that wakes a poll the batch is held for one turn of the loop, and one fsync commits both. Of
the four that a step of a sequence takes, two are left. Where it has sent a workflow task the batch
may be held for longer (`_holding`), and one is left.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import apsw

from durable_workflow.server.clock import Clock
from durable_workflow.server.figures import CommitFigures
from durable_workflow.server.ids import IdSource
from durable_workflow.server.logs import NO_REQUEST
from durable_workflow.server.notices import Notice
from durable_workflow.server.slices import Slices
from durable_workflow.server.store.errors import (
    StoreError,
    StoreOverloaded,
    StoreUnavailable,
)
from durable_workflow.server.store.protocol import (
    Condition,
    FollowingUp,
    Key,
    Placement,
    Read,
    Sizes,
    Tx,
)
from durable_workflow.server.store.schema import Migration
from durable_workflow.server.store.search import RunKey, RunSearch
from durable_workflow.server.store.sqlite._batch import (
    Batch,
    Unit,
    dispatch_nothing,
    not_committed,
    publish_to_nobody,
    unavailable,
)
from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.sqlite._checkpoints import DUE, Checkpoints
from durable_workflow.server.store.sqlite._committer import (
    CommitPace,
    Committed,
    Committer,
    MakeCommits,
    call_in,
    commit,
)
from durable_workflow.server.store.sqlite._database import MEMORY, Database
from durable_workflow.server.store.sqlite._following import follower
from durable_workflow.server.store.sqlite._health import Health
from durable_workflow.server.store.sqlite._holding import Hold, may_be_held
from durable_workflow.server.store.sqlite._long_units import LongUnits
from durable_workflow.server.store.sqlite._reads import Reads
from durable_workflow.server.store.sqlite._search import find_runs, selecting
from durable_workflow.server.store.sqlite._staging import Stage
from durable_workflow.server.store.sqlite._transaction import SqliteRead, SqliteTx
from durable_workflow.server.store.sqlite._units import UnitRunner
from durable_workflow.server.store.sqlite._walks import Select
from durable_workflow.server.store.statements import Statements

T = TypeVar("T")
_log = logging.getLogger(__name__)

_BATCH_UNITS, _BATCH_SECONDS = 200, 0.010
# How long a unit that pauses has the loop. Other units wait for its end, and each pause puts that
# off by what is done meanwhile: so its turns are longer than those of a preparation.
_TURN_SECONDS = 0.015
# Publishing them takes two milliseconds.
_PUBLISHED_AT_ONCE = 2_000
# What follows a batch that has run.
Then: TypeAlias = Callable[[asyncio.AbstractEventLoop, Batch], None]


class SqliteStore:
    """A store in one SQLite file, or in memory; it belongs to the loop that first uses it.

    Attributes:
        ways: How statements are run, with the rows that are kept in memory.

    Args:
        location: Path of the file, made if missing; ``:memory:`` for a database that is gone when
            the store is closed.
        statements, migrations: The named statements; the schema, applied while opening.
        clock, ids: Give each unit its `now` and its identifiers.
        publish: Called on the event loop with the notices of each batch, once it is committed.
        dispatch_before_commit: Called on the event loop with the notices of each batch before it is
            committed. It returns those that are still to be published; if it keeps any for itself,
            units that arrive in the next turn of the loop join the batch, and one that arrives a
            little later where nobody waits for it. Not asked in memory, where a commit costs
            nothing.
        placement: Gives ready tasks to workers at the end of each unit.
        max_waiting: Units that may wait; more are refused.
        vfs: Name of a registered SQLite VFS; None for the system's.
        figures: Counts the commits.
        make_committer: Makes what commits; a thread, unless a simulation has its own.
        following_up: Asked after the last unit of a batch, with its notices, for one that follows
            from it. Only in memory, where no commit fails: what follows may rest on it.
        checkpoint_pages: Pages of the log after which it is folded into the database.

    Raises:
        StoreLocked: Another process serves the file.
        StoreUnusable: The file is damaged, not ours, or on a file system without locks.
    """

    def __init__(
        self,
        location: str = MEMORY,
        *,
        statements: Statements,
        migrations: list[Migration],
        clock: Clock,
        ids: IdSource,
        publish: Callable[[Sequence[Notice]], None] = publish_to_nobody,
        dispatch_before_commit: Callable[[Sequence[Notice]], Sequence[Notice]] = dispatch_nothing,
        placement: Placement | None = None,
        max_waiting: int = 5_000,
        vfs: str | None = None,
        figures: CommitFigures | None = None,
        make_committer: MakeCommits = Committer,
        following_up: FollowingUp | None = None,
        checkpoint_pages: int = DUE,
    ) -> None:
        self.publish = publish
        self._dispatch_before_commit = dispatch_before_commit
        self._placement = placement
        self._clock = clock
        self._max_waiting = max_waiting
        self._database = Database(location, migrations, now=clock.now(), vfs=vfs)
        self.ways = Ways(
            statements, self._database.columns(), saves_space=not self._database.in_memory
        )
        self._writer = self._database.writer
        self._units = UnitRunner(self._writer, self.ways, clock, ids.new, placement)
        # A commit in memory waits for nothing, so it needs no thread.
        self._committer = None if self._database.in_memory else make_committer(self._units.cursor)
        self._checkpoints = (
            None
            if self._committer is None
            else Checkpoints(self._database, self._committer.run_apart, due=checkpoint_pages)
        )
        self._following_up = following_up if self._database.in_memory else None
        self._pace = CommitPace()
        self._figures = figures or CommitFigures()
        self._reads = Reads(self._database, self.ways, clock)
        self._waiting: deque[Unit] = deque()
        # Notices of what is committed, oldest first.
        self._unpublished: deque[Sequence[Notice]] = deque()
        self._long_units = LongUnits(
            self.ways,
            clock.now,
            ids.new,
            read=self.read,
            run=self._run,
            run_long=functools.partial(self._run, is_long=True),
            # In memory a long unit has the loop to its end, and staging would have it too.
            stage=None if self._database.in_memory else Stage(statements),
        )
        self._busy = False
        self._hold = Hold()
        self._closed = False
        self._idle: asyncio.Event | None = None
        self._health = Health(self._database, self.run)

    async def run(
        self, work: Callable[[Tx], T], /, *, keys: Sequence[Key] = (), unhurried: bool = False
    ) -> T:
        """Run `work` in one transaction; its result, once that is committed."""
        del keys  # all units have everything to themselves
        result: T = await self._run(work, unhurried=unhurried)
        return result

    async def run_in_slices(self, work: Callable[[Tx], Slices[T]], /) -> T:
        """Run a unit that takes long, with others between its slices."""
        return await self._long_units.run(work)

    async def _run(
        self,
        work: Callable[[SqliteTx], Any],
        /,
        *,
        unhurried: bool = False,
        is_long: bool = False,
    ) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._accept(Unit(work, answer, unhurried=unhurried, is_long=is_long))
        return await answer

    def _accept(self, unit: Unit) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if len(self._waiting) >= self._max_waiting:
            raise StoreOverloaded(f"{len(self._waiting)} units of work are waiting already")
        self._waiting.append(unit)
        loop = unit.answer.get_loop()
        if not self._busy:
            # Not at once: whoever else is ready in this turn of the loop joins the batch.
            self._busy = True
            loop.call_soon(self._work_off, loop, context=NO_REQUEST)
        elif (held := self._hold.end()) is not None:
            loop.call_soon(self._work_off_followers, loop, held, context=NO_REQUEST)

    async def read(self, work: Callable[[Read], T], /) -> T:
        """Run `work` on a consistent view that holds every acknowledged unit."""
        return self._reads.run(work)

    async def read_apart(self, work: Callable[[Read], T], /) -> T:
        """Run `work` on such a view, in a thread of its own."""
        return await self._reads.run_apart(work)

    def sizes(self) -> Sizes | None:
        """How much space its files take; None in memory."""
        return self._database.sizes()

    def is_full(self) -> bool:
        """Whether as many units wait as may: the next one is refused."""
        return len(self._waiting) >= self._max_waiting

    async def search(self, search: RunSearch, /) -> list[RunKey]:
        """Find runs, newest first, in slices that hold up nobody for long."""

        async def view(work: Callable[[Select], None]) -> None:
            await self.read(lambda read: work(selecting(read)))

        return await find_runs(view, search)

    async def check(self) -> Condition:
        """Whether units can be committed, as far as is known."""
        if self._closed:
            return Condition(available=False, message="the store is closed")
        return await self._health.check()

    async def close(self) -> None:
        """Finish what was accepted, and let go of the database. Twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._reads.close()
        if self._busy or self._unpublished:
            self._idle = asyncio.Event()
            await self._idle.wait()
        if self._committer is not None:
            self._committer.stop()
        if self._checkpoints is not None:
            self._checkpoints.close()
        self._database.close()

    # --- one batch ---------------------------------------------------------------------------

    def _work_off(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run a batch of the units that wait, and have it committed."""
        batch = Batch()
        self._go_on(loop, batch, self._run_batch(batch), self._commit_or_hold)

    def _work_off_followers(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> None:
        """Run what has come since a batch was run in its transaction, and have all committed."""
        self._go_on(loop, batch, self._run_batch(batch), self._commit)

    def _go_on(
        self, loop: asyncio.AbstractEventLoop, batch: Batch, running: Slices[None], then: Then
    ) -> None:
        """Run units until they pause, and again after others' turn; at their end do `then`."""
        until = time.perf_counter() + _TURN_SECONDS
        try:
            next(running)
            # In memory reads have the same connection: they would see what is half done.
            while time.perf_counter() < until or self._database.in_memory:
                next(running)
        except StopIteration:
            then(loop, batch)
        except (apsw.Error, StoreError) as error:
            # The transaction has failed, and with it the batch.
            self._abandon()
            if not batch.units:
                batch.units = self._all_waiting()
            self._settle(loop, batch, error, unavailable)
        else:
            loop.call_soon(self._go_on, loop, batch, running, then)

    def _commit_or_hold(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> None:
        """Commit a batch, or let those that it has woken bring a unit first."""
        followed = False
        try:
            followed = self._committer is not None and self._followed(batch)
        finally:
            # Whatever becomes of the notices, the units are committed and answered.
            if followed and not self._waiting and may_be_held(batch, batch.notices):
                self._hold.begin(loop, batch, functools.partial(self._commit, loop))
            elif followed:
                loop.call_soon(self._work_off_followers, loop, batch)
            else:
                self._commit(loop, batch)

    def _followed(self, batch: Batch) -> bool:
        """Whether the batch has woken somebody who may bring a unit at once."""
        batch.notices = notices = batch.take_notices()
        if notices:
            batch.notices = list(self._dispatch_before_commit(notices))
        return len(batch.notices) < len(notices)

    def _commit(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> None:
        quick = not batch.is_long and self._pace.on_the_spot(len(batch.units))
        if self._checkpoints is not None and self._checkpoints.may_copy:
            quick = False
        if self._committer is None or quick:
            self._committed(loop, batch, commit(self._units.cursor))
        else:
            done = functools.partial(self._committed, loop, batch)
            self._committer.commit(functools.partial(call_in, loop, done))

    def _committed(self, loop: asyncio.AbstractEventLoop, batch: Batch, how: Committed) -> None:
        self._pace.note(how.seconds)
        self._figures.note(how.seconds, len(batch.units), failed=how.error is not None)
        self._settle(loop, batch, how.error, not_committed)
        if self._checkpoints is not None:
            self._checkpoints.begin_if_due()

    def _run_batch(self, batch: Batch) -> Slices[None]:
        """Run the units that wait, in a transaction.

        Raises:
            StoreError: The transaction is lost; likewise errors of SQLite's.
        """
        if not self._writer.in_transaction:
            self._database.check_in_place()
            self._units.begin()
        deadline = time.perf_counter() + _BATCH_SECONDS
        while self._waiting and len(batch.units) < _BATCH_UNITS:
            if batch.units and self._waiting[0].is_long:
                return  # those that are done need not wait for it
            unit = self._waiting.popleft()
            if unit.answer.cancelled():
                continue  # its caller is gone, and it has not begun
            batch.units.append(unit)
            yield from self._units.run(unit)
            if time.perf_counter() > deadline:
                break
        while self._following_up and batch.units and not self._waiting:
            following = yield from self._follow_up(self._following_up, batch.units[-1])
            if following is None:
                return
            batch.units.append(following)
            if time.perf_counter() > deadline:
                return

    def _follow_up(self, following_up: FollowingUp, last: Unit) -> Slices[Unit | None]:
        """Run a unit that follows from the last one; None where there is none, or it failed."""
        read = SqliteRead(self._units.cursor, self.ways, self._clock.now())
        unit = follower(following_up, read, last)
        if unit is not None:
            yield from self._units.run(unit)
        return unit if unit is not None and unit.has_followed() else None

    def _settle(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Batch,
        error: Exception | None,
        told: Callable[[Exception], StoreError],
    ) -> None:
        """Tell the callers of a batch how it ended, and publish its notices."""
        self._health.note(error, batch.units)
        if error is not None:
            _log.error("could not commit %d units of work: %s", len(batch.units), error)
            self._abandon()
            if self._placement is not None:
                self._placement.revoke([each for unit in batch.units for each in unit.notices])
        for unit in batch.units:
            if unit.answer.done():
                continue  # cancelled meanwhile
            if error is not None:
                unit.answer.set_exception(told(error))
            elif unit.error is not None:
                unit.answer.set_exception(unit.error)
            else:
                unit.answer.set_result(unit.result)
        if error is None:
            for unit in batch.units:
                unit.log_lines()
        self._publish(loop, batch.notices + batch.take_notices() if error is None else [])

    def _publish(self, loop: asyncio.AbstractEventLoop, notices: Sequence[Notice]) -> None:
        """Publish notices, and begin the next batch: it does not wait until all are published."""
        if self._waiting:
            # Through the loop, so that answers travel and requests are read between two batches.
            loop.call_soon(self._work_off, loop)
        else:
            self._busy = False
        is_first = not self._unpublished
        if notices:
            self._unpublished.append(notices)
        if is_first and len(notices) > _PUBLISHED_AT_ONCE:
            loop.call_soon(self._publish_some, loop)
        elif is_first:
            self._publish_some(loop)

    def _publish_some(self, loop: asyncio.AbstractEventLoop) -> None:
        """Publish some of the notices that are not published, in order, and go on with the rest."""
        some: Sequence[Notice] = ()
        if self._unpublished:
            notices = self._unpublished.popleft()
            some, rest = notices[:_PUBLISHED_AT_ONCE], notices[_PUBLISHED_AT_ONCE:]
            if rest:
                self._unpublished.appendleft(rest)
        if self._unpublished:
            loop.call_soon(self._publish_some, loop)
        elif not self._busy and self._idle is not None:
            self._idle.set()
        # Last: whatever becomes of the notices, the store goes on.
        if some:
            self.publish(some)

    def _abandon(self) -> None:
        self.ways.forget()
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK").fetchall()
        except apsw.Error as error:
            _log.error("could not roll back: %s", error)

    def _all_waiting(self) -> list[Unit]:
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting
