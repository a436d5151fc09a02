"""Is this build safe to deploy? Replays many recorded runs against the code that is there now.

As a command: `durable-workflow-replay-check PATH... --workflows MODULE:ATTRIBUTE`, or with
`--server URL` in place of the paths.
"""

from durable_workflow._publish import publish
from durable_workflow.replay_check._check import check_histories
from durable_workflow.replay_check._command import main
from durable_workflow.replay_check._report import (
    REPORT_SCHEMA,
    REPORT_SCHEMA_VERSION,
    CheckReport,
    RunReport,
)
from durable_workflow.replay_check._sources import SourceError

__all__ = [
    "REPORT_SCHEMA",
    "REPORT_SCHEMA_VERSION",
    "CheckReport",
    "RunReport",
    "SourceError",
    "check_histories",
    "main",
]

publish(globals(), __all__)
