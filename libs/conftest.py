"""Every session follows the same rules, whichever folder it starts from."""

import json
from pathlib import Path
from typing import Any

import pytest
from session_rules import pytest_configure as pytest_configure
from session_rules import spec_data as spec_data

from integration.surface import published as published_names

_OLD = Path(__file__).resolve().parents[1] / "integration" / "replay" / "old_histories.json"


@pytest.fixture(scope="session")
def old_histories() -> Any:
    """Histories in the form that an old release recorded, with what they replay to."""
    return json.loads(_OLD.read_text())


@pytest.fixture(scope="session")
def published() -> dict[str, Any]:
    """The published names of each module, by the module's full name."""
    return published_names.read()
