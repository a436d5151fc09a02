"""The operations of one server, and who may call them."""

from __future__ import annotations

from typing import Final

from durable_workflow.server.api import handlers
from durable_workflow.server.api.known_namespaces import KnownNamespaces
from durable_workflow.server.api.login import ANYONE, Credentials, Principal, authenticator
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.clock import Clock
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.querying import QueryBoard
from durable_workflow.server.refusals import Refused
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Store

_REMEDIATION: Final = (
    "Register the namespace via POST /api/namespaces, or send an X-Namespace header naming an "
    "existing namespace."
)


class Api:
    """What a carrier of calls needs of the server.

    A carrier asks in this order, which callers can observe: who calls (`admit`), of which namespace
    (`find_namespace`), then the operation's handler. Each raises; `explain` says what that means.

    Args:
        settings: Secrets, limits of documents, and what the services read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        clock: Clock,
        dispatcher: Dispatcher,
        queries: QueryBoard,
    ) -> None:
        self._default_namespace = settings.services.default_namespace
        self._authenticator = authenticator(settings.auth)
        self._namespaces = KnownNamespaces(store)
        operations = handlers.operations(
            settings,
            store=store,
            clock=clock,
            dispatcher=dispatcher,
            queries=queries,
            authenticator=self._authenticator,
        )
        self.operations: dict[str, Operation] = {each.name: each for each in operations}

    def admit(self, operation: Operation, credentials: Credentials) -> Principal:
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

    async def find_namespace(self, operation: Operation, wanted: str) -> str:
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
