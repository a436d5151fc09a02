import os
from pathlib import Path

import pytest

_SPEC = Path(__file__).resolve().parents[4] / "shared" / "spec"


@pytest.fixture(scope="session")
def spec_data() -> Path:
    """The folder with the specification's vectors and examples."""
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named) if named else _SPEC / "data"
    if not folder.is_dir():
        pytest.skip(f"the specification's data is not at {folder}")
    return folder
