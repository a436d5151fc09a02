"""The scene of each test: a server of its own on a temporary file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.language.activities import gates, seen
from integration.language.scene import DEFAULT_CACHE, Scene, open_scene


@pytest.fixture
def cache(request: pytest.FixtureRequest) -> int:
    """How many machines workers keep; tests of the core are parametrised over it."""
    return int(getattr(request, "param", DEFAULT_CACHE))


@pytest.fixture
async def scene(tmp_path: Path, cache: int) -> AsyncIterator[Scene]:
    gates.clear()
    seen.clear()
    async with open_scene(tmp_path / "state.db", cache=cache) as scene:
        yield scene
