import importlib
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def golden_workflows(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """The workflows of the golden histories, importable as `golden_workflows`."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    module: Any = importlib.import_module("golden_workflows")
    found: list[type] = module.WORKFLOWS
    return found
