"""Looking over a state file: the store knows its tables, the records what rows refer to."""

from __future__ import annotations

from pathlib import Path

from durable_workflow.server.records import large_strings
from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite import Verified, verify_database


def look_over(path: Path) -> Verified:
    """What is wrong with a state file, which another process may be serving.

    Raises:
        StoreUnusable: There is none, it is not ours, or a newer server has written to it.
        StoreUnavailable: It cannot be read.
    """
    return verify_database(
        path, load_migrations("sqlite"), large_strings.references, large=large_strings.LARGE
    )
