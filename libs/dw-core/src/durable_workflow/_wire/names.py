"""The words of the wire: event types, command types and timer kinds, each spelled once.

Every wheel that reads or writes history takes its words from here, so that a misspelt one is an
import error and not a step that silently never matches.
"""

from typing import Final

# --- event types ----------------------------------------------------------------------

# Run lifecycle
START_ACCEPTED: Final = "StartAccepted"
START_REJECTED: Final = "StartRejected"
WORKFLOW_STARTED: Final = "WorkflowStarted"
WORKFLOW_CONTINUED_AS_NEW: Final = "WorkflowContinuedAsNew"
WORKFLOW_COMPLETED: Final = "WorkflowCompleted"
WORKFLOW_FAILED: Final = "WorkflowFailed"
WORKFLOW_TIMED_OUT: Final = "WorkflowTimedOut"
CANCEL_REQUESTED: Final = "CancelRequested"
WORKFLOW_CANCELLED: Final = "WorkflowCancelled"
TERMINATE_REQUESTED: Final = "TerminateRequested"
WORKFLOW_TERMINATED: Final = "WorkflowTerminated"
ARCHIVE_REQUESTED: Final = "ArchiveRequested"
WORKFLOW_ARCHIVED: Final = "WorkflowArchived"
REPAIR_REQUESTED: Final = "RepairRequested"
PARENT_CLOSE_POLICY_APPLIED: Final = "ParentClosePolicyApplied"
PARENT_CLOSE_POLICY_FAILED: Final = "ParentClosePolicyFailed"
FAILURE_HANDLED: Final = "FailureHandled"
MEMO_UPSERTED: Final = "MemoUpserted"
MESSAGE_CURSOR_ADVANCED: Final = "MessageCursorAdvanced"

# Activities
ACTIVITY_SCHEDULED: Final = "ActivityScheduled"
ACTIVITY_STARTED: Final = "ActivityStarted"
ACTIVITY_HEARTBEAT_RECORDED: Final = "ActivityHeartbeatRecorded"
ACTIVITY_RETRY_SCHEDULED: Final = "ActivityRetryScheduled"
ACTIVITY_COMPLETED: Final = "ActivityCompleted"
ACTIVITY_FAILED: Final = "ActivityFailed"
ACTIVITY_TIMED_OUT: Final = "ActivityTimedOut"
ACTIVITY_CANCELLED: Final = "ActivityCancelled"

# Timers and waits
TIMER_SCHEDULED: Final = "TimerScheduled"
TIMER_FIRED: Final = "TimerFired"
TIMER_CANCELLED: Final = "TimerCancelled"
CONDITION_WAIT_OPENED: Final = "ConditionWaitOpened"
CONDITION_WAIT_SATISFIED: Final = "ConditionWaitSatisfied"
CONDITION_WAIT_TIMED_OUT: Final = "ConditionWaitTimedOut"
SIGNAL_WAIT_OPENED: Final = "SignalWaitOpened"

# Signals and updates
# Of the extension `passed_signals`, like the command of that name: other servers write none.
SIGNAL_NOT_APPLIED: Final = "SignalNotApplied"
SIGNAL_RECEIVED: Final = "SignalReceived"
SIGNAL_APPLIED: Final = "SignalApplied"
UPDATE_ACCEPTED: Final = "UpdateAccepted"
UPDATE_REJECTED: Final = "UpdateRejected"
UPDATE_APPLIED: Final = "UpdateApplied"
UPDATE_COMPLETED: Final = "UpdateCompleted"

# Children
CHILD_WORKFLOW_SCHEDULED: Final = "ChildWorkflowScheduled"
CHILD_RUN_STARTED: Final = "ChildRunStarted"
CHILD_RUN_COMPLETED: Final = "ChildRunCompleted"
CHILD_RUN_FAILED: Final = "ChildRunFailed"
CHILD_RUN_CANCELLED: Final = "ChildRunCancelled"
CHILD_RUN_TERMINATED: Final = "ChildRunTerminated"

# Markers
SIDE_EFFECT_RECORDED: Final = "SideEffectRecorded"
VERSION_MARKER_RECORDED: Final = "VersionMarkerRecorded"
SEARCH_ATTRIBUTES_UPSERTED: Final = "SearchAttributesUpserted"

# A schedule's own history; only ScheduleTriggered is in a run's history too
SCHEDULE_CREATED: Final = "ScheduleCreated"
SCHEDULE_PAUSED: Final = "SchedulePaused"
SCHEDULE_RESUMED: Final = "ScheduleResumed"
SCHEDULE_UPDATED: Final = "ScheduleUpdated"
SCHEDULE_TRIGGERED: Final = "ScheduleTriggered"
SCHEDULE_DELETED: Final = "ScheduleDeleted"
SCHEDULE_TRIGGER_SKIPPED: Final = "ScheduleTriggerSkipped"

EVENT_TYPES: Final = frozenset(
    {
        START_ACCEPTED,
        START_REJECTED,
        WORKFLOW_STARTED,
        WORKFLOW_CONTINUED_AS_NEW,
        WORKFLOW_COMPLETED,
        WORKFLOW_FAILED,
        WORKFLOW_TIMED_OUT,
        CANCEL_REQUESTED,
        WORKFLOW_CANCELLED,
        TERMINATE_REQUESTED,
        WORKFLOW_TERMINATED,
        ARCHIVE_REQUESTED,
        WORKFLOW_ARCHIVED,
        REPAIR_REQUESTED,
        PARENT_CLOSE_POLICY_APPLIED,
        PARENT_CLOSE_POLICY_FAILED,
        FAILURE_HANDLED,
        MEMO_UPSERTED,
        MESSAGE_CURSOR_ADVANCED,
        ACTIVITY_SCHEDULED,
        ACTIVITY_STARTED,
        ACTIVITY_HEARTBEAT_RECORDED,
        ACTIVITY_RETRY_SCHEDULED,
        ACTIVITY_COMPLETED,
        ACTIVITY_FAILED,
        ACTIVITY_TIMED_OUT,
        ACTIVITY_CANCELLED,
        TIMER_SCHEDULED,
        TIMER_FIRED,
        TIMER_CANCELLED,
        CONDITION_WAIT_OPENED,
        CONDITION_WAIT_SATISFIED,
        CONDITION_WAIT_TIMED_OUT,
        SIGNAL_WAIT_OPENED,
        SIGNAL_RECEIVED,
        SIGNAL_APPLIED,
        UPDATE_ACCEPTED,
        UPDATE_REJECTED,
        UPDATE_APPLIED,
        UPDATE_COMPLETED,
        CHILD_WORKFLOW_SCHEDULED,
        CHILD_RUN_STARTED,
        CHILD_RUN_COMPLETED,
        CHILD_RUN_FAILED,
        CHILD_RUN_CANCELLED,
        CHILD_RUN_TERMINATED,
        SIDE_EFFECT_RECORDED,
        VERSION_MARKER_RECORDED,
        SEARCH_ATTRIBUTES_UPSERTED,
        SCHEDULE_CREATED,
        SCHEDULE_PAUSED,
        SCHEDULE_RESUMED,
        SCHEDULE_UPDATED,
        SCHEDULE_TRIGGERED,
        SCHEDULE_DELETED,
        SCHEDULE_TRIGGER_SKIPPED,
    }
)

# --- command types --------------------------------------------------------------------

SCHEDULE_ACTIVITY: Final = "schedule_activity"
START_TIMER: Final = "start_timer"
START_CHILD_WORKFLOW: Final = "start_child_workflow"
OPEN_CONDITION_WAIT: Final = "open_condition_wait"
RECORD_SIDE_EFFECT: Final = "record_side_effect"
RECORD_VERSION_MARKER: Final = "record_version_marker"
UPSERT_SEARCH_ATTRIBUTES: Final = "upsert_search_attributes"
COMPLETE_UPDATE: Final = "complete_update"
FAIL_UPDATE: Final = "fail_update"
PASS_SIGNAL: Final = "pass_signal"
COMPLETE_WORKFLOW: Final = "complete_workflow"
FAIL_WORKFLOW: Final = "fail_workflow"
CONTINUE_AS_NEW: Final = "continue_as_new"

COMMAND_TYPES: Final = frozenset(
    {
        SCHEDULE_ACTIVITY,
        START_TIMER,
        START_CHILD_WORKFLOW,
        OPEN_CONDITION_WAIT,
        RECORD_SIDE_EFFECT,
        RECORD_VERSION_MARKER,
        UPSERT_SEARCH_ATTRIBUTES,
        COMPLETE_UPDATE,
        FAIL_UPDATE,
        COMPLETE_WORKFLOW,
        FAIL_WORKFLOW,
        CONTINUE_AS_NEW,
    }
)
# At most one of these in a completion, applied after everything else.
TERMINAL_COMMAND_TYPES: Final = frozenset({COMPLETE_WORKFLOW, FAIL_WORKFLOW, CONTINUE_AS_NEW})

# --- timer kinds -----------------------------------------------------------------------------

# A timer of one of these kinds belongs to the wait that opened it and is no step of its own.
CONDITION_TIMEOUT: Final = "condition_timeout"
SIGNAL_TIMEOUT: Final = "signal_timeout"
WAIT_TIMER_KINDS: Final = frozenset({CONDITION_TIMEOUT, SIGNAL_TIMEOUT})
