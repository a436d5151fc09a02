"""Results from carriers: the published result envelope, parsed strictly."""

from durable_workflow._publish import publish
from durable_workflow.external_task_result._contract import (
    EXTERNAL_TASK_RESULT_CONTRACT_SCHEMA,
    EXTERNAL_TASK_RESULT_MEDIA_TYPE,
    EXTERNAL_TASK_RESULT_SCHEMA,
    EXTERNAL_TASK_RESULT_VERSION,
    ExternalTaskFailure,
    ExternalTaskIdentity,
    ExternalTaskResult,
    ExternalTaskResultError,
    ExternalTaskResultKind,
    parse_external_task_result,
    parse_external_task_result_artifact,
)

__all__ = [
    "EXTERNAL_TASK_RESULT_CONTRACT_SCHEMA",
    "EXTERNAL_TASK_RESULT_MEDIA_TYPE",
    "EXTERNAL_TASK_RESULT_SCHEMA",
    "EXTERNAL_TASK_RESULT_VERSION",
    "ExternalTaskFailure",
    "ExternalTaskIdentity",
    "ExternalTaskResult",
    "ExternalTaskResultError",
    "ExternalTaskResultKind",
    "parse_external_task_result",
    "parse_external_task_result_artifact",
]

publish(globals(), __all__)
