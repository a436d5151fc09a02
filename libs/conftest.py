"""Every session follows the same rules, whichever folder it starts from."""

import os
from pathlib import Path
from typing import Any

import pytest
from session_rules import pytest_configure as pytest_configure

from integration.surface import published as published_names

_SPEC = Path(__file__).resolve().parents[2] / "shared" / "spec"


@pytest.fixture(scope="session")
def spec_data() -> Path:
    """The folder with the specification's vectors and examples."""
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named) if named else _SPEC / "data"
    if not folder.is_dir():
        pytest.skip(f"the specification's data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def published() -> dict[str, Any]:
    """The published names of each module, by the module's full name."""
    return published_names.read()
