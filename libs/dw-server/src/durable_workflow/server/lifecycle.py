"""One server without its sockets: the store, and what runs on it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Any

from durable_workflow.metrics import NOOP_METRICS, MetricsRecorder
from durable_workflow.server.api import Api
from durable_workflow.server.clock import Clock, SkippingClock, SystemClock
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.executors import load
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.figures import CommitFigures
from durable_workflow.server.ids import IdSource, UlidSource
from durable_workflow.server.notices import Notice
from durable_workflow.server.payload_storage import PayloadStorage
from durable_workflow.server.querying import PendingQueries
from durable_workflow.server.services import (
    activity_claims,
    namespaces,
    sessions,
    streams,
    workflow_claims,
)
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import FollowUp, Read
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import Committer, MakeCommits, SqliteStore
from durable_workflow.server.store.statements import load_statements
from durable_workflow.server.timers import RetentionService, TimerService, TimeSkipper

_log = logging.getLogger(__name__)


class Server:
    """Holds the store, the long polls, the timer service and the operations of one server.

    It belongs to the event loop that `start` runs in.

    Args:
        settings: What to open and how to serve it.
        clock: Time; the machine's unless a test has its own.
        ids: Identifiers; random unless a test has its own.
        metrics: What counts the server's own troubles; nothing unless it is given.
        make_committer: Makes what commits; a thread unless a simulation has its own.
    Raises:
        StoreLocked: Another process serves the state file.
        StoreUnusable: The state file cannot be served.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        metrics: MetricsRecorder = NOOP_METRICS,
        make_committer: MakeCommits = Committer,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.executors = load(
            settings.external_executor_config_path, settings.external_executor_config_overlay
        )
        self.dispatcher = self._make_dispatcher()
        self.ids = ids or UlidSource()
        skipping = self.clock if isinstance(self.clock, SkippingClock) else None
        # Queries are held in memory, for seconds: time that is skipped is not theirs.
        now = self.clock.now if skipping is None else skipping.real.now
        self.queries = PendingQueries(
            settings.services, now, lambda: self.ids.new(self.clock.now())
        )
        commits = CommitFigures()
        self.store = SqliteStore(
            settings.db,
            statements=load_statements("sqlite"),
            migrations=load_migrations("sqlite"),
            clock=self.clock,
            ids=self.ids,
            publish=self._publish,
            dispatch_before_commit=self.dispatcher.dispatch_before_commit,
            placement=self.dispatcher.placement,
            max_waiting=settings.max_waiting_units,
            figures=commits,
            make_committer=make_committer,
            following_up=None if skipping is None else self._follow_up,
        )
        self.timers = TimerService(self.store, self.clock, settings.services, metrics)
        storage = PayloadStorage(settings.resolved_external_storage_root)
        self.payloads = ExternalPayloads(self.store, storage)
        self.retention = RetentionService(
            self.store, settings.services.retention_interval_seconds, self.payloads
        )
        self.skipper = None if skipping is None else self._make_skipper(skipping)
        self.api = Api(
            settings,
            store=self.store,
            clock=self.clock,
            dispatcher=self.dispatcher,
            queries=self.queries,
            payloads=self.payloads,
            commits=commits,
            executors=self.executors,
            metrics=metrics,
        )

    def _make_dispatcher(self) -> Dispatcher:
        fair, executors = FairQueues(), self.executors
        known: dict[str, Any] = {"settings": self.settings.services, "fair": fair}
        claim, claim_waiting = activity_claims.claim_for, activity_claims.claim_waiting
        return Dispatcher(
            self.settings.max_waiting_polls,
            claims={
                "workflow": functools.partial(workflow_claims.claim_for, **known),
                "activity": functools.partial(claim, **known, executors=executors),
            },
            claims_of_waiting={
                "activity": functools.partial(claim_waiting, **known, executors=executors),
            },
            run_empty_unit=self._run_empty_unit,
            fair_queues=fair,
        )

    def _make_skipper(self, clock: SkippingClock) -> TimeSkipper:
        return TimeSkipper(
            clock,
            self.store,
            self.settings.services,
            awaited=self.dispatcher.awaited_runs,
            moved=self.timers.poke,
        )

    async def start(self) -> None:
        """Make the default namespace, and take up what fell due while nobody served."""
        for warning in self.executors.warnings():
            _log.warning("%s", warning)
        name = self.settings.services.default_namespace
        days = self.settings.services.retention_days
        await self.store.run(lambda tx: namespaces.ensure_default(tx, name, days))
        await namespaces.finish_deletions(self.store, self.payloads)
        await self.store.run(lambda tx: sessions.await_return(tx, self.settings.services))
        self.timers.start()
        if self.skipper is None:
            self.retention.start()
        else:
            # Time that is skipped is nobody's: what ended in it is still looked at.
            self.skipper.start()

    async def announce(self) -> None:
        """Workers can reach the server from now on: those that had a stream have a grace."""
        await self.store.run(lambda tx: streams.await_streams(tx, self.settings.services))

    def hold_no_more(self) -> None:
        """Answer every held poll and query now: the first step of stopping."""
        self.dispatcher.close()
        self.queries.close()

    async def stop(self) -> None:
        """Finish what was accepted and close the state. Requests have ended by now."""
        self.hold_no_more()
        if self.skipper is not None:
            await self.skipper.stop()
        await self.retention.stop()
        await self.timers.stop()
        self.payloads.close()
        await self.store.close()

    async def _run_empty_unit(self) -> None:
        await self.store.run(lambda tx: None)

    def _follow_up(self, read: Read, notices: Sequence[Notice]) -> FollowUp | None:
        return None if self.skipper is None else self.skipper.follow_up(read, notices)

    def _publish(self, notices: Sequence[Notice]) -> None:
        self.dispatcher.publish(notices)
        self.timers.publish(notices)
        if self.skipper is not None:
            self.skipper.publish(notices)
        self.queries.publish(notices)
