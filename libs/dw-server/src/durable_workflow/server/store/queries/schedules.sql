-- {schedule_columns}: the columns of a schedule, in the order of its fields.
    namespace, schedule_id, schedule_ulid, created_at, spec, action, overlap_policy,
    jitter_seconds, max_runs, memo, search_attributes, status, note, updated_at,
    remaining_actions, fires_count, failures_count, next_fire_at, next_occurrence_at,
    last_fired_at, latest_workflow_id, paused_at, deleted_at, skipped_trigger_count,
    last_skip_reason, last_skipped_at, recent_actions, buffered, last_sequence, due_at;

-- schedule: one schedule, deleted ones too.
SELECT {schedule_columns}
FROM schedules
WHERE namespace = :namespace AND schedule_id = :schedule_id;

-- schedules_listed: some that are not deleted, newest first, from before :before on.
SELECT {schedule_columns}
FROM schedules
WHERE namespace = :namespace AND schedule_ulid < :before AND status <> 'deleted'
ORDER BY schedule_ulid DESC
LIMIT :most;

-- insert_schedule: a new schedule, in place of a deleted one of its id.
INSERT INTO schedules ({schedule_columns})
VALUES ({:schedule_columns});

-- delete_schedule: room for a new one of its id; its history stays.
DELETE FROM schedules WHERE namespace = :namespace AND schedule_id = :schedule_id;

-- define_schedule: what only commands change.
UPDATE schedules
SET
    spec = :spec, action = :action, overlap_policy = :overlap_policy,
    jitter_seconds = :jitter_seconds, max_runs = :max_runs, memo = :memo,
    search_attributes = :search_attributes
WHERE namespace = :namespace AND schedule_id = :schedule_id;

-- save_schedule: what fires change, too.
UPDATE schedules
SET
    status = :status, note = :note, updated_at = :updated_at,
    remaining_actions = :remaining_actions, fires_count = :fires_count,
    failures_count = :failures_count, next_fire_at = :next_fire_at,
    next_occurrence_at = :next_occurrence_at, last_fired_at = :last_fired_at,
    latest_workflow_id = :latest_workflow_id, paused_at = :paused_at, deleted_at = :deleted_at,
    skipped_trigger_count = :skipped_trigger_count, last_skip_reason = :last_skip_reason,
    last_skipped_at = :last_skipped_at, recent_actions = :recent_actions, buffered = :buffered,
    last_sequence = :last_sequence, due_at = :due_at
WHERE namespace = :namespace AND schedule_id = :schedule_id;

-- schedule_waits: whether fires of a schedule wait for the end of this workflow, its last one.
SELECT 1
FROM schedules
WHERE
    namespace = :namespace
    AND schedule_id = :schedule_id
    AND latest_workflow_id = :latest_workflow_id
    AND status = 'active'
    AND buffered <> '[]';

-- wake_schedule: a schedule is to be looked at now.
UPDATE schedules SET due_at = :now WHERE namespace = :namespace AND schedule_id = :schedule_id;

-- {due_schedules}: which of them should fire: nothing that is set aside.
    due_at IS NOT NULL
    AND due_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE
            source = 'schedule'
            AND item = schedules.namespace || '/' || schedules.schedule_id
            AND until > :now
    );

-- due_schedules: those that should fire, most overdue first.
SELECT namespace, schedule_id
FROM schedules
WHERE
    {due_schedules}
ORDER BY due_at
LIMIT :most;

-- take_due_schedules [take]: likewise, to fire them, each with the open run of its last workflow.
SELECT
    {schedule_columns},
    (
        SELECT runs.run_id
        FROM workflow_instances
        INNER JOIN runs ON runs.run_id = workflow_instances.current_run_id
        WHERE
            workflow_instances.namespace = schedules.namespace
            AND workflow_instances.workflow_id = schedules.latest_workflow_id
            AND runs.closed_at IS NULL
    )
FROM schedules
WHERE
    {due_schedules}
ORDER BY due_at
LIMIT :most
{skip};

-- insert_schedule_event: a record of a schedule's history.
INSERT INTO schedule_events (
    namespace, schedule_id, sequence, event_id, event_type, payload, workflow_id,
    workflow_run_id, recorded_at
)
VALUES (
    :namespace, :schedule_id, :sequence, :event_id, :event_type, :payload, :workflow_id,
    :workflow_run_id, :recorded_at
);

-- schedule_events: a page of a schedule's history.
SELECT
    sequence, event_id, event_type, payload, workflow_id, workflow_run_id, recorded_at
FROM schedule_events
WHERE namespace = :namespace AND schedule_id = :schedule_id AND sequence > :after
ORDER BY sequence
LIMIT :most;

-- count_schedules_of_namespace: how many there are that are not deleted.
SELECT count(*) FROM schedules WHERE namespace = :namespace AND status <> 'deleted';

-- some_schedule_events_of_namespace: a few records of schedules' histories.
SELECT schedule_id, sequence FROM schedule_events WHERE namespace = :namespace LIMIT :most;

-- delete_schedule_event: one record of a schedule's history.
DELETE FROM schedule_events
WHERE namespace = :namespace AND schedule_id = :schedule_id AND sequence = :sequence;

-- delete_schedules_of_namespace: no schedule was there.
DELETE FROM schedules WHERE namespace = :namespace;

-- expired_schedule_events: some records of schedules' histories from before :cutoff, oldest first.
SELECT schedule_id, sequence
FROM schedule_events
WHERE namespace = :namespace AND recorded_at < :cutoff
ORDER BY recorded_at
LIMIT :most;

-- expired_schedules: some schedules that were deleted before :cutoff, and whose histories are gone.
SELECT schedule_id
FROM schedules
WHERE
    namespace = :namespace AND status = 'deleted' AND deleted_at < :cutoff
    AND NOT EXISTS (
        SELECT 1
        FROM schedule_events
        WHERE
            schedule_events.namespace = schedules.namespace
            AND schedule_events.schedule_id = schedules.schedule_id
    )
LIMIT :most;
