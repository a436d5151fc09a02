"""Testing workflows and activities.

`WorkflowEnvironment` runs a workflow against mocks in simulated time, `ActivityEnvironment` runs
one activity with a context, and `replay_history` replays a recorded history against the code of
today. `WorkflowTestServer` is a real server in the process of the tests.
"""

from durable_workflow._publish import publish
from durable_workflow.testing._activity_environment import ActivityEnvironment
from durable_workflow.testing._environment import WorkflowEnvironment
from durable_workflow.testing._handle import WorkflowStuck, WorkflowTestHandle
from durable_workflow.testing._histories import replay_history, replay_history_file
from durable_workflow.testing._mocks import MissingMock
from durable_workflow.testing._records import WorkflowRunRecord
from durable_workflow.testing._server import WorkflowTestServer
from durable_workflow.testing._worker import RunningWorker

__all__ = [
    "ActivityEnvironment",
    "MissingMock",
    "RunningWorker",
    "WorkflowEnvironment",
    "WorkflowRunRecord",
    "WorkflowStuck",
    "WorkflowTestHandle",
    "WorkflowTestServer",
    "replay_history",
    "replay_history_file",
]

publish(globals(), __all__)
