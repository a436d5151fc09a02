import importlib
import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(durable_workflow(?:\.\w+)+)`", README.read_text())))
)
def test_what_the_readme_promises_is_there(name: Any) -> None:
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), attribute)
