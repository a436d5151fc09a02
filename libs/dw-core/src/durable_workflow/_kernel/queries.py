"""Queries: read the state that a replay has reached."""

from typing import Any

from durable_workflow._conversion import Fit
from durable_workflow._wire import reasons
from durable_workflow._wire.texts import error_text
from durable_workflow.errors import QueryFailed


def run_query(instance: Any, name: str, arguments: list[Any], fit: Fit) -> Any:
    """Call the handler of a query.

    Args:
        instance: The replayed workflow.
        name: The query's name on the wire.
        arguments: Positional arguments.
        fit: Makes them fit the handler.
    Returns:
        What the handler returned, possibly an awaitable.
    Raises:
        QueryFailed: There is no such query, its handler raised, or the arguments do not fit it.
    """
    table: dict[str, str] = handler_table(instance, "__workflow_queries__")
    if name not in table:
        raise QueryFailed(f"unknown query {name!r}", reason=reasons.UNKNOWN_QUERY)
    handler = getattr(instance, table[name], None)
    if not callable(handler):
        raise QueryFailed(f"query handler {name!r} is not available")
    try:
        return handler(*fit(handler, arguments))
    except QueryFailed:
        raise
    except Exception as error:
        text = error_text(error)
        raise QueryFailed(text if text.strip() else f"query {name!r} failed") from error


def handler_table(instance: object, table: str) -> dict[str, str]:
    """Receiver names and the attributes that handle them; empty for an undecorated class."""
    return getattr(type(instance), table, {})


def replay_failed(reason: object) -> QueryFailed:
    """The failure of a query whose replay did not reach a state."""
    message = f"workflow replay failed before query: {reason}"
    return QueryFailed(message, reason=reasons.STATE_UNAVAILABLE)
