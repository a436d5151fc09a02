"""Every error that this project raises on purpose.

    Exception
      DurableWorkflowError
        ServerError                       an answer without a type of its own
          InvalidResponse                 (also json.JSONDecodeError)
          WorkerNotFound
          SearchAttributeNotFound
          ArgumentConflict                (also InvalidArgument)
        Unauthorized
          Forbidden                       (also ServerError)
        InvalidArgument
          InvalidSignalArguments          (also SignalFailed)
          UnsendableArgument              (also ValueError) refused before it is sent
        WorkflowNotFound
        WorkflowAlreadyStarted
        NamespaceNotFound
        ScheduleNotFound
        ScheduleAlreadyExists
        QueryFailed
        SignalFailed
        UpdateRejected
        WorkflowFailed                    how a run ended
          WorkflowTimedOut
        WorkflowContinuedAsNew
        WorkflowTerminated
        ActivityFailed                    raised into workflow code
        ChildWorkflowFailed
          ChildWorkflowCancelled
          ChildWorkflowTerminated
        ClientClosed                      (also RuntimeError)
        ApplicationError                  raised by activity code
        NonRetryableError
        ArgumentMismatch                  (also TypeError) a value that does not fit an annotation
        NonDeterministicReplayError       raised by replay
        WorkflowPayloadDecodeError
        AvroNotInstalledError             (also ImportError)
    BaseException
      WorkflowCancelled                   control flow: `except Exception` lets these two pass
      ActivityCancelled

Errors about a value that was given, as those of the published contracts and of external storage,
are `ValueError`s and live beside what raises them.
"""

from durable_workflow._publish import publish
from durable_workflow.errors._answers import (
    ArgumentConflict,
    Forbidden,
    InvalidArgument,
    InvalidResponse,
    InvalidSignalArguments,
    NamespaceNotFound,
    QueryFailed,
    ScheduleAlreadyExists,
    ScheduleNotFound,
    SearchAttributeNotFound,
    ServerError,
    SignalFailed,
    Unauthorized,
    UpdateRejected,
    WorkerNotFound,
    WorkflowAlreadyStarted,
    WorkflowNotFound,
)
from durable_workflow.errors._arguments import ArgumentMismatch, UnsendableArgument
from durable_workflow.errors._executions import (
    ActivityCancelled,
    ActivityFailed,
    ApplicationError,
    ChildWorkflowCancelled,
    ChildWorkflowFailed,
    ChildWorkflowTerminated,
    NonRetryableError,
    WorkflowCancelled,
    WorkflowContinuedAsNew,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
    failure_details,
    failure_type,
    is_non_retryable,
)
from durable_workflow.errors._replay import NonDeterministicReplayError, WorkflowPayloadDecodeError
from durable_workflow.errors._responses import error_for
from durable_workflow.errors._responses import raise_for_status as _raise_for_status
from durable_workflow.errors._root import AvroNotInstalledError, ClientClosed, DurableWorkflowError

__all__ = [
    "ActivityCancelled",
    "ActivityFailed",
    "ApplicationError",
    "ArgumentConflict",
    "ArgumentMismatch",
    "AvroNotInstalledError",
    "ChildWorkflowCancelled",
    "ChildWorkflowFailed",
    "ChildWorkflowTerminated",
    "ClientClosed",
    "DurableWorkflowError",
    "Forbidden",
    "InvalidArgument",
    "InvalidResponse",
    "InvalidSignalArguments",
    "NamespaceNotFound",
    "NonDeterministicReplayError",
    "NonRetryableError",
    "QueryFailed",
    "ScheduleAlreadyExists",
    "ScheduleNotFound",
    "SearchAttributeNotFound",
    "ServerError",
    "SignalFailed",
    "Unauthorized",
    "UnsendableArgument",
    "UpdateRejected",
    "WorkerNotFound",
    "WorkflowAlreadyStarted",
    "WorkflowCancelled",
    "WorkflowContinuedAsNew",
    "WorkflowFailed",
    "WorkflowNotFound",
    "WorkflowPayloadDecodeError",
    "WorkflowTerminated",
    "WorkflowTimedOut",
    "_raise_for_status",  # existing test suites import it
    "error_for",
    "failure_details",
    "failure_type",
    "is_non_retryable",
]

publish(globals(), __all__)
