"""Running one unit in the open transaction: its attempts, and the tasks that it gives out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from durable_workflow.server.clock import Clock
from durable_workflow.server.notices import Notice
from durable_workflow.server.slices import Slices
from durable_workflow.server.store.errors import Conflict, StoreUnavailable
from durable_workflow.server.store.protocol import Placement
from durable_workflow.server.store.sqlite._batch import Unit, carried
from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.sqlite._connection import Connection
from durable_workflow.server.store.sqlite._transaction import SqliteTx

_log = logging.getLogger(__name__)

# A unit that meets a conflict each time would block all others.
_MOST_ATTEMPTS: Final = 100
# Notices between two pauses: to place them takes a millisecond.
_PART: Final = 250


class UnitRunner:
    """Runs units, one after the other, so that each can be taken back without the others.

    The first of a transaction is taken back with all of that, and needs no savepoint: this spares
    two statements, and a copy of each page that is changed. Each later one that writes has one.

    Attributes:
        cursor: Runs the statements of units and of their transactions, one after the other.

    Args:
        writer: The connection.
        clock, new_id: Give each attempt its time and its identifiers.
        placement: Gives ready tasks to workers at the end of each unit.
    """

    def __init__(
        self,
        writer: Connection,
        ways: Ways,
        clock: Clock,
        new_id: Callable[[int], str],
        placement: Placement | None,
    ) -> None:
        self._writer = writer
        self.cursor = writer.cursor()
        self._ways = ways
        self._clock = clock
        self._new_id = new_id
        self._placement = placement
        # Whether nothing was done in the open transaction yet.
        self._is_fresh = False

    def begin(self) -> None:
        """Open a transaction for the units that are run next."""
        self.cursor.execute("BEGIN IMMEDIATE")
        self._is_fresh = True

    def run(self, unit: Unit) -> Slices[None]:
        """Run a unit in the open transaction, and again where it meets a conflict or a claim at its
        end fails.

        It pauses where a long unit does, and while many tasks are given out. The connection is the
        unit's alone until it has ended.

        Raises:
            StoreUnavailable: The transaction is lost, and with it the batch.
        """
        last, placement = False, self._placement
        not_placed: Exception | None = None
        for _ in range(_MOST_ATTEMPTS):
            now = self._clock.now() if unit.at is None else unit.at
            alone, self._is_fresh = self._is_fresh, False
            tx = SqliteTx(
                *(self._writer, self.cursor, self._ways, now, self._new_id), last=last, alone=alone
            )
            placing: list[Notice] | None = None
            try:
                result = unit.work(tx)
                unit.result = (yield from result) if unit.is_long else result
                tx.check()
                notices = tx.take_notices()
                if placement is not None and placement.wants(notices):
                    placing = []
                    yield from self._place(tx, placement, notices, placing)
                unit.has_written = tx.finish()
            except BaseException as error:  # noqa: BLE001  raised in the caller, who waits
                unit.error = error
            else:
                unit.error = None
                unit.notices, unit.lines = notices if placing is None else placing, tx.lines
                if not_placed is not None:
                    _log.error("tasks could not be given out, and wait", exc_info=not_placed)
                return
            finally:
                tx.end()
            if placement is not None and placing is not None:
                placement.revoke(placing)
            self._take_back(tx, unit.error, alone=alone)
            if isinstance(unit.error, Conflict):
                last = last or tx.not_unique
            elif placing is not None and isinstance(unit.error, Exception):
                # The unit stands without it, and the tasks wait for whoever asks.
                not_placed, placement = unit.error, None
            else:
                unit.error = carried(unit.error)
                return
        unit.error = StoreUnavailable(f"the unit met a conflict {_MOST_ATTEMPTS} times")

    def _place(
        self, tx: SqliteTx, placement: Placement, notices: Sequence[Notice], placed: list[Notice]
    ) -> Slices[None]:
        """Have the tasks that a unit made ready claimed, as part of it.

        Args:
            placed: Gets the notices that are left.
        """
        while True:
            # A unit without notices may still give out what has waited.
            placed += placement.place(tx, notices[:_PART])
            for at in range(_PART, len(notices), _PART):
                yield
                placed += placement.place(tx, notices[at : at + _PART])
            # A claim may make further tasks ready: it may end a run whose history is full.
            notices = tx.take_notices()
            if not notices:
                return

    def _take_back(self, tx: SqliteTx, error: BaseException, *, alone: bool) -> None:
        # A full disk and the like end the whole transaction, and with it the batch.
        if not self._writer.in_transaction:
            raise StoreUnavailable("the transaction was rolled back") from error
        if not tx.has_written:
            return
        if alone:
            # Nobody else writes, so the next transaction begins where this one did.
            self.cursor.execute("ROLLBACK")
            self.begin()
        else:
            self.cursor.execute("ROLLBACK TO unit")
            self.cursor.execute("RELEASE unit")
