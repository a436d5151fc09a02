"""Every session follows the same rules, whichever folder it starts from."""

from typing import Any

import pytest
from session_rules import pytest_configure as pytest_configure
from session_rules import spec_data as spec_data

from integration.surface import published as published_names


@pytest.fixture(scope="session")
def published() -> dict[str, Any]:
    """The published names of each module, by the module's full name."""
    return published_names.read()
