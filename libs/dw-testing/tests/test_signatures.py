"""The public names of this wheel as they were published."""

from collections.abc import Callable
from typing import Any

import published_api
import pytest

MODULES = ["python_conformance", "testing"]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("check", published_api.CHECKS)
def test_public_names_are_as_published(
    published: dict[str, Any], module: str, check: Callable[[str, dict[str, Any]], None]
) -> None:
    check(module, published[f"durable_workflow.{module}"])
