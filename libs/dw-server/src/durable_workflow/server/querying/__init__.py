"""Queries to workers: asked in memory, answered once, never in history."""

from durable_workflow.server.querying.pending_queries import PendingQueries
from durable_workflow.server.querying.query import Query
from durable_workflow.server.querying.query_task import Answered, Failed, Outcome, Unanswered
from durable_workflow.server.querying.service import QueryService

__all__ = [
    "Answered",
    "Failed",
    "Outcome",
    "PendingQueries",
    "Query",
    "QueryService",
    "Unanswered",
]
