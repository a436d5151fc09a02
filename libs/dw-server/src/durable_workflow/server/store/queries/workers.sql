-- {worker_columns}: the columns of a worker.
    namespace, worker_id, task_queue, runtime, sdk_version, build_id, workflow_types,
    activity_types, fingerprints, max_workflow_tasks, max_activity_tasks, capabilities,
    task_slots, process_metrics, heartbeat_interval, registered_at, heartbeat_at, seen_at,
    due_at, session, challenged_at, left_at, on_stream, next_due_at, draining;

-- worker: a registered worker: this session of it, or without one (:session '') the session that is
-- named so, or else the one that registered last.
SELECT {worker_columns}
FROM workers
WHERE
    namespace = :namespace AND worker_id = :worker_id
    AND (session = :session OR :session = '')
ORDER BY session = :session DESC, registered_at DESC
LIMIT 1;

-- sessions_of_worker: everything that is registered under a worker id, what came last first.
SELECT {worker_columns}
FROM workers
WHERE namespace = :namespace AND worker_id = :worker_id
ORDER BY registered_at DESC;

-- all_workers: every worker there is.
SELECT {worker_columns}
FROM workers;

-- workers_of_queue: the workers of a task queue.
SELECT {worker_columns}
FROM workers
WHERE namespace = :namespace AND task_queue = :task_queue;

-- put_worker: registers a worker, or replaces what was known of it.
INSERT INTO workers ({worker_columns})
VALUES ({:worker_columns})
ON CONFLICT (namespace, worker_id, session) DO UPDATE
SET
    task_queue = excluded.task_queue, runtime = excluded.runtime,
    sdk_version = excluded.sdk_version, build_id = excluded.build_id,
    workflow_types = excluded.workflow_types, activity_types = excluded.activity_types,
    fingerprints = excluded.fingerprints, max_workflow_tasks = excluded.max_workflow_tasks,
    max_activity_tasks = excluded.max_activity_tasks, capabilities = excluded.capabilities,
    task_slots = excluded.task_slots, process_metrics = excluded.process_metrics,
    heartbeat_interval = excluded.heartbeat_interval, registered_at = excluded.registered_at,
    heartbeat_at = excluded.heartbeat_at, seen_at = excluded.seen_at, due_at = excluded.due_at,
    challenged_at = excluded.challenged_at, left_at = excluded.left_at,
    on_stream = excluded.on_stream, next_due_at = excluded.next_due_at,
    draining = excluded.draining;

-- worker_seen: a sign of life, and when the worker would have to be missed.
UPDATE workers
SET
    seen_at = :seen_at, due_at = :due_at, challenged_at = NULL, left_at = NULL,
    next_due_at = NULL
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- worker_heartbeat: a heartbeat with what the worker says of itself; null keeps what was known.
UPDATE workers
SET
    heartbeat_at = :seen_at, seen_at = :seen_at, due_at = :due_at,
    task_slots = coalesce(:task_slots, task_slots),
    process_metrics = coalesce(:process_metrics, process_metrics),
    heartbeat_interval = :heartbeat_interval, challenged_at = NULL, left_at = NULL,
    next_due_at = NULL
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- worker_challenged: another session has come under the id; this one is missed if it is not heard.
UPDATE workers
SET challenged_at = :challenged_at, due_at = :due_at, next_due_at = NULL
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- worker_left: the connection of the worker broke while its request was held. It is looked at at
-- :due_at, and missed at :next_due_at; null where those are one.
UPDATE workers
SET left_at = :left_at, due_at = :due_at, next_due_at = :next_due_at
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- stream_opened: the worker has a stream, which is a sign of life.
UPDATE workers
SET
    on_stream = 1, seen_at = :seen_at, due_at = :due_at, challenged_at = NULL, left_at = NULL,
    next_due_at = NULL
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- stream_ended: the worker's stream has ended; it is missed at :due_at if it does not come back.
-- :on_stream is 0 where it will not.
UPDATE workers
SET on_stream = :on_stream, left_at = :left_at, due_at = :due_at, next_due_at = NULL
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- await_streams: workers whose stream ended with the server are missed at :due_at if they do not come
-- back before.
UPDATE workers
SET due_at = :due_at
WHERE on_stream = 1 AND due_at > :due_at;

-- delete_worker: this session of a worker is registered no more.
DELETE FROM workers
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- worker_missed: the worker was missed; it is not looked for again until it shows up.
UPDATE workers
SET due_at = NULL, next_due_at = NULL, on_stream = 0
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- await_workers: every worker that was not missed has its whole time again, :patience for each second
-- between its heartbeats.
UPDATE workers
SET due_at = :now + heartbeat_interval * :patience, next_due_at = NULL
WHERE due_at IS NOT NULL;

-- prolong_workflow_leases: the leases of workflow tasks that a session holds last until :until at
-- least.
UPDATE runs
SET lease_expires_at = :until
WHERE
    lease_owner = :worker_id AND task_status = 'leased' AND namespace = :namespace
    AND lease_session = :session AND lease_expires_at < :until;

-- prolong_activity_leases: the same for activity tasks.
UPDATE activities
SET lease_expires_at = :until
WHERE
    lease_owner = :worker_id AND task_status = 'leased' AND namespace = :namespace
    AND lease_session = :session AND lease_expires_at < :until;

-- restart_heartbeat_timeouts: the time within which leased activities must send a heartbeat begins at
-- :now.
UPDATE activities
SET heartbeat_at = :now + heartbeat_at - coalesce(last_heartbeat_at, started_at)
WHERE task_status = 'leased' AND heartbeat_at IS NOT NULL;

-- due_workers: workers that have been silent for too long.
SELECT {worker_columns}
FROM workers
WHERE
    due_at IS NOT NULL
    AND due_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE
            source = 'worker'
            AND item = workers.namespace || '/' || workers.worker_id || '/' || workers.session
            AND until > :now
    )
ORDER BY due_at
LIMIT :most;


-- accepted_command: the command of a caller that was carried out with this request id.
SELECT run_id, sequence, command_id, target_scope, outcome
FROM commands
WHERE
    namespace = :namespace AND workflow_id = :workflow_id AND type = :type
    AND target_name = :target_name AND request_id = :request_id AND status = 'accepted'
    AND EXISTS (
        SELECT 1 FROM runs AS r
        WHERE r.run_id = commands.run_id AND r.namespace = commands.namespace
    )
ORDER BY sequence
LIMIT 1;

-- start_of_key: the start that a caller sent under this idempotency key, accepted or refused.
SELECT
    command_id, workflow_id, run_id, sequence, type, target_name, target_scope, status, outcome,
    rejection_reason, request_id, context, created_at, payload
FROM commands
WHERE
    namespace = :namespace AND workflow_id = :workflow_id AND type = 'start'
    AND target_name IS NULL AND request_id = :request_id
ORDER BY sequence
LIMIT 1;

-- insert_command: a command of a caller, carried out or refused.
INSERT INTO commands (
    command_id, namespace, workflow_id, run_id, sequence, type, target_name, target_scope, status,
    outcome, rejection_reason, request_id, context, created_at, payload
)
VALUES (
    :command_id, :namespace, :workflow_id, :run_id, :sequence, :type, :target_name, :target_scope,
    :status, :outcome, :rejection_reason, :request_id, :context, :created_at,
    :payload
);

-- context_of_command: who asked for the command about a run that has this number.
SELECT context
FROM commands
WHERE run_id = :run_id AND sequence = :sequence;

-- commands_of_run: the commands about a run behind number :after, in order, at most :most.
SELECT
    command_id, workflow_id, run_id, sequence, type, target_name, target_scope, status, outcome,
    rejection_reason, request_id, context, created_at, payload
FROM commands
WHERE run_id = :run_id AND sequence > :after
ORDER BY sequence
LIMIT :most;
