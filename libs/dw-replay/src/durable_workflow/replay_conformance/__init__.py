"""Checks that the replay of this release does what every runtime must do, for release gates.

As a command: `durable-workflow-replay-conformance`.
"""

from durable_workflow._publish import publish
from durable_workflow.replay_conformance._command import main
from durable_workflow.replay_conformance._report import (
    COVERAGE_SCOPE,
    RESULT_SCHEMA,
    RESULT_VERSION,
    compose_report,
)
from durable_workflow.replay_conformance._workflows import (
    ReplayConformanceDivergentWorkflow,
    ReplayConformanceWorkflow,
)

__all__ = [
    "COVERAGE_SCOPE",
    "RESULT_SCHEMA",
    "RESULT_VERSION",
    "ReplayConformanceDivergentWorkflow",
    "ReplayConformanceWorkflow",
    "compose_report",
    "main",
]

publish(globals(), __all__)
