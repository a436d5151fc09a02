"""What callers ask of the services: each a structure, which is also the table of its fields.

The api reads them off documents; the services read nothing else. A field that is absent on the wire
is here with its default. Rules that need the store (does the run exist, is the lease good, do the
commands fit the run) belong to the services.
"""

from durable_workflow.server.fields import Payload
from durable_workflow.server.requests.activities import (
    DescribeActivity,
    ListActivities,
    StartActivity,
)
from durable_workflow.server.requests.bridge import (
    BridgeEvent,
    SignalTarget,
    StartTarget,
    Target,
    UpdateTarget,
    target_of,
)
from durable_workflow.server.requests.caller import Bridged, Caller, Forwarded
from durable_workflow.server.requests.commands import (
    ArchiveWorkflow,
    CloseWorkflow,
    QueryWorkflow,
    RepairWorkflow,
    SignalWorkflow,
    UpdateWorkflow,
)
from durable_workflow.server.requests.fleet import (
    ListWorkers,
    NamedQueue,
    NamedWorker,
    RollBuild,
)
from durable_workflow.server.requests.maintenance import (
    ActivityTimeoutPass,
    LookUpkeep,
    RepairPass,
    RetentionPass,
)
from durable_workflow.server.requests.namespaces import (
    CreateNamespace,
    NamedNamespace,
    SetExternalStorage,
    StorageConfig,
    StorageProbe,
    UpdateNamespace,
)
from durable_workflow.server.requests.schedules import (
    BackfillSchedule,
    CreateSchedule,
    NamedSchedule,
    NoteSchedule,
    ReadScheduleHistory,
    TriggerSchedule,
    UpdateSchedule,
)
from durable_workflow.server.requests.search_attributes import (
    ATTRIBUTE_TYPES,
    CreateSearchAttribute,
    DeleteSearchAttribute,
)
from durable_workflow.server.requests.streams import (
    CompleteActivityAhead,
    NextDecision,
    OpenStream,
    StreamSlots,
    StreamTask,
)
from durable_workflow.server.requests.tasks import (
    ActivityFailure,
    CompleteActivityTask,
    CompleteQueryTask,
    CompleteWorkflowTask,
    FailActivityTask,
    FailQueryTask,
    FailWorkflowTask,
    HeartbeatActivityTask,
    HistoryPage,
    PollTask,
    QueryFailure,
    QueryTaskOwner,
    TaskFailure,
    TaskOwner,
)
from durable_workflow.server.requests.workers import (
    DeregisterWorker,
    HeldTask,
    RegisterWorker,
    SignOfLife,
    WorkerHeartbeat,
)
from durable_workflow.server.requests.workflows import (
    DebugWorkflow,
    DescribeWorkflow,
    ExportHistory,
    ListRuns,
    ListWorkflows,
    ReadHistory,
    StartWorkflow,
)

__all__ = [
    "ATTRIBUTE_TYPES",
    "ActivityFailure",
    "ActivityTimeoutPass",
    "ArchiveWorkflow",
    "BackfillSchedule",
    "BridgeEvent",
    "Bridged",
    "Caller",
    "CloseWorkflow",
    "CompleteActivityAhead",
    "CompleteActivityTask",
    "CompleteQueryTask",
    "CompleteWorkflowTask",
    "CreateNamespace",
    "CreateSchedule",
    "CreateSearchAttribute",
    "DebugWorkflow",
    "DeleteSearchAttribute",
    "DeregisterWorker",
    "DescribeActivity",
    "DescribeWorkflow",
    "ExportHistory",
    "FailActivityTask",
    "FailQueryTask",
    "FailWorkflowTask",
    "Forwarded",
    "HeartbeatActivityTask",
    "HeldTask",
    "HistoryPage",
    "ListActivities",
    "ListRuns",
    "ListWorkers",
    "ListWorkflows",
    "LookUpkeep",
    "NamedNamespace",
    "NamedQueue",
    "NamedSchedule",
    "NamedWorker",
    "NextDecision",
    "NoteSchedule",
    "OpenStream",
    "Payload",
    "PollTask",
    "QueryFailure",
    "QueryTaskOwner",
    "QueryWorkflow",
    "ReadHistory",
    "ReadScheduleHistory",
    "RegisterWorker",
    "RepairPass",
    "RepairWorkflow",
    "RetentionPass",
    "RollBuild",
    "SetExternalStorage",
    "SignOfLife",
    "SignalTarget",
    "SignalWorkflow",
    "StartActivity",
    "StartTarget",
    "StartWorkflow",
    "StorageConfig",
    "StorageProbe",
    "StreamSlots",
    "StreamTask",
    "Target",
    "TaskFailure",
    "TaskOwner",
    "TriggerSchedule",
    "UpdateNamespace",
    "UpdateSchedule",
    "UpdateTarget",
    "UpdateWorkflow",
    "WorkerHeartbeat",
    "target_of",
]
