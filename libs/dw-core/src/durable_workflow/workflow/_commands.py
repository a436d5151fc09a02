"""What workflow code yields: plain dataclasses, each of which knows its own wire fields."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from durable_workflow._wire import names
from durable_workflow.workflow._checks import (
    check_choice,
    check_delay,
    check_name,
    check_optional_name,
    check_timeouts,
    check_versions,
    plain_attributes,
    shown,
)
from durable_workflow.workflow._policies import (
    ActivityRetryPolicyInput,
    ChildWorkflowRetryPolicyInput,
    retry_policy_of,
)
from durable_workflow.workflow._wiring import Payload, PayloadWired, Wired, present


@dataclass
class ScheduleActivity(PayloadWired):
    """Run an activity and wait for its result. Timeouts are in seconds."""

    wire_type: ClassVar[str] = names.SCHEDULE_ACTIVITY

    activity_type: str
    arguments: list[Any]
    queue: str | None = None
    retry_policy: ActivityRetryPolicyInput | None = None
    start_to_close_timeout: int | None = None
    schedule_to_start_timeout: int | None = None
    schedule_to_close_timeout: int | None = None
    heartbeat_timeout: int | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        timeouts = {
            "start_to_close_timeout": self.start_to_close_timeout,
            "schedule_to_start_timeout": self.schedule_to_start_timeout,
            "schedule_to_close_timeout": self.schedule_to_close_timeout,
            "heartbeat_timeout": self.heartbeat_timeout,
        }
        what = f"activity {self.activity_type!r}"
        check_name("schedule_activity", "activity_type", self.activity_type, mark=_ACTIVITY_MARK)
        check_optional_name(what, "queue", self.queue)
        check_timeouts(what, timeouts, _ACTIVITY_ORDER)
        return {
            "activity_type": self.activity_type,
            "arguments": None,
            "queue": self.queue or task_queue,
            **_optional_policy(what, self.retry_policy),
            **present(timeouts),
        }

    def _payload(self, task_queue: str) -> Payload:
        labels = {"activity_name": self.activity_type, "task_queue": self.queue or task_queue}
        return Payload("arguments", self.arguments, "activity_input", labels)


@dataclass
class StartTimer(Wired):
    """Sleep durably, in whole seconds."""

    wire_type: ClassVar[str] = names.START_TIMER

    delay_seconds: int

    def _fields(self, task_queue: str) -> dict[str, Any]:
        check_delay("timer", "seconds", self.delay_seconds)
        return {"delay_seconds": self.delay_seconds}


@dataclass
class CompleteWorkflow(PayloadWired):
    """End the run with a result."""

    wire_type: ClassVar[str] = names.COMPLETE_WORKFLOW

    result: Any

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"result": None}

    def _payload(self, task_queue: str) -> Payload:
        return Payload("result", self.result, "workflow_result", {"task_queue": task_queue})


@dataclass
class FailWorkflow(Wired):
    """End the run in failure."""

    wire_type: ClassVar[str] = names.FAIL_WORKFLOW

    message: str
    exception_type: str | None = None
    non_retryable: bool = False

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {
            "message": self.message,
            **present({"exception_type": self.exception_type}),
            **({"non_retryable": True} if self.non_retryable else {}),
        }


@dataclass
class CompleteUpdate(PayloadWired):
    """Answer an accepted update with its handler's result."""

    wire_type: ClassVar[str] = names.COMPLETE_UPDATE

    update_id: str
    result: Any

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"update_id": self.update_id, "result": None}

    def _payload(self, task_queue: str) -> Payload:
        return Payload("result", self.result, "update_result", {"task_queue": task_queue})


@dataclass
class FailUpdate(PayloadWired):
    """End an accepted update in failure; the run goes on."""

    wire_type: ClassVar[str] = names.FAIL_UPDATE

    update_id: str
    message: str
    exception_type: str | None = None
    exception_class: str | None = None
    non_retryable: bool = True

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {
            "update_id": self.update_id,
            "message": self.message,
            **present(
                {"exception_type": self.exception_type, "exception_class": self.exception_class}
            ),
            **({"non_retryable": True} if self.non_retryable else {}),
        }


@dataclass
class ContinueAsNew(PayloadWired):
    """End the run and go on in a new one, of the same type unless another is named."""

    wire_type: ClassVar[str] = names.CONTINUE_AS_NEW

    workflow_type: str | None = None
    arguments: list[Any] = field(default_factory=list[Any])
    task_queue: str | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        what = "continue_as_new"
        check_optional_name(what, "workflow_type", self.workflow_type, mark=_WORKFLOW_MARK)
        check_optional_name(what, "task_queue", self.task_queue)
        return {
            "arguments": None,
            "queue": self.task_queue or task_queue,
            **present({"workflow_type": self.workflow_type}),
        }

    def _payload(self, task_queue: str) -> Payload:
        labels = {"workflow_type": self.workflow_type, "task_queue": self.task_queue or task_queue}
        return Payload("arguments", self.arguments, "continue_as_new_input", labels)


@dataclass(repr=False)
class RecordSideEffect(PayloadWired):
    """Record a value that the code must not compute twice.

    `ctx.side_effect(fn)` builds one without a value: `fn` is called when `result` is first asked
    for, which replay does only where history has none.
    """

    wire_type: ClassVar[str] = names.RECORD_SIDE_EFFECT

    result: Any

    @classmethod
    def deferred(cls, compute: Callable[[], Any]) -> "RecordSideEffect":
        """A side effect whose function has not been called yet."""
        command = cls.__new__(cls)
        vars(command)["_compute"] = compute if callable(compute) else _not_callable(compute)
        return command

    def __repr__(self) -> str:
        """As a dataclass shows itself, without computing anything."""
        shown = "..." if "_compute" in vars(self) else repr(self.result)
        return f"{type(self).__qualname__}(result={shown})"

    def __getattr__(self, name: str) -> Any:
        """Compute `result` on first use; reached only while it is not set."""
        compute = vars(self).get("_compute")
        if name != "result" or compute is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.result = compute()
        del vars(self)["_compute"]
        return self.result

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"result": None}

    def _payload(self, task_queue: str) -> Payload:
        labels = {"task_queue": task_queue}
        return Payload("result", self.result, "side_effect_result", labels, bare=True)


@dataclass
class StartChildWorkflow(PayloadWired):
    """Start a child workflow and wait for its result. Timeouts are in seconds."""

    wire_type: ClassVar[str] = names.START_CHILD_WORKFLOW

    workflow_type: str
    arguments: list[Any] = field(default_factory=list[Any])
    task_queue: str | None = None
    parent_close_policy: str | None = None
    retry_policy: ChildWorkflowRetryPolicyInput | None = None
    execution_timeout_seconds: int | None = None
    run_timeout_seconds: int | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        timeouts = {
            "execution_timeout_seconds": self.execution_timeout_seconds,
            "run_timeout_seconds": self.run_timeout_seconds,
        }
        what = f"child workflow {self.workflow_type!r}"
        check_name("start_child_workflow", "workflow_type", self.workflow_type, mark=_WORKFLOW_MARK)
        check_optional_name(what, "task_queue", self.task_queue)
        check_choice(what, "parent_close_policy", self.parent_close_policy, _CLOSE_POLICIES)
        check_timeouts(what, timeouts, _CHILD_ORDER)
        return {
            "workflow_type": self.workflow_type,
            "arguments": None,
            "queue": self.task_queue or task_queue,
            **present({"parent_close_policy": self.parent_close_policy}),
            **_optional_policy(what, self.retry_policy),
            **present(timeouts),
        }

    def _payload(self, task_queue: str) -> Payload:
        labels = {"workflow_type": self.workflow_type, "task_queue": self.task_queue or task_queue}
        return Payload("arguments", self.arguments, "child_workflow_input", labels)


@dataclass
class RecordVersionMarker(Wired):
    """Fix which version of a change this run follows.

    Attributes:
        change_id: Name of the change.
        version: What a run that is here for the first time gets.
        min_supported: Oldest version that the code still knows.
        max_supported: Newest version.
        result_kind: What the yield returns: `version` the number, `patched` whether it is 1,
            `deprecate_patch` nothing. Never sent.
    """

    wire_type: ClassVar[str] = names.RECORD_VERSION_MARKER

    change_id: str
    version: int
    min_supported: int
    max_supported: int
    result_kind: str = "version"

    def _fields(self, task_queue: str) -> dict[str, Any]:
        check_name("version marker", "change_id", self.change_id)
        check_versions(
            f"version marker {self.change_id!r}",
            version=self.version,
            min_supported=self.min_supported,
            max_supported=self.max_supported,
        )
        return {
            "change_id": self.change_id,
            "version": self.version,
            "min_supported": self.min_supported,
            "max_supported": self.max_supported,
        }


@dataclass
class UpsertSearchAttributes(Wired):
    """Set search attributes of the run; None deletes one."""

    wire_type: ClassVar[str] = names.UPSERT_SEARCH_ATTRIBUTES

    attributes: dict[str, Any]

    def _fields(self, task_queue: str) -> dict[str, Any]:
        return {"attributes": plain_attributes("search attributes", self.attributes)}

    def _plain_json(self) -> Any:
        return self.attributes


@dataclass
class WaitCondition(Wired):
    """Wait until a predicate over the workflow's state is true, or a timeout passes."""

    wire_type: ClassVar[str] = names.OPEN_CONDITION_WAIT

    predicate: Callable[[], bool]
    condition_key: str | None = None
    condition_definition_fingerprint: str | None = None
    timeout_seconds: int | None = None

    def _fields(self, task_queue: str) -> dict[str, Any]:
        check_optional_name("wait_condition", "key", self.condition_key)
        return present(
            {
                "condition_key": self.condition_key,
                "condition_definition_fingerprint": self.condition_definition_fingerprint,
                "timeout_seconds": self.timeout_seconds,
            }
        )


Command: TypeAlias = (
    ScheduleActivity
    | StartTimer
    | CompleteWorkflow
    | FailWorkflow
    | CompleteUpdate
    | FailUpdate
    | ContinueAsNew
    | RecordSideEffect
    | StartChildWorkflow
    | RecordVersionMarker
    | UpsertSearchAttributes
    | WaitCondition
)


# Each pair says that the first timeout may not exceed the second.
_ACTIVITY_ORDER = (
    ("heartbeat_timeout", "start_to_close_timeout"),
    ("start_to_close_timeout", "schedule_to_close_timeout"),
    ("schedule_to_start_timeout", "schedule_to_close_timeout"),
)
_CLOSE_POLICIES = ("abandon", "request_cancel", "terminate")
_CHILD_ORDER = (("run_timeout_seconds", "execution_timeout_seconds"),)
# Where functions and classes, given in place of their names, have them.
_ACTIVITY_MARK = "__activity_name__"
_WORKFLOW_MARK = "__workflow_name__"


def _optional_policy(
    what: str, policy: ActivityRetryPolicyInput | ChildWorkflowRetryPolicyInput | None
) -> dict[str, Any]:
    return {} if policy is None else {"retry_policy": retry_policy_of(what, policy)}


def _not_callable(given: object) -> Callable[[], Any]:
    """What complains of itself when it is called: that is where a wrong function is noticed."""

    def complain() -> Any:
        raise TypeError(f"side_effect: fn must be a function without arguments, got {shown(given)}")

    return complain
