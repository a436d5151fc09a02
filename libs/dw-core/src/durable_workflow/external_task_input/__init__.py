"""Tasks for carriers: the published input envelope, parsed strictly."""

from durable_workflow._publish import publish
from durable_workflow.external_task_input._contract import (
    EXTERNAL_TASK_INPUT_CONTRACT_SCHEMA,
    EXTERNAL_TASK_INPUT_MEDIA_TYPE,
    EXTERNAL_TASK_INPUT_SCHEMA,
    EXTERNAL_TASK_INPUT_VERSION,
    ExternalTaskInput,
    ExternalTaskInputError,
    ExternalTaskInputIdentity,
    ExternalTaskInputKind,
    ExternalTaskLease,
    ExternalTaskWorkflowContext,
    parse_external_task_input,
    parse_external_task_input_artifact,
)

__all__ = [
    "EXTERNAL_TASK_INPUT_CONTRACT_SCHEMA",
    "EXTERNAL_TASK_INPUT_MEDIA_TYPE",
    "EXTERNAL_TASK_INPUT_SCHEMA",
    "EXTERNAL_TASK_INPUT_VERSION",
    "ExternalTaskInput",
    "ExternalTaskInputError",
    "ExternalTaskInputIdentity",
    "ExternalTaskInputKind",
    "ExternalTaskLease",
    "ExternalTaskWorkflowContext",
    "parse_external_task_input",
    "parse_external_task_input_artifact",
]

publish(globals(), __all__)
