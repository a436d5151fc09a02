"""Where runs are kept: units of work over named statements, on a database that no caller knows."""

from durable_workflow.server.store.errors import (
    Conflict,
    ConstraintViolated,
    OutcomeUnknown,
    SearchTooBroad,
    StatementMisused,
    StoreError,
    StoreLocked,
    StoreOverloaded,
    StoreUnavailable,
    StoreUnusable,
)
from durable_workflow.server.store.protocol import FollowUp, Key, Read, Row, Store, Tx, Value
from durable_workflow.server.store.search import RunKey, RunSearch

__all__ = [
    "Conflict",
    "ConstraintViolated",
    "FollowUp",
    "Key",
    "OutcomeUnknown",
    "Read",
    "Row",
    "RunKey",
    "RunSearch",
    "SearchTooBroad",
    "StatementMisused",
    "Store",
    "StoreError",
    "StoreLocked",
    "StoreOverloaded",
    "StoreUnavailable",
    "StoreUnusable",
    "Tx",
    "Value",
]
