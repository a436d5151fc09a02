"""The store of one process: a SQLite file, or a database in memory."""

from durable_workflow.server.store.sqlite._committer import (
    Committed,
    Committer,
    Done,
    MakeCommits,
    commit,
)
from durable_workflow.server.store.sqlite._connection import Executing
from durable_workflow.server.store.sqlite._copying import copy_database
from durable_workflow.server.store.sqlite._lock import FileLock
from durable_workflow.server.store.sqlite._store import SqliteStore
from durable_workflow.server.store.sqlite._verifying import Verified, verify_database

__all__ = [
    "Committed",
    "Committer",
    "Done",
    "Executing",
    "FileLock",
    "MakeCommits",
    "SqliteStore",
    "Verified",
    "commit",
    "copy_database",
    "verify_database",
]
