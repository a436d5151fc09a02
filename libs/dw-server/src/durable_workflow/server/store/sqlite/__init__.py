"""The store of one process: a SQLite file, or a database in memory."""

from durable_workflow.server.store.sqlite._store import SqliteStore

__all__ = ["SqliteStore"]
