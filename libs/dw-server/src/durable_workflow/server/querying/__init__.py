"""Questions to workers: asked in memory, answered once, never in history."""

from durable_workflow.server.querying.board import Answered, Failed, QueryBoard, Unanswered
from durable_workflow.server.querying.question import Question

__all__ = ["Answered", "Failed", "QueryBoard", "Question", "Unanswered"]
