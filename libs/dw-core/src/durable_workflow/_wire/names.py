"""The words of the wire: types of events and commands, fields of tasks, each spelled once.

Every wheel takes its words from here, so a misspelt one is an import error and not a step that
silently never matches. What is true of all events of a type stands beside the word, as traits.
A module that asks for a class of events takes it from `events_with`, and does not list its members.
"""

from collections.abc import Mapping
from enum import Flag, auto
from typing import Final


class Trait(Flag):
    """What is true of every event of a type.

    Attributes:
        CLOSES: It closes the run.
        OF_CODE: The workflow's code closed the run, not a caller or a deadline.
        ECHO: It follows from commands. Code that waits cannot go on because of it.
        CALLS_HANDLER: It is about a signal or an update, whose handler replay may call.
        MID_TASK: A server may record it while a workflow task is leased (worker-protocol R4).
        STEP_BOUNDARY: It shows that a workflow task was completed (history-events 6.4).
        WAIT_BOUNDARY: The same, by the end of a condition wait.
        EXTENSION: Only servers with an extension record it.
    """

    NONE = 0
    CLOSES = auto()
    OF_CODE = auto()
    ECHO = auto()
    CALLS_HANDLER = auto()
    MID_TASK = auto()
    STEP_BOUNDARY = auto()
    WAIT_BOUNDARY = auto()
    EXTENSION = auto()


_END_BY_CODE: Final = Trait.CLOSES | Trait.OF_CODE | Trait.STEP_BOUNDARY
_STEP_ECHO: Final = Trait.ECHO | Trait.STEP_BOUNDARY

_TRAITS: Final[dict[str, Trait]] = {}
_COMMANDS: Final[list[str]] = []
_TERMINAL_COMMANDS: Final[list[str]] = []
_STEP_COMMANDS: Final[list[str]] = []


def _event(word: str, traits: Trait = Trait.NONE) -> str:
    _TRAITS[word] = traits
    return word


def _command(
    word: str, *, terminal: bool = False, step: bool = False, extension: bool = False
) -> str:
    if not extension:
        _COMMANDS.append(word)
    if terminal:
        _TERMINAL_COMMANDS.append(word)
    if step:
        _STEP_COMMANDS.append(word)
    return word


def events_with(trait: Trait) -> frozenset[str]:
    """All event types that have one of these traits."""
    return frozenset(word for word, traits in _TRAITS.items() if traits & trait)


# --- event types ----------------------------------------------------------------------

# Run lifecycle
START_ACCEPTED: Final = _event("StartAccepted")
START_REJECTED: Final = _event("StartRejected")
WORKFLOW_STARTED: Final = _event("WorkflowStarted")
WORKFLOW_CONTINUED_AS_NEW: Final = _event("WorkflowContinuedAsNew", _END_BY_CODE)
WORKFLOW_COMPLETED: Final = _event("WorkflowCompleted", _END_BY_CODE)
WORKFLOW_FAILED: Final = _event("WorkflowFailed", _END_BY_CODE)
WORKFLOW_TIMED_OUT: Final = _event("WorkflowTimedOut", Trait.CLOSES)
CANCEL_REQUESTED: Final = _event("CancelRequested")
WORKFLOW_CANCELLED: Final = _event("WorkflowCancelled", Trait.CLOSES)
TERMINATE_REQUESTED: Final = _event("TerminateRequested")
WORKFLOW_TERMINATED: Final = _event("WorkflowTerminated", Trait.CLOSES)
ARCHIVE_REQUESTED: Final = _event("ArchiveRequested")
WORKFLOW_ARCHIVED: Final = _event("WorkflowArchived")
REPAIR_REQUESTED: Final = _event("RepairRequested")
PARENT_CLOSE_POLICY_APPLIED: Final = _event("ParentClosePolicyApplied")
PARENT_CLOSE_POLICY_FAILED: Final = _event("ParentClosePolicyFailed")
FAILURE_HANDLED: Final = _event("FailureHandled")
MEMO_UPSERTED: Final = _event("MemoUpserted")
MESSAGE_CURSOR_ADVANCED: Final = _event("MessageCursorAdvanced")

# Activities
ACTIVITY_SCHEDULED: Final = _event("ActivityScheduled", _STEP_ECHO)
ACTIVITY_STARTED: Final = _event("ActivityStarted", _STEP_ECHO | Trait.MID_TASK)
ACTIVITY_HEARTBEAT_RECORDED: Final = _event(
    "ActivityHeartbeatRecorded", Trait.ECHO | Trait.MID_TASK
)
ACTIVITY_RETRY_SCHEDULED: Final = _event("ActivityRetryScheduled", Trait.ECHO | Trait.MID_TASK)
ACTIVITY_COMPLETED: Final = _event("ActivityCompleted", Trait.STEP_BOUNDARY)
ACTIVITY_FAILED: Final = _event("ActivityFailed", Trait.STEP_BOUNDARY)
ACTIVITY_TIMED_OUT: Final = _event("ActivityTimedOut", Trait.STEP_BOUNDARY)
ACTIVITY_CANCELLED: Final = _event("ActivityCancelled")

# Timers and waits
TIMER_SCHEDULED: Final = _event("TimerScheduled", _STEP_ECHO)
TIMER_FIRED: Final = _event("TimerFired", Trait.STEP_BOUNDARY)
TIMER_CANCELLED: Final = _event("TimerCancelled")
CONDITION_WAIT_OPENED: Final = _event("ConditionWaitOpened", Trait.ECHO)
CONDITION_WAIT_SATISFIED: Final = _event("ConditionWaitSatisfied", Trait.WAIT_BOUNDARY)
CONDITION_WAIT_TIMED_OUT: Final = _event("ConditionWaitTimedOut", Trait.WAIT_BOUNDARY)
SIGNAL_WAIT_OPENED: Final = _event("SignalWaitOpened")

# Signals and updates
# Of the extension `passed_signals`, like the command of that name: other servers write none.
SIGNAL_NOT_APPLIED: Final = _event(
    "SignalNotApplied", Trait.ECHO | Trait.MID_TASK | Trait.EXTENSION
)
SIGNAL_RECEIVED: Final = _event("SignalReceived", Trait.CALLS_HANDLER)
SIGNAL_APPLIED: Final = _event("SignalApplied")
UPDATE_ACCEPTED: Final = _event("UpdateAccepted", Trait.CALLS_HANDLER)
UPDATE_REJECTED: Final = _event("UpdateRejected")
UPDATE_APPLIED: Final = _event("UpdateApplied", Trait.CALLS_HANDLER)
UPDATE_COMPLETED: Final = _event("UpdateCompleted", Trait.CALLS_HANDLER)

# Children
CHILD_WORKFLOW_SCHEDULED: Final = _event("ChildWorkflowScheduled", _STEP_ECHO)
CHILD_RUN_STARTED: Final = _event("ChildRunStarted", _STEP_ECHO)
CHILD_RUN_COMPLETED: Final = _event("ChildRunCompleted", Trait.STEP_BOUNDARY)
CHILD_RUN_FAILED: Final = _event("ChildRunFailed", Trait.STEP_BOUNDARY)
CHILD_RUN_CANCELLED: Final = _event("ChildRunCancelled", Trait.STEP_BOUNDARY)
CHILD_RUN_TERMINATED: Final = _event("ChildRunTerminated", Trait.STEP_BOUNDARY)

# Markers
SIDE_EFFECT_RECORDED: Final = _event("SideEffectRecorded", _STEP_ECHO)
VERSION_MARKER_RECORDED: Final = _event("VersionMarkerRecorded", _STEP_ECHO)
SEARCH_ATTRIBUTES_UPSERTED: Final = _event("SearchAttributesUpserted", _STEP_ECHO)

# A schedule's own history; only ScheduleTriggered is in a run's history too
SCHEDULE_CREATED: Final = _event("ScheduleCreated")
SCHEDULE_PAUSED: Final = _event("SchedulePaused")
SCHEDULE_RESUMED: Final = _event("ScheduleResumed")
SCHEDULE_UPDATED: Final = _event("ScheduleUpdated")
SCHEDULE_TRIGGERED: Final = _event("ScheduleTriggered")
SCHEDULE_DELETED: Final = _event("ScheduleDeleted")
SCHEDULE_TRIGGER_SKIPPED: Final = _event("ScheduleTriggerSkipped")

# Without the events of extensions.
EVENT_TYPES: Final = frozenset(_TRAITS) - events_with(Trait.EXTENSION)

# --- command types --------------------------------------------------------------------

# Those of the protocol stand in the order in which servers list them.
COMPLETE_WORKFLOW: Final = _command("complete_workflow", terminal=True)
FAIL_WORKFLOW: Final = _command("fail_workflow", terminal=True)
CONTINUE_AS_NEW: Final = _command("continue_as_new", terminal=True)
SCHEDULE_ACTIVITY: Final = _command("schedule_activity", step=True)
START_TIMER: Final = _command("start_timer", step=True)
START_CHILD_WORKFLOW: Final = _command("start_child_workflow", step=True)
COMPLETE_UPDATE: Final = _command("complete_update")
FAIL_UPDATE: Final = _command("fail_update")
RECORD_SIDE_EFFECT: Final = _command("record_side_effect")
RECORD_VERSION_MARKER: Final = _command("record_version_marker")
UPSERT_SEARCH_ATTRIBUTES: Final = _command("upsert_search_attributes")
OPEN_CONDITION_WAIT: Final = _command("open_condition_wait")
# Of the extension `passed_signals`.
PASS_SIGNAL: Final = _command("pass_signal", extension=True)

# Without the commands of extensions.
COMMAND_TYPES: Final = tuple(_COMMANDS)
# At most one of these in a completion, applied after everything else.
TERMINAL_COMMAND_TYPES: Final = frozenset(_TERMINAL_COMMANDS)
# The workflow waits for what they start.
STEP_COMMAND_TYPES: Final = frozenset(_STEP_COMMANDS)

# --- fields of tasks ------------------------------------------------------------------------

# By kind of task, how the task and its attempt are named.
TASK_ID_FIELDS: Final[Mapping[str, str]] = {
    "workflow": "task_id",
    "activity": "task_id",
    "query": "query_task_id",
}
ATTEMPT_FIELDS: Final[Mapping[str, str]] = {
    "workflow": "workflow_task_attempt",
    "activity": "activity_attempt_id",
    "query": "query_task_attempt",
}

# --- types of the server's own --------------------------------------------------------

# The workflow that hosts an activity which no workflow started. Users' workflows have other names.
STANDALONE_ACTIVITY: Final = "dw.standalone_activity"

# --- timer kinds -----------------------------------------------------------------------------

# A timer of one of these kinds belongs to the wait that opened it and is no step of its own.
CONDITION_TIMEOUT: Final = "condition_timeout"
SIGNAL_TIMEOUT: Final = "signal_timeout"
WAIT_TIMER_KINDS: Final = frozenset({CONDITION_TIMEOUT, SIGNAL_TIMEOUT})
