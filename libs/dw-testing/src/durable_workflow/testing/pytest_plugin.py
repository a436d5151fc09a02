"""Fixtures for pytest, which finds this module by its entry point."""

import pytest

from durable_workflow.testing import WorkflowEnvironment


@pytest.fixture
def workflow_environment() -> WorkflowEnvironment:
    """An environment without mocks."""
    return WorkflowEnvironment()
