"""Wheels that are not there."""

import pytest

from durable_workflow.testing._wheels import wheel


def test_what_is_missing_says_what_to_install() -> None:
    with pytest.raises(ImportError, match="X needs another wheel: pip install dw-nothing"):
        wheel("nothing_of_that_name", "dw-nothing", "X")


def test_what_is_there_is_imported() -> None:
    assert wheel("errors", "dw-core", "X").__name__ == "durable_workflow.errors"
