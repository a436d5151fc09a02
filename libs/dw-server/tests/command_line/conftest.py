"""The commands set up the log of their whole process, which here is that of all tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Have the log of others be as it was."""
    ours = logging.getLogger("durable_workflow")
    before = ours.level
    yield
    ours.setLevel(before)
