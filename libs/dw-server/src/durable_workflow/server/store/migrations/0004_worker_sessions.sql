-- Leases belong to a worker id and a session: one process under the id. Each session has a row of its
-- own; '' is the session of workers that name none. `challenged_at`: another session has come under the
-- id since this one was last heard. `left_at`: its connection broke, and it was not heard since.

CREATE TABLE worker_sessions (
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
    session TEXT NOT NULL,
    challenged_at BIGINT,
    left_at BIGINT,
    PRIMARY KEY (namespace, worker_id, session)
);
INSERT INTO worker_sessions (
    namespace, worker_id, task_queue, runtime, sdk_version, build_id, workflow_types,
    activity_types, fingerprints, max_workflow_tasks, max_activity_tasks, capabilities,
    task_slots, process_metrics, heartbeat_interval, registered_at, heartbeat_at, seen_at,
    due_at, session
)
SELECT
    namespace, worker_id, task_queue, runtime, sdk_version, build_id, workflow_types,
    activity_types, fingerprints, max_workflow_tasks, max_activity_tasks, capabilities,
    task_slots, process_metrics, heartbeat_interval, registered_at, heartbeat_at, seen_at,
    due_at, ''
FROM workers;
DROP TABLE workers;
ALTER TABLE worker_sessions RENAME TO workers;
CREATE INDEX workers_by_queue ON workers (namespace, task_queue);
CREATE INDEX workers_due ON workers (due_at) WHERE due_at IS NOT NULL;

ALTER TABLE runs ADD COLUMN lease_session TEXT;
ALTER TABLE activities ADD COLUMN lease_session TEXT;
