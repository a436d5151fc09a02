-- {run_columns}: the columns of a run, in the order of its fields.
    run_id, namespace, workflow_id, run_number, workflow_type, task_queue, compatibility, codec,
    priority, fairness_key, fairness_weight, started_at, execution_timeout_seconds,
    run_timeout_seconds, execution_deadline, run_deadline, parent_run_id, parent_sequence,
    link_id, connection, schedule_id, status, closed_reason, closed_at, last_progress_at,
    continued_to_run_id, last_sequence, history_bytes, warned, tasks_completed, batch_first,
    batch_size, batch_open, blocked_on, pending_activities, pending_timers, pending_children, pending_signals,
    pending_updates, wait_id, wait_key, wait_fingerprint, wait_sequence, wait_timeout,
    wait_timer_id, wait_fire_at, buffered, holds, task_id, task_status, task_attempt,
    task_available_at, task_ordinary, updates_wait, task_update_id, task_context, task_failures,
    task_error, task_error_type, lease_owner, leased_at, lease_expires_at, claimed_sequence,
    poll_request_id, sticky_worker, sticky_sequence, sticky_until, due_at, lease_session,
    archived_at, lease_claim;

-- {run_details_columns}: the columns of the cold half of a run.
    run_id, arguments, business_key, memo, search_attributes, output, failure,
    continued_from_run_id, archive;

-- insert_run: a new run.
INSERT INTO runs ({run_columns})
VALUES ({:run_columns});

-- close_run: how a run ended, and whether it was archived since. What changes only here is not in save_run, so that the indexes over it
-- are not written with each step of a run.
UPDATE runs
SET
    status = :status, closed_reason = :closed_reason, closed_at = :closed_at,
    continued_to_run_id = :continued_to_run_id, archived_at = :archived_at
WHERE run_id = :run_id;

-- save_run: everything of a run that may change while it is open.
UPDATE runs
SET
    last_progress_at = :last_progress_at, last_sequence = :last_sequence, history_bytes = :history_bytes, warned = :warned,
    tasks_completed = :tasks_completed, batch_first = :batch_first, batch_size = :batch_size,
    batch_open = :batch_open, blocked_on = :blocked_on,
    pending_activities = :pending_activities, pending_timers = :pending_timers,
    pending_children = :pending_children, pending_signals = :pending_signals,
    pending_updates = :pending_updates, wait_id = :wait_id, wait_key = :wait_key,
    wait_fingerprint = :wait_fingerprint, wait_sequence = :wait_sequence,
    wait_timeout = :wait_timeout, wait_timer_id = :wait_timer_id, wait_fire_at = :wait_fire_at,
    buffered = :buffered, holds = :holds, task_id = :task_id, task_status = :task_status,
    task_attempt = :task_attempt, task_available_at = :task_available_at,
    task_ordinary = :task_ordinary, updates_wait = :updates_wait,
    task_update_id = :task_update_id,
    task_context = :task_context, task_failures = :task_failures, task_error = :task_error,
    task_error_type = :task_error_type, lease_owner = :lease_owner, leased_at = :leased_at,
    lease_expires_at = :lease_expires_at, claimed_sequence = :claimed_sequence,
    poll_request_id = :poll_request_id, sticky_worker = :sticky_worker,
    sticky_sequence = :sticky_sequence, sticky_until = :sticky_until, due_at = :due_at,
    lease_session = :lease_session, lease_claim = :lease_claim
WHERE run_id = :run_id;

-- run_by_id [lock]: one run.
SELECT {run_columns}
FROM runs
WHERE run_id = :run_id
{lock};

-- run_by_task [lock]: the run whose open workflow task this is.
SELECT {run_columns}
FROM runs
WHERE task_id = :task_id AND namespace = :namespace
{lock};

-- run_of_past_task: the run of a workflow task that is over, with how that task ended. One that was
-- decided with the result before it is found by the task of its activity, :of_activity.
SELECT
    p.status, p.run_id
FROM past_workflow_tasks AS p
INNER JOIN runs AS r ON p.run_id = r.run_id
WHERE p.task_id = :task_id AND r.namespace = :namespace
UNION ALL
SELECT
    'completed', a.run_id
FROM activities AS a
INNER JOIN runs AS r ON a.run_id = r.run_id
WHERE a.task_id = :of_activity AND a.task_status = 'decided' AND r.namespace = :namespace;

-- insert_past_task: a workflow task that is over. Its run says of which namespace it is.
INSERT INTO past_workflow_tasks (
    task_id, run_id, namespace, status, closed_at, lease_owner, lease_session, attempt, waited, held
)
VALUES (
    :task_id, :run_id, '', :status, :closed_at, :lease_owner, :lease_session, :attempt,
    :waited, :held
);

-- past_tasks_of_run: the workflow tasks of a run that are over, behind :after, in the order in which
-- they were made, at most :most.
SELECT
    task_id, run_id, status, closed_at, lease_owner, lease_session, attempt, waited, held
FROM past_workflow_tasks
WHERE run_id = :run_id AND task_id > :after
ORDER BY task_id
LIMIT :most;

-- reported_workflow_task: whether a session has reported this attempt of a workflow task, which ended
-- with the report. Of those that were decided with a result each had one attempt.
SELECT 1
FROM past_workflow_tasks AS p
INNER JOIN runs AS r ON p.run_id = r.run_id
WHERE
    p.task_id = :task_id AND r.namespace = :namespace AND p.status = 'completed'
    AND p.lease_owner = :worker_id AND coalesce(p.lease_session, '') IN (:session, :kept_session)
    AND p.attempt = :attempt
UNION ALL
SELECT 1
FROM activities AS a
INNER JOIN runs AS r ON a.run_id = r.run_id
WHERE
    a.task_id = :of_activity AND a.task_status = 'decided' AND r.namespace = :namespace
    AND a.lease_owner = :worker_id AND coalesce(a.lease_session, '') IN (:session, :kept_session)
    AND :attempt = 1;

-- claimable_run [take]: the runs of a fairness class whose ready task a worker should get next.
-- :types is a JSON list of types, '[]' for any. A task that is offered to a sticky worker
-- is nobody else's until :now has passed the offer, while that worker lives and is not among :busy.
SELECT {run_columns}
FROM runs
WHERE
    namespace = :namespace
    AND task_queue = :task_queue
    AND task_status = 'ready'
    AND priority = :priority
    AND coalesce(fairness_key, '') = :class
    AND task_available_at <= :now
    AND (compatibility IS NULL OR compatibility = :build_id)
    AND (:types = '[]' OR workflow_type IN ({listed_types}))
    AND (
        sticky_until <= :now
        OR sticky_worker = :worker_id
        OR sticky_worker IN ({listed_busy})
        OR NOT EXISTS (
            SELECT 1 FROM workers AS keeper
            WHERE
                keeper.namespace = runs.namespace
                AND keeper.worker_id = runs.sticky_worker
                AND keeper.due_at > :now
                AND keeper.left_at IS NULL
                AND keeper.draining = 0
        )
    )
ORDER BY task_available_at, task_id
LIMIT :most
{skip};

-- run_claimed_by_request [lock]: the run whose task was handed out to this poll before.
SELECT {run_columns}
FROM runs
WHERE
    lease_owner = :worker_id
    AND task_status = 'leased'
    AND poll_request_id = :poll_request_id
    AND lease_expires_at > :now
    AND namespace = :namespace
    AND task_queue = :task_queue
LIMIT 1
{lock};

-- answered_workflow_polls: the polls of a worker that were handed tasks which it still holds.
SELECT poll_request_id
FROM runs
WHERE
    namespace = :namespace AND lease_owner = :worker_id AND task_status = 'leased'
    AND poll_request_id IS NOT NULL;

-- runs_leased_to: the runs whose workflow task this session of a worker holds.
SELECT run_id
FROM runs
WHERE
    lease_owner = :worker_id AND task_status = 'leased' AND namespace = :namespace
    AND coalesce(lease_session, '') = :session;

-- runs_kept_for: how many ready workflow tasks of a queue are held back for a worker.
SELECT count(*)
FROM runs
WHERE
    namespace = :namespace AND task_queue = :task_queue AND task_status = 'ready'
    AND sticky_worker = :worker_id AND sticky_until > :now AND task_available_at <= :now;

-- due_runs: the runs that need the clock, most overdue first.
SELECT run_id
FROM runs
WHERE
    due_at IS NOT NULL
    AND due_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE source = 'run' AND item = runs.run_id AND until > :now
    )
ORDER BY due_at
LIMIT :most;

-- insert_run_details: the cold half of a new run.
INSERT INTO run_details ({run_details_columns}, folded)
VALUES ({:run_details_columns}, :folded);

-- run_details: the cold half of a run.
SELECT {run_details_columns}
FROM run_details
WHERE run_id = :run_id;

-- run_arguments: what the run was started with.
SELECT arguments FROM run_details WHERE run_id = :run_id;

-- save_search_attributes: the merged attributes of a run.
UPDATE run_details SET search_attributes = :search_attributes WHERE run_id = :run_id;

-- save_run_outcome: how a run ended.
UPDATE run_details SET output = :output, failure = :failure WHERE run_id = :run_id;

-- save_archive: who archived a run, and why.
UPDATE run_details SET archive = :archive WHERE run_id = :run_id;

-- insert_instance: a workflow id that is used for the first time.
INSERT INTO workflow_instances (
    namespace, workflow_id, workflow_type, current_run_id, run_count, command_sequence, created_at
)
VALUES (
    :namespace, :workflow_id, :workflow_type, :current_run_id, 1, :command_sequence, :created_at
);

-- instance [lock]: what is known of a workflow id.
SELECT
    workflow_type, current_run_id, run_count, command_sequence
FROM workflow_instances
WHERE namespace = :namespace AND workflow_id = :workflow_id
{lock};

-- point_instance: a further run of the id is the current one.
UPDATE workflow_instances
SET current_run_id = :current_run_id, run_count = run_count + 1
WHERE namespace = :namespace AND workflow_id = :workflow_id;

-- count_command: one more command to the id.
UPDATE workflow_instances
SET command_sequence = command_sequence + 1
WHERE namespace = :namespace AND workflow_id = :workflow_id;

-- retype_instance: the id was taken over by another workflow type.
UPDATE workflow_instances
SET workflow_type = :workflow_type
WHERE namespace = :namespace AND workflow_id = :workflow_id;

-- listed_runs: runs as lists show them; :run_ids is a JSON list of ids.
SELECT
    r.workflow_id, r.run_id, r.workflow_type, d.business_key, r.task_queue, r.status,
    r.tasks_completed, r.task_status, r.started_at, r.closed_at, d.search_attributes
FROM runs AS r
INNER JOIN run_details AS d ON r.run_id = d.run_id
WHERE r.run_id IN ({listed_run_ids})
ORDER BY r.started_at DESC, r.run_id DESC;

-- runs_of_instance: all runs of a workflow id, first run first.
SELECT
    r.run_id, r.run_number, r.workflow_type, d.business_key, r.task_queue, r.status,
    r.tasks_completed, r.task_status, r.started_at, r.closed_at
FROM runs AS r
INNER JOIN run_details AS d ON r.run_id = d.run_id
WHERE r.namespace = :namespace AND r.workflow_id = :workflow_id
ORDER BY r.run_number;
