-- Schedules, and what became of each: their histories stay when they are deleted.

CREATE TABLE schedules (
    namespace TEXT NOT NULL,
    schedule_id TEXT NOT NULL,
    schedule_ulid TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    spec TEXT NOT NULL,
    action TEXT NOT NULL,
    overlap_policy TEXT NOT NULL,
    jitter_seconds INTEGER NOT NULL,
    max_runs BIGINT,
    memo TEXT NOT NULL,
    search_attributes TEXT NOT NULL,
    status TEXT NOT NULL,
    note TEXT,
    updated_at BIGINT NOT NULL,
    remaining_actions BIGINT,
    fires_count BIGINT NOT NULL,
    failures_count BIGINT NOT NULL,
    next_fire_at BIGINT,
    next_occurrence_at BIGINT,
    last_fired_at BIGINT,
    latest_workflow_id TEXT,
    paused_at BIGINT,
    deleted_at BIGINT,
    skipped_trigger_count BIGINT NOT NULL,
    last_skip_reason TEXT,
    last_skipped_at BIGINT,
    recent_actions TEXT NOT NULL,
    buffered TEXT NOT NULL,
    last_sequence BIGINT NOT NULL,
    due_at BIGINT,
    PRIMARY KEY (namespace, schedule_id)
);
CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX schedules_by_age ON schedules (namespace, schedule_ulid);

CREATE TABLE schedule_events (
    namespace TEXT NOT NULL,
    schedule_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    payload TEXT NOT NULL,
    workflow_id TEXT,
    workflow_run_id TEXT,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, schedule_id, sequence)
);

-- The schedule that started a run: it may have a fire that waits for the run's end.
ALTER TABLE runs ADD COLUMN schedule_id TEXT;
