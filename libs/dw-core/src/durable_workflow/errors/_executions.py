"""Errors about executions: how a run, a child or an activity ended."""

from typing import Any

from durable_workflow.errors._root import DurableWorkflowError


class WorkflowFailed(DurableWorkflowError):
    """A run failed. Raised to the caller that waits for its result.

    Attributes:
        exception_class: Class of the exception that ended it, as the worker reported it.
    """

    def __init__(self, message: str, exception_class: str | None = None) -> None:
        super().__init__(message)
        self.exception_class = exception_class


class WorkflowTimedOut(WorkflowFailed):
    """A run was closed because its execution or run timeout passed.

    When only the caller's own wait times out, the builtin `TimeoutError` is raised instead.

    Attributes:
        timeout_kind: `execution_timeout` or `run_timeout`, where the history says which.
    """

    def __init__(
        self,
        message: str = "workflow timed out",
        exception_class: str | None = None,
        *,
        timeout_kind: str | None = None,
    ) -> None:
        super().__init__(message, exception_class)
        self.timeout_kind = timeout_kind


class WorkflowContinuedAsNew(DurableWorkflowError):
    """A run was followed by another one, and the caller asked not to follow it.

    Attributes:
        workflow_id: Id of the workflow.
        new_run_id: The run that took over, where the history names it.
        run_id: The run that ended.
    """

    def __init__(
        self, workflow_id: str, new_run_id: str | None = None, *, run_id: str | None = None
    ) -> None:
        super().__init__(f"workflow {workflow_id} continued as new run {new_run_id}")
        self.workflow_id = workflow_id
        self.new_run_id = new_run_id
        self.run_id = run_id


class WorkflowTerminated(DurableWorkflowError):
    """A run was terminated from outside."""

    def __init__(self, message: str = "workflow was terminated") -> None:
        super().__init__(message)


class WorkflowCancelled(BaseException):
    """A run was cancelled. Control flow and not an error: `except Exception` lets it pass."""

    def __init__(self, message: str = "workflow was cancelled") -> None:
        super().__init__(message)


class ActivityCancelled(BaseException):
    """This attempt should stop. Control flow and not an error: `except Exception` lets it pass."""

    def __init__(self, message: str = "activity was cancelled") -> None:
        super().__init__(message)


class NonRetryableError(DurableWorkflowError):
    """Raise it in an activity to fail without further attempts.

    Attributes:
        details: Further data for the workflow, or None.
    """

    def __init__(
        self, message: str, *, cause: Exception | None = None, details: Any = None
    ) -> None:
        """Take the message, and optionally the error behind it and further data.

        Args:
            message: What failed.
            cause: Becomes `__cause__`.
            details: Any value that a result may be. The workflow has it as
                `ActivityFailed.details`; it is offloaded as results are.
        """
        super().__init__(message)
        self.details = details
        if cause is not None:
            # Only then: assigning None would hide the context of a `raise` in an except block.
            self.__cause__ = cause


class ApplicationError(DurableWorkflowError):
    """Raise it in an activity to fail with a type and data of your own.

    Attributes:
        type: What retry policies and `ActivityFailed.exception_type` call it; None for the name of
            the class.
        non_retryable: Whether no further attempt is made, whatever the retry policy says.
        details: Further data for the workflow, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str | None = None,
        non_retryable: bool = False,
        details: Any = None,
        cause: Exception | None = None,
    ) -> None:
        """Take the message, and optionally more.

        Args:
            message: What failed.
            type: Its type on the wire.
            non_retryable: Whether no further attempt is made.
            details: Any value that a result may be. The workflow has it as
                `ActivityFailed.details`; it is offloaded as results are.
            cause: Becomes `__cause__`.
        """
        super().__init__(message)
        self.type = type
        self.non_retryable = non_retryable
        self.details = details
        if cause is not None:
            self.__cause__ = cause


def failure_type(error: BaseException) -> str:
    """The type by which a failure is known on the wire."""
    given = error.type if isinstance(error, ApplicationError) else None
    return given or type(error).__name__


def failure_details(error: BaseException) -> Any:
    """The data that an error of ours brings for the workflow; None for none."""
    return getattr(error, "details", None) if isinstance(error, DurableWorkflowError) else None


def is_non_retryable(error: BaseException) -> bool:
    """Whether what an activity raised ends it, whatever its retry policy says."""
    return isinstance(error, DurableWorkflowError) and (
        isinstance(error, NonRetryableError) or getattr(error, "non_retryable", False) is True
    )


class ActivityFailed(DurableWorkflowError):
    """An activity failed for good or timed out: raised where the workflow waits for it.

    Each keyword of the constructor is an attribute. `details` is what the activity raised with
    `details=`, decoded; None where its codec is of another language.
    """

    def __init__(
        self,
        message: str,
        *,
        activity_type: str | None = None,
        activity_execution_id: str | None = None,
        activity_attempt_id: str | None = None,
        failure_id: str | None = None,
        failure_category: str | None = None,
        exception_type: str | None = None,
        exception_class: str | None = None,
        non_retryable: bool = False,
        code: Any | None = None,
        exception_payload: dict[str, Any] | None = None,
        activity: dict[str, Any] | None = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.activity_type = activity_type
        self.activity_execution_id = activity_execution_id
        self.activity_attempt_id = activity_attempt_id
        self.failure_id = failure_id
        self.failure_category = failure_category
        self.exception_type = exception_type
        self.exception_class = exception_class
        self.non_retryable = non_retryable
        self.code = code
        self.exception_payload = exception_payload
        self.activity = activity
        self.details = details


class ChildWorkflowFailed(DurableWorkflowError):
    """A child workflow did not complete: raised where the parent waits for it.

    Attributes:
        exception_class: Class of the exception that ended the child.
        failure_kind: The failure category of the history event.
        failure_category: The same, under the name that activities use.
        child_workflow_run_id: The child's run.
        child_workflow_type: The child's type.
    """

    def __init__(
        self,
        message: str,
        exception_class: str | None = None,
        *,
        failure_kind: str | None = None,
        child_workflow_run_id: str | None = None,
        child_workflow_type: str | None = None,
    ) -> None:
        super().__init__(message)
        self.exception_class = exception_class
        self.failure_kind = failure_kind
        self.failure_category = failure_kind
        self.child_workflow_run_id = child_workflow_run_id
        self.child_workflow_type = child_workflow_type


class ChildWorkflowCancelled(ChildWorkflowFailed):
    """A child workflow was cancelled."""

    def __init__(
        self,
        message: str = "child workflow was cancelled",
        exception_class: str | None = None,
        *,
        child_workflow_run_id: str | None = None,
        child_workflow_type: str | None = None,
    ) -> None:
        super().__init__(
            message,
            exception_class,
            failure_kind="cancelled",
            child_workflow_run_id=child_workflow_run_id,
            child_workflow_type=child_workflow_type,
        )


class ChildWorkflowTerminated(ChildWorkflowFailed):
    """A child workflow was terminated."""

    def __init__(
        self,
        message: str = "child workflow was terminated",
        exception_class: str | None = None,
        *,
        child_workflow_run_id: str | None = None,
        child_workflow_type: str | None = None,
    ) -> None:
        super().__init__(
            message,
            exception_class,
            failure_kind="terminated",
            child_workflow_run_id=child_workflow_run_id,
            child_workflow_type=child_workflow_type,
        )
