-- Runs and what they have open. Times are microseconds since 1970 UTC; JSON is text.
-- The columns of a record that the engine reads stand in the order of its fields.

CREATE TABLE namespaces (
    name TEXT PRIMARY KEY,
    description TEXT,
    retention_days INTEGER NOT NULL DEFAULT 30,
    status TEXT NOT NULL DEFAULT 'active',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE workers (
    namespace TEXT NOT NULL,
    worker_id TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    runtime TEXT NOT NULL,
    sdk_version TEXT,
    build_id TEXT,
    workflow_types TEXT NOT NULL,
    activity_types TEXT NOT NULL,
    fingerprints TEXT NOT NULL,
    max_workflow_tasks INTEGER NOT NULL,
    max_activity_tasks INTEGER NOT NULL,
    capabilities TEXT NOT NULL,
    task_slots TEXT,
    process_metrics TEXT,
    heartbeat_interval INTEGER NOT NULL,
    registered_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    due_at BIGINT,
    PRIMARY KEY (namespace, worker_id)
);
CREATE INDEX workers_by_queue ON workers (namespace, task_queue);
CREATE INDEX workers_due ON workers (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE workflow_instances (
    namespace TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    current_run_id TEXT NOT NULL,
    run_count INTEGER NOT NULL,
    command_sequence INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, workflow_id)
);

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_number INTEGER NOT NULL,
    workflow_type TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    compatibility TEXT,
    codec TEXT NOT NULL,
    priority INTEGER NOT NULL,
    fairness_key TEXT,
    fairness_weight INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    execution_timeout_seconds BIGINT,
    run_timeout_seconds BIGINT,
    execution_deadline BIGINT,
    run_deadline BIGINT,
    parent_run_id TEXT,
    parent_sequence BIGINT,
    link_id TEXT,
    status TEXT NOT NULL,
    closed_reason TEXT,
    closed_at BIGINT,
    last_progress_at BIGINT NOT NULL,
    continued_to_run_id TEXT,
    last_sequence BIGINT NOT NULL,
    history_bytes BIGINT NOT NULL,
    warned INTEGER NOT NULL,
    tasks_completed BIGINT NOT NULL,
    batch_first BIGINT NOT NULL,
    batch_size INTEGER NOT NULL,
    batch_open INTEGER NOT NULL,
    blocked_on TEXT,
    pending_activities INTEGER NOT NULL,
    pending_timers INTEGER NOT NULL,
    pending_children INTEGER NOT NULL,
    pending_signals INTEGER NOT NULL,
    pending_updates INTEGER NOT NULL,
    wait_id TEXT,
    wait_key TEXT,
    wait_fingerprint TEXT,
    wait_sequence BIGINT,
    wait_timeout BIGINT,
    wait_timer_id TEXT,
    wait_fire_at BIGINT,
    buffered INTEGER NOT NULL,
    holds INTEGER NOT NULL,
    task_id TEXT,
    task_status TEXT,
    task_attempt INTEGER NOT NULL,
    task_available_at BIGINT NOT NULL,
    task_ordinary INTEGER NOT NULL,
    task_update_id TEXT,
    task_context TEXT,
    task_failures INTEGER NOT NULL,
    task_error TEXT,
    lease_owner TEXT,
    lease_expires_at BIGINT,
    claimed_sequence BIGINT NOT NULL,
    poll_request_id TEXT,
    sticky_worker TEXT,
    sticky_sequence BIGINT NOT NULL,
    sticky_until BIGINT NOT NULL,
    due_at BIGINT
);
CREATE UNIQUE INDEX runs_of_instance ON runs (namespace, workflow_id, run_number);
CREATE INDEX runs_listed ON runs (namespace, started_at, run_id);
CREATE UNIQUE INDEX runs_by_task ON runs (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX runs_ready ON runs (namespace, task_queue, priority, task_available_at, task_id)
WHERE task_status = 'ready';
CREATE INDEX runs_leased ON runs (lease_owner) WHERE task_status = 'leased';
CREATE INDEX runs_due ON runs (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE run_details (
    run_id TEXT PRIMARY KEY,
    arguments TEXT,
    business_key TEXT,
    memo TEXT NOT NULL,
    search_attributes TEXT NOT NULL,
    output TEXT,
    failure TEXT,
    continued_from_run_id TEXT
);

CREATE TABLE history (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    record {bytes} NOT NULL,
    PRIMARY KEY (run_id, sequence)
);

CREATE TABLE past_workflow_tasks (
    task_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    status TEXT NOT NULL,
    closed_at BIGINT NOT NULL
);

CREATE TABLE activities (
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
    PRIMARY KEY (run_id, sequence)
);
CREATE UNIQUE INDEX activities_by_task ON activities (task_id);
CREATE INDEX activities_by_attempt ON activities (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX activities_ready ON activities (namespace, task_queue, priority, available_at, task_id)
WHERE task_status = 'ready';
CREATE INDEX activities_leased ON activities (lease_owner) WHERE task_status = 'leased';
CREATE INDEX activities_due ON activities (due_at) WHERE due_at IS NOT NULL;

-- Apart from the row that changes with every attempt, so that large arguments are written once.
CREATE TABLE activity_arguments (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    arguments TEXT,
    PRIMARY KEY (run_id, sequence)
);

CREATE TABLE past_attempts (
    attempt_id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    attempt_number INTEGER NOT NULL,
    status TEXT NOT NULL,
    lease_owner TEXT,
    closed_at BIGINT NOT NULL
);
CREATE INDEX past_attempts_by_task ON past_attempts (task_id);
CREATE INDEX past_attempts_of_run ON past_attempts (run_id);

CREATE TABLE timers (
    timer_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    delay BIGINT NOT NULL,
    fire_at BIGINT NOT NULL,
    wait_id TEXT,
    status TEXT NOT NULL
);
CREATE INDEX timers_of_run ON timers (run_id, sequence);
CREATE INDEX timers_due ON timers (fire_at, timer_id) WHERE status = 'pending';

CREATE TABLE child_links (
    link_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    child_workflow_id TEXT NOT NULL,
    child_run_id TEXT NOT NULL,
    child_run_number INTEGER NOT NULL,
    child_type TEXT NOT NULL,
    parent_close_policy TEXT NOT NULL,
    policy TEXT,
    execution_timeout_seconds BIGINT,
    run_timeout_seconds BIGINT,
    attempts INTEGER NOT NULL,
    status TEXT NOT NULL
);
CREATE INDEX child_links_of_run ON child_links (run_id, sequence);

CREATE TABLE updates (
    update_id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    command_id TEXT NOT NULL,
    command_sequence BIGINT NOT NULL,
    update_name TEXT NOT NULL,
    request_id TEXT,
    arguments TEXT,
    position BIGINT NOT NULL,
    accepted_at BIGINT,
    status TEXT NOT NULL,
    applied_at BIGINT,
    rejected_at BIGINT,
    closed_at BIGINT,
    workflow_sequence BIGINT,
    result TEXT,
    failure_id TEXT,
    failure_message TEXT
);
CREATE INDEX updates_accepted ON updates (run_id, position) WHERE status = 'accepted';
CREATE INDEX updates_of_run ON updates (run_id);
CREATE UNIQUE INDEX updates_by_request
ON updates (namespace, workflow_id, update_name, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE buffered_facts (
    run_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    event_type TEXT NOT NULL,
    payload {bytes} NOT NULL,
    command_id TEXT,
    context TEXT NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE withheld_outcomes (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    payload {bytes} NOT NULL,
    task_id TEXT,
    PRIMARY KEY (run_id, sequence)
);

CREATE TABLE commands (
    command_id TEXT PRIMARY KEY,
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
    context TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX commands_of_instance ON commands (namespace, workflow_id, sequence);
CREATE INDEX commands_of_run ON commands (run_id);
