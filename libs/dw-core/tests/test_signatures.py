"""The public names of this wheel as they were published."""

from collections.abc import Callable
from typing import Any

import published_api
import pytest

MODULES = [
    "activity",
    "auth_composition",
    "errors",
    "external_storage",
    "external_task_input",
    "external_task_result",
    "metrics",
    "retry_policy",
    "serializer",
]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("check", published_api.CHECKS)
def test_public_names_are_as_published(
    published: dict[str, Any], module: str, check: Callable[[str, dict[str, Any]], None]
) -> None:
    names = published[f"durable_workflow.{module}"]
    check(module, {name: entry for name, entry in names.items() if entry["wheel"] == "dw-core"})
