"""Questions to workers: asked in memory, answered once, never in history."""

from durable_workflow.server.querying.board import QueryBoard
from durable_workflow.server.querying.posted import Answered, Failed, Outcome, Unanswered
from durable_workflow.server.querying.question import Question
from durable_workflow.server.querying.service import QueryService

__all__ = [
    "Answered",
    "Failed",
    "Outcome",
    "QueryBoard",
    "QueryService",
    "Question",
    "Unanswered",
]
