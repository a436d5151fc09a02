"""One question to a worker, and the lease under which it is answered."""

from __future__ import annotations

from typing import Literal

import msgspec

from durable_workflow.server.engine.state import JsonObject

QUERY = "query"
UPDATE_VALIDATION = "update_validation"


class Question(msgspec.Struct, kw_only=True):
    """What is asked about a run: a query, or whether an update may be accepted.

    Attributes:
        capability: What a worker must be able to do to be asked.
        build_id: The build that the run is pinned to, None for any.
    """

    kind: Literal["query", "update_validation"]
    name: str
    namespace: str
    task_queue: str
    workflow_id: str
    run_id: str
    workflow_type: str
    codec: str
    run_status: str
    workflow_arguments: JsonObject | None
    arguments: JsonObject | None
    capability: str = "query_tasks"
    build_id: str | None = None
