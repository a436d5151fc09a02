"""The replies to calls that raise."""

from __future__ import annotations

import logging

from durable_workflow.server.api.login import NotConfigured
from durable_workflow.server.dispatch import TooManyWaiting
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.store import OutcomeUnknown, StoreOverloaded, StoreUnavailable

_log = logging.getLogger(__name__)


def explain(error: Exception, what: str) -> Reply:
    """The reply that an exception becomes. What is not the caller's doing is logged.

    Args:
        what: The call, for the log: never with ids of users in it.
    """
    refused = _refusal(error, what)
    body = {"message": refused.message, "reason": refused.reason, **refused.extra}
    return Reply(body, reason=refused.reason)


def _refusal(error: Exception, what: str) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, TooManyWaiting | StoreUnavailable | OutcomeUnknown):
        _log.warning("%s: %s", what, error)
        return _unable(error)
    if isinstance(error, NotConfigured):
        message = "No login is possible: set DW_AUTH_TOKEN, or a token per role."
        return Refused("server_error", message)
    _log.error("%s failed", what, exc_info=error)
    return Refused("server_error", "The server failed.")


def _unable(error: TooManyWaiting | StoreUnavailable | OutcomeUnknown) -> Refused:
    # It cannot serve now, and later may.
    if isinstance(error, TooManyWaiting):
        return Refused("too_many_polls", "The server holds as many polls as it may.")
    if isinstance(error, StoreOverloaded):
        return Refused("server_busy", "The server has more to write than it may queue.")
    if isinstance(error, OutcomeUnknown):
        # Unlike the others: a caller that asks again may have it done twice.
        message = "Whether the server's state was written is not known: look before asking again."
        return Refused("outcome_unknown", message)
    return Refused("store_unavailable", "The server's state could not be written; nothing changed.")
