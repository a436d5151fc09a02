"""Testing workflows and activities.

`WorkflowEnvironment` runs a workflow against mocks in simulated time, `ActivityEnvironment` runs
one activity with a context, and `replay_history` replays a recorded history against the code of
today.
"""

from durable_workflow._publish import publish
from durable_workflow.testing._activity_environment import ActivityEnvironment
from durable_workflow.testing._environment import WorkflowEnvironment
from durable_workflow.testing._handle import WorkflowStuck, WorkflowTestHandle
from durable_workflow.testing._histories import replay_history, replay_history_file
from durable_workflow.testing._mocks import MissingMock
from durable_workflow.testing._records import WorkflowRunRecord

__all__ = [
    "ActivityEnvironment",
    "MissingMock",
    "WorkflowEnvironment",
    "WorkflowRunRecord",
    "WorkflowStuck",
    "WorkflowTestHandle",
    "replay_history",
    "replay_history_file",
]

publish(globals(), __all__)
