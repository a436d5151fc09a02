"""Durable Workflow: programs that do not forget where they were.

The public names of every wheel, found when they are asked for: importing this package imports
none of them. A name whose wheel is missing raises `ImportError` with the line to install it; and
so does `hasattr`, thus ask `dir()` or `__all__` what is there.
"""

from pkgutil import extend_path
from typing import TYPE_CHECKING

# Each wheel adds its modules to this package; in a development checkout each from its own folder.
__path__ = extend_path(__path__, __name__)

if TYPE_CHECKING:  # what `_facade.EXPORTS` says, for type checkers; a test compares the two
    from durable_workflow import activity as activity
    from durable_workflow import history_bundle_verify as _history_bundle_verify
    from durable_workflow import replay_verify as _replay_verify
    from durable_workflow import sync as sync
    from durable_workflow import testing as testing
    from durable_workflow import workflow as workflow
    from durable_workflow.activity import ActivityContext as ActivityContext
    from durable_workflow.activity import ActivityInfo as ActivityInfo
    from durable_workflow.auth_composition import (
        AUTH_COMPOSITION_CONTRACT_SCHEMA as AUTH_COMPOSITION_CONTRACT_SCHEMA,
    )
    from durable_workflow.auth_composition import (
        AUTH_COMPOSITION_CONTRACT_VERSION as AUTH_COMPOSITION_CONTRACT_VERSION,
    )
    from durable_workflow.auth_composition import (
        AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS as AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS,  # noqa: E501 (a name, twice)
    )
    from durable_workflow.auth_composition import AuthCompositionContract as AuthCompositionContract
    from durable_workflow.auth_composition import (
        AuthCompositionContractError as AuthCompositionContractError,
    )
    from durable_workflow.auth_composition import (
        parse_auth_composition_contract as parse_auth_composition_contract,
    )
    from durable_workflow.client import BridgeAdapterOutcome as BridgeAdapterOutcome
    from durable_workflow.client import Client as Client
    from durable_workflow.client import NamespaceDescription as NamespaceDescription
    from durable_workflow.client import NamespaceList as NamespaceList
    from durable_workflow.client import ScheduleAction as ScheduleAction
    from durable_workflow.client import ScheduleBackfillResult as ScheduleBackfillResult
    from durable_workflow.client import ScheduleDescription as ScheduleDescription
    from durable_workflow.client import ScheduleHandle as ScheduleHandle
    from durable_workflow.client import ScheduleHistoryEvent as ScheduleHistoryEvent
    from durable_workflow.client import ScheduleHistoryPage as ScheduleHistoryPage
    from durable_workflow.client import ScheduleList as ScheduleList
    from durable_workflow.client import ScheduleSpec as ScheduleSpec
    from durable_workflow.client import ScheduleTriggerResult as ScheduleTriggerResult
    from durable_workflow.client import SearchAttributeList as SearchAttributeList
    from durable_workflow.client import StandaloneActivityExecution as StandaloneActivityExecution
    from durable_workflow.client import StandaloneActivityHandle as StandaloneActivityHandle
    from durable_workflow.client import StandaloneActivityList as StandaloneActivityList
    from durable_workflow.client import StoragePayloadTestResult as StoragePayloadTestResult
    from durable_workflow.client import StorageTestResult as StorageTestResult
    from durable_workflow.client import TaskQueueAdmission as TaskQueueAdmission
    from durable_workflow.client import TaskQueueBuildIdCohort as TaskQueueBuildIdCohort
    from durable_workflow.client import TaskQueueBuildIdRollout as TaskQueueBuildIdRollout
    from durable_workflow.client import TaskQueueBuildIdRolloutState as TaskQueueBuildIdRolloutState
    from durable_workflow.client import TaskQueueDescription as TaskQueueDescription
    from durable_workflow.client import TaskQueueList as TaskQueueList
    from durable_workflow.client import TaskQueueQueryAdmission as TaskQueueQueryAdmission
    from durable_workflow.client import TaskQueueTaskAdmission as TaskQueueTaskAdmission
    from durable_workflow.client import WorkflowCommandResult as WorkflowCommandResult
    from durable_workflow.client import WorkflowExecution as WorkflowExecution
    from durable_workflow.client import WorkflowHandle as WorkflowHandle
    from durable_workflow.client import WorkflowList as WorkflowList
    from durable_workflow.client import WorkflowRun as WorkflowRun
    from durable_workflow.client import WorkflowRunList as WorkflowRunList
    from durable_workflow.errors import ActivityCancelled as ActivityCancelled
    from durable_workflow.errors import ActivityFailed as ActivityFailed
    from durable_workflow.errors import ApplicationError as ApplicationError
    from durable_workflow.errors import ChildWorkflowCancelled as ChildWorkflowCancelled
    from durable_workflow.errors import ChildWorkflowFailed as ChildWorkflowFailed
    from durable_workflow.errors import ChildWorkflowTerminated as ChildWorkflowTerminated
    from durable_workflow.errors import ClientClosed as ClientClosed
    from durable_workflow.errors import DurableWorkflowError as DurableWorkflowError
    from durable_workflow.errors import Forbidden as Forbidden
    from durable_workflow.errors import InvalidArgument as InvalidArgument
    from durable_workflow.errors import InvalidResponse as InvalidResponse
    from durable_workflow.errors import NamespaceNotFound as NamespaceNotFound
    from durable_workflow.errors import NonDeterministicReplayError as NonDeterministicReplayError
    from durable_workflow.errors import NonRetryableError as NonRetryableError
    from durable_workflow.errors import QueryFailed as QueryFailed
    from durable_workflow.errors import ScheduleAlreadyExists as ScheduleAlreadyExists
    from durable_workflow.errors import ScheduleNotFound as ScheduleNotFound
    from durable_workflow.errors import SearchAttributeNotFound as SearchAttributeNotFound
    from durable_workflow.errors import ServerError as ServerError
    from durable_workflow.errors import SignalFailed as SignalFailed
    from durable_workflow.errors import Unauthorized as Unauthorized
    from durable_workflow.errors import UpdateRejected as UpdateRejected
    from durable_workflow.errors import WorkerNotFound as WorkerNotFound
    from durable_workflow.errors import WorkflowAlreadyStarted as WorkflowAlreadyStarted
    from durable_workflow.errors import WorkflowCancelled as WorkflowCancelled
    from durable_workflow.errors import WorkflowContinuedAsNew as WorkflowContinuedAsNew
    from durable_workflow.errors import WorkflowFailed as WorkflowFailed
    from durable_workflow.errors import WorkflowNotFound as WorkflowNotFound
    from durable_workflow.errors import WorkflowPayloadDecodeError as WorkflowPayloadDecodeError
    from durable_workflow.errors import WorkflowTerminated as WorkflowTerminated
    from durable_workflow.errors import WorkflowTimedOut as WorkflowTimedOut
    from durable_workflow.external_storage import (
        EXTERNAL_PAYLOAD_REFERENCE_SCHEMA as EXTERNAL_PAYLOAD_REFERENCE_SCHEMA,
    )
    from durable_workflow.external_storage import (
        AzureBlobExternalStorage as AzureBlobExternalStorage,
    )
    from durable_workflow.external_storage import ExternalPayloadCache as ExternalPayloadCache
    from durable_workflow.external_storage import (
        ExternalPayloadIntegrityError as ExternalPayloadIntegrityError,
    )
    from durable_workflow.external_storage import (
        ExternalPayloadReference as ExternalPayloadReference,
    )
    from durable_workflow.external_storage import (
        ExternalPayloadStoragePolicy as ExternalPayloadStoragePolicy,
    )
    from durable_workflow.external_storage import ExternalStorageDriver as ExternalStorageDriver
    from durable_workflow.external_storage import GCSExternalStorage as GCSExternalStorage
    from durable_workflow.external_storage import (
        LocalFilesystemExternalStorage as LocalFilesystemExternalStorage,
    )
    from durable_workflow.external_storage import S3ExternalStorage as S3ExternalStorage
    from durable_workflow.external_storage import delete_external_payload as delete_external_payload
    from durable_workflow.external_storage import (
        external_storage_driver_from_policy as external_storage_driver_from_policy,
    )
    from durable_workflow.external_storage import fetch_external_payload as fetch_external_payload
    from durable_workflow.external_storage import store_external_payload as store_external_payload
    from durable_workflow.external_task_input import (
        EXTERNAL_TASK_INPUT_CONTRACT_SCHEMA as EXTERNAL_TASK_INPUT_CONTRACT_SCHEMA,
    )
    from durable_workflow.external_task_input import (
        EXTERNAL_TASK_INPUT_MEDIA_TYPE as EXTERNAL_TASK_INPUT_MEDIA_TYPE,
    )
    from durable_workflow.external_task_input import (
        EXTERNAL_TASK_INPUT_SCHEMA as EXTERNAL_TASK_INPUT_SCHEMA,
    )
    from durable_workflow.external_task_input import (
        EXTERNAL_TASK_INPUT_VERSION as EXTERNAL_TASK_INPUT_VERSION,
    )
    from durable_workflow.external_task_input import ExternalTaskInput as ExternalTaskInput
    from durable_workflow.external_task_input import (
        ExternalTaskInputError as ExternalTaskInputError,
    )
    from durable_workflow.external_task_input import (
        ExternalTaskInputIdentity as ExternalTaskInputIdentity,
    )
    from durable_workflow.external_task_input import ExternalTaskLease as ExternalTaskLease
    from durable_workflow.external_task_input import (
        ExternalTaskWorkflowContext as ExternalTaskWorkflowContext,
    )
    from durable_workflow.external_task_input import (
        parse_external_task_input as parse_external_task_input,
    )
    from durable_workflow.external_task_input import (
        parse_external_task_input_artifact as parse_external_task_input_artifact,
    )
    from durable_workflow.external_task_result import (
        EXTERNAL_TASK_RESULT_CONTRACT_SCHEMA as EXTERNAL_TASK_RESULT_CONTRACT_SCHEMA,
    )
    from durable_workflow.external_task_result import (
        EXTERNAL_TASK_RESULT_MEDIA_TYPE as EXTERNAL_TASK_RESULT_MEDIA_TYPE,
    )
    from durable_workflow.external_task_result import (
        EXTERNAL_TASK_RESULT_SCHEMA as EXTERNAL_TASK_RESULT_SCHEMA,
    )
    from durable_workflow.external_task_result import (
        EXTERNAL_TASK_RESULT_VERSION as EXTERNAL_TASK_RESULT_VERSION,
    )
    from durable_workflow.external_task_result import ExternalTaskFailure as ExternalTaskFailure
    from durable_workflow.external_task_result import ExternalTaskIdentity as ExternalTaskIdentity
    from durable_workflow.external_task_result import ExternalTaskResult as ExternalTaskResult
    from durable_workflow.external_task_result import (
        ExternalTaskResultError as ExternalTaskResultError,
    )
    from durable_workflow.external_task_result import (
        parse_external_task_result as parse_external_task_result,
    )
    from durable_workflow.external_task_result import (
        parse_external_task_result_artifact as parse_external_task_result_artifact,
    )
    from durable_workflow.interceptors import ActivityHandler as ActivityHandler
    from durable_workflow.interceptors import (
        ActivityInterceptorContext as ActivityInterceptorContext,
    )
    from durable_workflow.interceptors import (
        PassthroughWorkerInterceptor as PassthroughWorkerInterceptor,
    )
    from durable_workflow.interceptors import QueryTaskHandler as QueryTaskHandler
    from durable_workflow.interceptors import (
        QueryTaskInterceptorContext as QueryTaskInterceptorContext,
    )
    from durable_workflow.interceptors import WorkerInterceptor as WorkerInterceptor
    from durable_workflow.interceptors import WorkflowTaskHandler as WorkflowTaskHandler
    from durable_workflow.interceptors import (
        WorkflowTaskInterceptorContext as WorkflowTaskInterceptorContext,
    )
    from durable_workflow.invocable import InvocableActivityHandler as InvocableActivityHandler
    from durable_workflow.invocable import InvocableHttpResponse as InvocableHttpResponse
    from durable_workflow.invocable import handle_invocable_activity as handle_invocable_activity
    from durable_workflow.invocable import (
        handle_invocable_http_request as handle_invocable_http_request,
    )
    from durable_workflow.invocable import (
        handle_invocable_lambda_event as handle_invocable_lambda_event,
    )
    from durable_workflow.invocable import (
        lambda_invocable_activity_handler as lambda_invocable_activity_handler,
    )
    from durable_workflow.metrics import InMemoryMetrics as InMemoryMetrics
    from durable_workflow.metrics import MetricsRecorder as MetricsRecorder
    from durable_workflow.metrics import NoopMetrics as NoopMetrics
    from durable_workflow.metrics import PrometheusMetrics as PrometheusMetrics
    from durable_workflow.replay_verify import GoldenHistoryReport as GoldenHistoryReport
    from durable_workflow.replay_verify import SimulationReport as SimulationReport
    from durable_workflow.replay_verify import aggregate_verdicts as aggregate_verdicts
    from durable_workflow.replay_verify import promotion_decision_for as promotion_decision_for
    from durable_workflow.replay_verify import (
        promotion_decision_for_report as promotion_decision_for_report,
    )
    from durable_workflow.replay_verify import simulate_bundles as simulate_bundles
    from durable_workflow.replay_verify import verify_golden_history as verify_golden_history
    from durable_workflow.replay_verify import verify_replay as verify_replay
    from durable_workflow.retry_policy import RetryPolicy as RetryPolicy
    from durable_workflow.retry_policy import TransportRetryPolicy as TransportRetryPolicy
    from durable_workflow.serializer import PayloadSizeWarningConfig as PayloadSizeWarningConfig
    from durable_workflow.serializer import PayloadSizeWarningContext as PayloadSizeWarningContext
    from durable_workflow.serializer import external_storage_envelope as external_storage_envelope
    from durable_workflow.serializer import to_avro_payload_value as to_avro_payload_value
    from durable_workflow.serializer import to_avro_payload_values as to_avro_payload_values
    from durable_workflow.worker import Worker as Worker
    from durable_workflow.workflow import ActivityRetryPolicy as ActivityRetryPolicy
    from durable_workflow.workflow import ChildWorkflowRetryPolicy as ChildWorkflowRetryPolicy
    from durable_workflow.workflow import ContinueAsNew as ContinueAsNew
    from durable_workflow.workflow import Replayer as Replayer
    from durable_workflow.workflow import ReplayOutcome as ReplayOutcome
    from durable_workflow.workflow import StartChildWorkflow as StartChildWorkflow
    from durable_workflow.workflow import replay as replay

    # An import under another name would not count as offered.
    ReplayCaseReport = _replay_verify.CaseReport
    HISTORY_BUNDLE_SCHEMA = _history_bundle_verify.BUNDLE_SCHEMA
    HISTORY_BUNDLE_SCHEMA_VERSION = _history_bundle_verify.BUNDLE_SCHEMA_VERSION
    HISTORY_BUNDLE_VERIFICATION_REPORT_SCHEMA = _history_bundle_verify.REPORT_SCHEMA
    HISTORY_BUNDLE_VERIFICATION_REPORT_SCHEMA_VERSION = _history_bundle_verify.REPORT_SCHEMA_VERSION
    verify_history_bundle = _history_bundle_verify.verify_bundle
    verify_history_bundle_json = _history_bundle_verify.verify_bundle_json

    __version__: str

from durable_workflow import _facade

__all__ = [*_facade.installed_names(), "__version__"]  # pyright: ignore[reportUnsupportedDunderAll] (known only once installed)

# Module, attribute and wheel of each name, for those who check the wheels against each other.
_HOME = {
    name: (home.module, home.attribute, home.wheel)
    for name, home in _facade.EXPORTS.items()
    if name not in _facade.LATER
}


def __getattr__(name: str) -> object:
    """Find a public name, and remember it."""
    if name == "__version__":
        from durable_workflow._protocol import installed_version

        value: object = installed_version("durable-workflow", "dw-core")
    else:
        value = _facade.resolve(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names that are installed."""
    return list(__all__)
