"""Where runs are kept: units of work over named statements, on a database that no caller knows."""

from durable_workflow.server.store.errors import (
    Conflict,
    ConstraintViolated,
    OutcomeUnknown,
    StatementMisused,
    StoreError,
    StoreLocked,
    StoreOverloaded,
    StoreUnavailable,
    StoreUnusable,
)
from durable_workflow.server.store.protocol import Key, Read, Row, Store, Tx, Value

__all__ = [
    "Conflict",
    "ConstraintViolated",
    "Key",
    "OutcomeUnknown",
    "Read",
    "Row",
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
