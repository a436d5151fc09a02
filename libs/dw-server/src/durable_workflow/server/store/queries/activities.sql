-- {activity_columns}: the columns of an activity, in the order of its fields.
    execution_id, run_id, namespace, sequence, activity_type, task_queue, priority, codec,
    policy, scheduled_at, connection, fairness_key, fairness_weight, arguments, status, attempt_count, task_id, task_status, available_at, attempt_id,
    lease_owner, lease_expires_at, poll_request_id, started_at, last_heartbeat_at, progress,
    schedule_to_start_at, schedule_to_close_at, start_to_close_at, heartbeat_at, closed_at,
    due_at, lease_session, redeliveries, redelivered;

-- {attempt_columns}: the columns of an attempt that was superseded.
    attempt_id, task_id, execution_id, run_id, attempt_number, status, lease_owner, closed_at;

-- insert_activity: a scheduled activity with its ready task.
INSERT INTO activities ({activity_columns})
VALUES ({:activity_columns});

-- insert_activity_arguments: what the activity is called with, where its row does not say.
INSERT INTO activity_arguments (run_id, sequence, arguments, activity_class)
VALUES (:run_id, :sequence, :arguments, :activity_class);

-- activity_arguments: what the activity is called with, where its row does not say.
SELECT arguments FROM activity_arguments WHERE run_id = :run_id AND sequence = :sequence;

-- save_activity: everything of an activity that may change.
UPDATE activities
SET
    status = :status, attempt_count = :attempt_count, task_id = :task_id,
    task_status = :task_status, available_at = :available_at, attempt_id = :attempt_id,
    lease_owner = :lease_owner, lease_expires_at = :lease_expires_at,
    poll_request_id = :poll_request_id, started_at = :started_at,
    last_heartbeat_at = :last_heartbeat_at, progress = :progress,
    schedule_to_start_at = :schedule_to_start_at, schedule_to_close_at = :schedule_to_close_at,
    start_to_close_at = :start_to_close_at, heartbeat_at = :heartbeat_at,
    closed_at = :closed_at, due_at = :due_at, lease_session = :lease_session,
    redeliveries = :redeliveries, redelivered = :redelivered
WHERE run_id = :run_id AND sequence = :sequence;

-- activity_by_task: the activity whose current task this is.
SELECT {activity_columns}
FROM activities
WHERE task_id = :task_id AND namespace = :namespace;

-- activity_of_step: the activity that is a step of a run, and what its starter calls its class.
SELECT
    {activity_columns},
    (
        SELECT a.activity_class FROM activity_arguments AS a
        WHERE a.run_id = activities.run_id AND a.sequence = activities.sequence
    )
FROM activities
WHERE run_id = :run_id AND sequence = :sequence;

-- run_of_activity_task: the run of the activity whose current task this is.
SELECT run_id
FROM activities
WHERE task_id = :task_id AND namespace = :namespace;

-- current_attempt: whether this is the current attempt of some activity of a run.
SELECT 1
FROM activities
WHERE run_id = :run_id AND attempt_id = :attempt_id
LIMIT 1;

-- insert_attempt: an attempt that was superseded.
INSERT INTO past_attempts ({attempt_columns})
VALUES ({:attempt_columns});

-- reported_attempt: whether an attempt ended with its worker's report. One that failed at or after a
-- deadline or the end of its lease may have timed out, and does not count.
SELECT 1
FROM activities
WHERE
    task_id = :task_id AND attempt_id = :attempt_id AND namespace = :namespace
    AND lease_owner = :worker_id
    AND EXISTS (
        SELECT 1 FROM runs AS r
        WHERE r.run_id = activities.run_id AND r.namespace = activities.namespace
    )
    AND (
        status = 'completed'
        OR (
            status = 'failed'
            AND closed_at < coalesce(lease_expires_at, closed_at)
            AND closed_at < coalesce(start_to_close_at, closed_at + 1)
            AND closed_at < coalesce(heartbeat_at, closed_at + 1)
            AND closed_at < coalesce(schedule_to_close_at, closed_at + 1)
        )
    )
UNION ALL
SELECT 1
FROM past_attempts AS p
INNER JOIN runs AS r ON p.run_id = r.run_id
WHERE
    p.attempt_id = :attempt_id AND r.namespace = :namespace AND p.lease_owner = :worker_id
    AND p.status = 'failed'
LIMIT 1;

-- past_attempt: a superseded attempt in a namespace.
SELECT {attempt_columns}
FROM past_attempts
WHERE
    attempt_id = :attempt_id
    AND :namespace = (SELECT r.namespace FROM runs AS r WHERE r.run_id = past_attempts.run_id);

-- run_of_past_activity_task: the run of a task whose attempt was superseded.
SELECT r.run_id
FROM past_attempts AS p
INNER JOIN runs AS r ON p.run_id = r.run_id
WHERE p.task_id = :task_id AND r.namespace = :namespace
LIMIT 1;

-- claimable_activity [take]: the activities of a fairness class whose ready task a worker should get
-- next.
-- :types is a JSON list of types, '[]' for any.
SELECT {activity_columns}
FROM activities
WHERE
    namespace = :namespace
    AND task_queue = :task_queue
    AND task_status = 'ready'
    AND priority = :priority
    AND coalesce(fairness_key, '') = :class
    AND available_at <= :now
    AND (:types = '[]' OR activity_type IN ({listed_types}))
ORDER BY available_at, task_id
LIMIT :most
{skip};

-- activity_claimed_by_request: the activity whose task was handed out to this poll before.
SELECT {activity_columns}
FROM activities
WHERE
    lease_owner = :worker_id
    AND task_status = 'leased'
    AND poll_request_id = :poll_request_id
    AND lease_expires_at > :now
    AND namespace = :namespace
    AND task_queue = :task_queue
LIMIT 1;

-- answered_activity_polls: the polls of a worker that were handed tasks which it still holds.
SELECT poll_request_id
FROM activities
WHERE
    namespace = :namespace AND lease_owner = :worker_id AND task_status = 'leased'
    AND poll_request_id IS NOT NULL;

-- activities_leased_to: the activities whose task this session of a worker holds.
SELECT {activity_columns}
FROM activities
WHERE
    lease_owner = :worker_id AND task_status = 'leased' AND namespace = :namespace
    AND coalesce(lease_session, '') = :session;

-- open_activities: the activities of a run that have no outcome, in order.
SELECT {activity_columns}
FROM activities
WHERE run_id = :run_id AND closed_at IS NULL
ORDER BY sequence;

-- runs_of_due_activities: the runs of the activities that need the clock, most overdue first.
SELECT run_id
FROM activities
WHERE
    due_at IS NOT NULL
    AND due_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE source = 'activity' AND item = activities.execution_id AND until > :now
    )
ORDER BY due_at
LIMIT :most;

-- due_activities: the activities of a run that need the clock, most overdue first.
SELECT {activity_columns}
FROM activities
WHERE
    run_id = :run_id
    AND due_at IS NOT NULL
    AND due_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE source = 'activity' AND item = activities.execution_id AND until > :now
    )
ORDER BY due_at
LIMIT :most;

-- activities_of_run: the activities of a run behind workflow sequence :after, in order, at most :most.
SELECT {activity_columns}
FROM activities
WHERE run_id = :run_id AND sequence > :after
ORDER BY sequence
LIMIT :most;

-- past_attempts_of: the superseded attempts of some activities of a run, oldest first.
-- :execution_ids is a JSON list of ids.
SELECT {attempt_columns}
FROM past_attempts
WHERE run_id = :run_id AND execution_id IN ({listed_execution_ids})
ORDER BY closed_at, attempt_number;
