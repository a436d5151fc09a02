"""The operations of one server, and who may call them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from durable_workflow.metrics import NOOP_METRICS, MetricsRecorder
from durable_workflow.server.api import handlers
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.description import ApiDescription
from durable_workflow.server.api.known_namespaces import KnownNamespaces
from durable_workflow.server.api.login import ANYONE, Credentials, Principal, authenticator
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.streams import WorkerStreams
from durable_workflow.server.clock import Clock
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.executors import ExternalExecutors
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.fields import FoundReference, Reading, table_of
from durable_workflow.server.figures import CommitFigures, RequestFigures
from durable_workflow.server.querying import PendingQueries
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.settings import Settings
from durable_workflow.server.slices import Slices, at_once
from durable_workflow.server.store import Store

T = TypeVar("T")

_REMEDIATION: Final = (
    "Register the namespace via POST /api/namespaces, or send an X-Namespace header naming an "
    "existing namespace."
)


class Api:
    """What a carrier of calls needs of the server.

    A carrier finds out who calls (`admit`), then of which namespace (`find_namespace`), then has
    it done (`ask`): callers can observe this order. Each raises; `explain` says what that means.

    Args:
        settings: Secrets, limits of documents, and what the services read.
        payloads: Verifies the references in documents.
        executors: Which activities carriers run.
        commits: What the store counts of its commits.

    Attributes:
        requests: Carriers count in it what they have answered.
        description: The carrier gives it the document to show.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        clock: Clock,
        dispatcher: Dispatcher,
        queries: PendingQueries,
        payloads: ExternalPayloads,
        commits: CommitFigures,
        executors: ExternalExecutors,
        metrics: MetricsRecorder = NOOP_METRICS,
    ) -> None:
        self._store = store
        self._payloads = payloads
        self._default_namespace = settings.services.default_namespace
        self._authenticator = authenticator(settings.auth)
        self._namespaces = KnownNamespaces(store)
        self._limits = settings.wire
        self.requests = RequestFigures()
        self.description = ApiDescription()
        self._longest_page = settings.services.history_page_size_max
        operations = handlers.operations(
            settings,
            store=store,
            clock=clock,
            dispatcher=dispatcher,
            queries=queries,
            authenticator=self._authenticator,
            known_namespaces=self._namespaces,
            payloads=payloads,
            counted=[self.requests, commits],
            executors=executors,
            description=self.description,
        )
        self.operations: dict[str, Operation[Any]] = {each.name: each for each in operations}
        self.streams = WorkerStreams(
            self,
            store=store,
            dispatcher=dispatcher,
            queries=queries,
            settings=settings.services,
            metrics=metrics,
        )

    def is_overloaded(self) -> bool:
        """Whether so much waits to be written that no carrier should bring more."""
        return self._store.is_full()

    def admit(self, operation: Operation[Any], credentials: Credentials) -> Principal:
        """Find out who calls, and whether they may.

        Raises:
            Refused: Nobody known, or not for this role.
            NotConfigured: Nobody can be known.
        """
        if not operation.roles:
            return ANYONE
        principal = self._authenticator.authenticate(credentials)
        if not principal.may(operation.roles):
            raise Refused(
                "forbidden",
                "Your role may not call this route.",
                extra={"role": principal.role, "allowed_roles": list(operation.roles)},
            )
        return principal

    async def find_namespace(self, operation: Operation[Any], wanted: str) -> str:
        """The namespace that a call is about.

        Args:
            wanted: As the caller named it; empty for the default.
        Raises:
            Refused: There is none of that name, and the operation is about one.
        """
        name = (wanted or self._default_namespace).lower()
        if operation.namespaced and not await self._namespaces.exists(name):
            raise Refused(
                "namespace_not_found",
                f"Namespace '{name}' does not exist.",
                extra={"namespace": name, "remediation": _REMEDIATION},
            )
        return name

    async def ask(self, operation: Operation[Any], call: Call) -> Reply:
        """Read what a call asks for, and have it done.

        Raises:
            Invalid: The document does not fit; all that is wrong with it is said.
            Refused: It is not done, and nothing has changed.
        """
        try:
            slices = self._read(operation.asks, call)
            asked, references = (
                at_once(slices) if call.pace is None else await call.pace.run(slices)
            )
            if references:
                await self._payloads.begin_use(call.namespace, references)
        except Invalid as error:
            if operation.unread is None:
                raise
            return operation.unread(call, error)
        try:
            return await operation.handle(call, asked)
        finally:
            if references:
                self._payloads.end_use(references)

    def read(self, asks: type[T], call: Call) -> T:
        """Read what a call asks for.

        Args:
            asks: The structure that its document is read into.
        Raises:
            Invalid: The document does not fit; all that is wrong with it is said.
        """
        return at_once(self._read(asks, call))[0]

    def _read(self, asks: type[T], call: Call) -> Slices[tuple[T, Sequence[FoundReference]]]:
        """What a call asks for, and the references to payloads in it."""
        reading = Reading(self._limits, longest_page=self._longest_page)
        table = table_of(asks)
        asked = yield from table.read_in_slices(call.document, reading, names=call.names)
        if asked is None:
            raise Invalid(reading.errors)
        return asked, reading.references
