"""What a worker is asked about a run."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from durable_workflow._wire.json_values import JsonObject

Kind: TypeAlias = Literal["query", "update_validation"]
QUERY: Final = "query"
UPDATE_VALIDATION: Final = "update_validation"


class Query(msgspec.Struct, kw_only=True):
    """What is asked about a run: a query, or whether an update may be accepted.

    Attributes:
        follows: It is about the current run of its workflow id, whichever that is.
        build_id: The build that the run is pinned to, None for any.
    """

    kind: Kind
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
    build_id: str | None
    follows: bool
