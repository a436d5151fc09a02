"""Errors that a server answered with: raised to the caller of a client method."""

import json
from typing import Any, cast

from durable_workflow.errors._answer_texts import member, summary
from durable_workflow.errors._root import DurableWorkflowError


class AnsweredError(DurableWorkflowError):
    """What every error has that a server answered with.

    Attributes:
        status: HTTP status; None where no answer stands behind the error.
        body: The document of the answer, or its text where it was not JSON.
    """

    status: Any = None  # `int` in those that cannot be without an answer
    body: object = None


class ServerError(AnsweredError):
    """An error answer that has no class of its own.

    The text has the status, the reason, the message and one hint; the document is in `body`.

    Attributes:
        status: HTTP status.
        body: Parsed JSON, or text where the body was not JSON.
    """

    status: int

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"server returned {summary(status, body)}")
        self.status = status
        self.body = body

    def reason(self) -> str | None:
        """The `reason` of the body, or None where it has none."""
        reason = member(self.body, "reason")
        return None if reason is None else str(reason)


class InvalidResponse(ServerError, json.JSONDecodeError):
    """A success whose body is not the protocol's: HTML of a proxy, half a document, or nothing.

    Attributes:
        status: HTTP status.
        body: The first 200 characters of the body, or the parsed document where it was JSON.
        doc: The first 200 characters of the body.
        code: What the call expected, as `invalid_cluster_info`.
    """

    def __init__(
        self,
        status: int,
        text: str,
        *,
        body: object | None = None,
        code: str = "invalid_response",
        problem: str = "not JSON",
    ) -> None:
        """Make the error.

        Args:
            status: HTTP status.
            text: The body as text.
            body: The parsed body, where it was JSON.
            code: What `reason` returns.
            problem: Why the body is not what was expected.
        """
        beginning = text[:200]
        json.JSONDecodeError.__init__(self, problem, beginning, 0)
        shown = f"{beginning!r}{'...' if len(text) > 200 else ''}" if text else "an empty body"
        self.args = (
            f"server returned {status} with {shown}: {problem}. "
            "Is base_url the address of a Durable Workflow server?",
        )
        self.status = status
        self.body = beginning if body is None else body
        self.code = code

    def reason(self) -> str:
        """The name of what was expected. It comes from this client, never from a server."""
        return self.code


class WorkerNotFound(ServerError):
    """No worker of that id is registered. A `ServerError` with status 404.

    Attributes:
        worker_id: The id that was asked for.
    """

    def __init__(self, worker_id: str, body: object = None) -> None:
        super().__init__(404, body)
        self.args = (f"worker not found: {worker_id}",)
        self.worker_id = worker_id


class SearchAttributeNotFound(ServerError):
    """No search attribute of that name exists. A `ServerError` with status 404.

    Attributes:
        name: The name that was asked for.
    """

    def __init__(self, name: str, body: object = None) -> None:
        super().__init__(404, body)
        self.args = (f"search attribute not found: {name}",)
        self.name = name


class Unauthorized(AnsweredError):
    """The token is missing or wrong (401), or lacks the permission (403, a `Forbidden`)."""

    def __init__(self, message: str = "unauthorized") -> None:
        super().__init__(message)


class Forbidden(Unauthorized, ServerError):
    """The token is valid, and does not have the permission (403)."""

    def __init__(self, message: str = "forbidden", *, body: object = None) -> None:
        ServerError.__init__(self, 403, body)
        self.args = (message,)


class InvalidArgument(AnsweredError):
    """The server refused what was sent (422).

    Attributes:
        errors: Field path to the list of its messages, where the server named fields.
    """

    def __init__(self, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.errors = errors


class ArgumentConflict(InvalidArgument, ServerError):
    """An argument clashes with what exists: a taken name, a system attribute (409).

    Both an `InvalidArgument`, as documented, and a `ServerError`, as it used to be.
    """

    def __init__(
        self, message: str, errors: dict[str, Any] | None = None, *, status: int, body: object
    ) -> None:
        # Neither parent's constructor: each would take the arguments for its own.
        DurableWorkflowError.__init__(self, message)
        self.errors = errors
        self.status = status
        self.body = body


class WorkflowNotFound(AnsweredError):
    """No workflow, or no such run of it, exists in the namespace.

    Attributes:
        workflow_id: The id that was asked for.
    """

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"workflow not found: {workflow_id}")
        self.workflow_id = workflow_id


class WorkflowAlreadyStarted(AnsweredError):
    """The workflow id is taken, and the duplicate policy refuses another start.

    Attributes:
        workflow_id: The id that was asked for.
    """

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"workflow already started: {workflow_id}")
        self.workflow_id = workflow_id


class NamespaceNotFound(AnsweredError):
    """The namespace does not exist.

    Attributes:
        namespace: Its name, or the server's sentence where the answer does not give the name.
    """

    def __init__(self, namespace: str) -> None:
        super().__init__(f"namespace not found: {namespace}")
        self.namespace = namespace


class ScheduleNotFound(AnsweredError):
    """The schedule does not exist.

    Attributes:
        schedule_id: The id that was asked for.
    """

    def __init__(self, schedule_id: str) -> None:
        super().__init__(f"schedule not found: {schedule_id}")
        self.schedule_id = schedule_id


class ScheduleAlreadyExists(AnsweredError):
    """The schedule id is taken.

    Attributes:
        schedule_id: The id that was asked for.
    """

    def __init__(self, schedule_id: str) -> None:
        super().__init__(f"schedule already exists: {schedule_id}")
        self.schedule_id = schedule_id


class Refusal(AnsweredError):
    """What the refusals of a signal, a query and an update have in common."""

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        status: int | None = None,
        body: object | None = None,
    ) -> None:
        DurableWorkflowError.__init__(self, message)
        self.reason = reason
        self.status = status
        self.body = body

    @property
    def validation_errors(self) -> dict[str, Any] | None:
        """Field path to messages, from the body's `validation_errors` or `errors`."""
        return error_map(self.body, "validation_errors", "errors")


class QueryFailed(Refusal):
    """A query was refused or could not be answered.

    Attributes:
        reason: The server's reason, or that of a local replay; None where neither has one.
        status: HTTP status; None when the failure is local.
        body: The body of the answer; None when the failure is local.
    """


class SignalFailed(Refusal):
    """A signal was refused.

    Attributes:
        reason: The server's reason.
        status: HTTP status.
        body: The body of the answer.
    """


class InvalidSignalArguments(SignalFailed, InvalidArgument):
    """A signal was refused for its arguments.

    Both a `SignalFailed`, as it used to be, and an `InvalidArgument`, as documented.
    """

    def __init__(
        self,
        message: str,
        errors: dict[str, Any] | None = None,
        *,
        reason: str | None = None,
        status: int | None = None,
        body: object | None = None,
    ) -> None:
        SignalFailed.__init__(self, message, reason=reason, status=status, body=body)
        self.errors = errors


class UpdateRejected(Refusal):
    """The workflow's validator refused the update.

    Attributes:
        reason: The server's reason.
        status: HTTP status.
        body: The body of the answer.
    """


def error_map(body: object, *keys: str) -> dict[str, Any] | None:
    """The first of `keys` that is an object in the body."""
    for key in keys:
        if isinstance(found := member(body, key), dict):
            return cast("dict[str, Any]", found)
    return None
