"""The async client of a Durable Workflow server."""

from durable_workflow._protocol import (
    CONTROL_PLANE_REQUEST_CONTRACT_SCHEMA,
    CONTROL_PLANE_REQUEST_CONTRACT_VERSION,
    CONTROL_PLANE_VERSION,
    DEFAULT_SDK_VERSION,
    PROTOCOL_VERSION,
)
from durable_workflow._publish import publish
from durable_workflow.client._client import Client
from durable_workflow.client._handles import (
    ScheduleHandle,
    StandaloneActivityHandle,
    WorkflowHandle,
)
from durable_workflow.client._results.activities import (
    StandaloneActivityExecution,
    StandaloneActivityList,
)
from durable_workflow.client._results.bridge import BridgeAdapterOutcome
from durable_workflow.client._results.build_ids import (
    TaskQueueBuildIdCohort,
    TaskQueueBuildIdRollout,
    TaskQueueBuildIdRolloutState,
)
from durable_workflow.client._results.namespaces import (
    NamespaceDescription,
    NamespaceList,
    StoragePayloadTestResult,
    StorageTestResult,
)
from durable_workflow.client._results.schedule_history import (
    ScheduleHistoryEvent,
    ScheduleHistoryPage,
)
from durable_workflow.client._results.schedules import (
    ScheduleAction,
    ScheduleBackfillResult,
    ScheduleDescription,
    ScheduleList,
    ScheduleSpec,
    ScheduleTriggerResult,
)
from durable_workflow.client._results.search_attributes import SearchAttributeList
from durable_workflow.client._results.task_queues import (
    TaskQueueAdmission,
    TaskQueueDescription,
    TaskQueueList,
    TaskQueueQueryAdmission,
    TaskQueueTaskAdmission,
)
from durable_workflow.client._results.workers import WorkerDescription, WorkerList
from durable_workflow.client._results.workflows import (
    WorkflowCommandResult,
    WorkflowExecution,
    WorkflowList,
    WorkflowRun,
    WorkflowRunList,
)
from durable_workflow.client._transport import HttpxTransport, Transport, TransportResponse

__all__ = [
    "CONTROL_PLANE_REQUEST_CONTRACT_SCHEMA",
    "CONTROL_PLANE_REQUEST_CONTRACT_VERSION",
    "CONTROL_PLANE_VERSION",
    "DEFAULT_SDK_VERSION",
    "PROTOCOL_VERSION",
    "BridgeAdapterOutcome",
    "Client",
    "HttpxTransport",
    "NamespaceDescription",
    "NamespaceList",
    "ScheduleAction",
    "ScheduleBackfillResult",
    "ScheduleDescription",
    "ScheduleHandle",
    "ScheduleHistoryEvent",
    "ScheduleHistoryPage",
    "ScheduleList",
    "ScheduleSpec",
    "ScheduleTriggerResult",
    "SearchAttributeList",
    "StandaloneActivityExecution",
    "StandaloneActivityHandle",
    "StandaloneActivityList",
    "StoragePayloadTestResult",
    "StorageTestResult",
    "TaskQueueAdmission",
    "TaskQueueBuildIdCohort",
    "TaskQueueBuildIdRollout",
    "TaskQueueBuildIdRolloutState",
    "TaskQueueDescription",
    "TaskQueueList",
    "TaskQueueQueryAdmission",
    "TaskQueueTaskAdmission",
    "Transport",
    "TransportResponse",
    "WorkerDescription",
    "WorkerList",
    "WorkflowCommandResult",
    "WorkflowExecution",
    "WorkflowHandle",
    "WorkflowList",
    "WorkflowRun",
    "WorkflowRunList",
]

publish(globals(), __all__)
