-- Fewer bytes for each run and each step. Rows that are found by their key alone are kept in the order
-- of the key, where the database can; rows with payloads are not, because pages would be half empty.
-- Nothing is found by the id of a command, nor by that of an attempt: a report names its task.

CREATE TABLE activities_by_step (
    execution_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    activity_type TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    codec TEXT NOT NULL,
    policy TEXT,
    scheduled_at BIGINT NOT NULL,
    connection TEXT,
    status TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    task_status TEXT NOT NULL,
    available_at BIGINT NOT NULL,
    attempt_id TEXT,
    lease_owner TEXT,
    lease_expires_at BIGINT,
    poll_request_id TEXT,
    started_at BIGINT,
    last_heartbeat_at BIGINT,
    progress TEXT,
    schedule_to_start_at BIGINT,
    schedule_to_close_at BIGINT,
    start_to_close_at BIGINT,
    heartbeat_at BIGINT,
    closed_at BIGINT,
    due_at BIGINT,
    lease_session TEXT,
    fairness_key TEXT,
    fairness_weight INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (run_id, sequence)
) {by key};
INSERT INTO activities_by_step (
    execution_id, run_id, namespace, sequence, activity_type, task_queue, priority, codec, policy,
    scheduled_at, connection, status, attempt_count, task_id, task_status, available_at, attempt_id,
    lease_owner, lease_expires_at, poll_request_id, started_at, last_heartbeat_at, progress,
    schedule_to_start_at, schedule_to_close_at, start_to_close_at, heartbeat_at, closed_at, due_at,
    lease_session, fairness_key, fairness_weight
)
SELECT
    execution_id, run_id, namespace, sequence, activity_type, task_queue, priority, codec, policy,
    scheduled_at, connection, status, attempt_count, task_id, task_status, available_at, attempt_id,
    lease_owner, lease_expires_at, poll_request_id, started_at, last_heartbeat_at, progress,
    schedule_to_start_at, schedule_to_close_at, start_to_close_at, heartbeat_at, closed_at, due_at,
    lease_session, fairness_key, fairness_weight
FROM activities
ORDER BY run_id, sequence;
DROP TABLE activities;
ALTER TABLE activities_by_step RENAME TO activities;
CREATE UNIQUE INDEX activities_by_task ON activities (task_id);
CREATE INDEX activities_ready
ON activities (
    namespace, task_queue, priority, (coalesce(fairness_key, '')), available_at, task_id
)
WHERE task_status = 'ready';
CREATE INDEX activities_leased ON activities (namespace, lease_owner)
WHERE task_status = 'leased';
CREATE INDEX activities_due ON activities (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE past_tasks_by_run (
    task_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    status TEXT NOT NULL,
    closed_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_session TEXT,
    attempt BIGINT NOT NULL DEFAULT 0,
    waited BIGINT,
    held BIGINT,
    PRIMARY KEY (run_id, task_id)
) {by key};
INSERT INTO past_tasks_by_run (
    task_id, run_id, namespace, status, closed_at, lease_owner, lease_session, attempt, waited, held
)
SELECT
    task_id, run_id, namespace, status, closed_at, lease_owner, lease_session, attempt, waited, held
FROM past_workflow_tasks
ORDER BY run_id, task_id;
DROP TABLE past_workflow_tasks;
ALTER TABLE past_tasks_by_run RENAME TO past_workflow_tasks;
CREATE UNIQUE INDEX past_workflow_tasks_by_task ON past_workflow_tasks (task_id);

CREATE TABLE instances_by_id (
    namespace TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    current_run_id TEXT NOT NULL,
    run_count INTEGER NOT NULL,
    command_sequence INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, workflow_id)
) {by key};
INSERT INTO instances_by_id (
    namespace, workflow_id, workflow_type, current_run_id, run_count, command_sequence, created_at
)
SELECT
    namespace, workflow_id, workflow_type, current_run_id, run_count, command_sequence, created_at
FROM workflow_instances
ORDER BY namespace, workflow_id;
DROP TABLE workflow_instances;
ALTER TABLE instances_by_id RENAME TO workflow_instances;

CREATE TABLE timers_by_id (
    timer_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    delay BIGINT NOT NULL,
    fire_at BIGINT NOT NULL,
    wait_id TEXT,
    status TEXT NOT NULL
) {by key};
INSERT INTO timers_by_id (timer_id, run_id, sequence, delay, fire_at, wait_id, status)
SELECT timer_id, run_id, sequence, delay, fire_at, wait_id, status
FROM timers
ORDER BY timer_id;
DROP TABLE timers;
ALTER TABLE timers_by_id RENAME TO timers;
CREATE INDEX timers_of_run ON timers (run_id, sequence);
CREATE INDEX timers_due ON timers (fire_at, timer_id) WHERE status = 'pending';

-- The context is packed, as the records of histories are.
CREATE TABLE commands_of_runs (
    command_id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT NOT NULL,
    target_name TEXT,
    target_scope TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    rejection_reason TEXT,
    request_id TEXT,
    context {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    payload TEXT
);
INSERT INTO commands_of_runs (
    command_id, namespace, workflow_id, run_id, sequence, type, target_name, target_scope, status,
    outcome, rejection_reason, request_id, context, created_at, payload
)
SELECT
    command_id, namespace, workflow_id, run_id, sequence, type, target_name, target_scope, status,
    outcome, rejection_reason, request_id, CAST(context AS {bytes}), created_at, payload
FROM commands;
DROP TABLE commands;
ALTER TABLE commands_of_runs RENAME TO commands;
CREATE INDEX commands_of_run ON commands (run_id, sequence);
CREATE INDEX commands_by_request
ON commands (namespace, workflow_id, type, target_name, request_id)
WHERE request_id IS NOT NULL;

-- So is what an open task tells its worker: rows that shrink leave their pages half empty.
ALTER TABLE runs ADD COLUMN packed_context {bytes};
UPDATE runs SET packed_context = CAST(task_context AS {bytes}) WHERE task_context IS NOT NULL;
ALTER TABLE runs DROP COLUMN task_context;
ALTER TABLE runs RENAME COLUMN packed_context TO task_context;
