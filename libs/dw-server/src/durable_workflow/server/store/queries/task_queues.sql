-- {ready_workflow_task}: a workflow task of a queue that could be taken now.
    namespace = :namespace
    AND task_queue = :task_queue
    AND task_status = 'ready'
    AND task_available_at <= :now;

-- ready_workflow_tasks: how many workflow tasks of a queue could be taken now, and how many of them
-- were there by :overdue already.
SELECT
    count(*) AS ready,
    coalesce(sum(CASE WHEN task_available_at <= :overdue THEN 1 ELSE 0 END), 0) AS overdue
FROM runs
WHERE {ready_workflow_task};

-- oldest_ready_workflow_task: the workflow task of a queue that has waited longest. One row or none.
SELECT task_id, workflow_id, run_id, task_available_at
FROM runs
WHERE {ready_workflow_task}
ORDER BY task_available_at, task_id
LIMIT 1;

-- {leased_counts}: the leases of a queue, of these the ones that ran out, and those of the namespace.
    coalesce(sum(CASE WHEN task_queue = :task_queue THEN 1 ELSE 0 END), 0) AS in_queue,
    coalesce(
        sum(CASE WHEN task_queue = :task_queue AND lease_expires_at <= :now THEN 1 ELSE 0 END), 0
    ) AS expired,
    count(*) AS in_namespace;

-- leased_workflow_tasks: how many workflow tasks are leased: in a queue, of these with a lease that
-- ran out, and in the namespace.
SELECT {leased_counts}
FROM runs
WHERE {leased_in_namespace};

-- workflow_task_leases: the leases of the workflow tasks of a queue, those that end first first.
SELECT task_id, workflow_id, run_id, lease_owner, lease_expires_at, task_attempt
FROM runs
WHERE {leased_in_namespace} AND task_queue = :task_queue
ORDER BY lease_expires_at, task_id
LIMIT :most;

-- ready_activity_tasks: how many activity tasks of a queue could be taken now, and how many of them
-- were there by :overdue already.
SELECT
    count(*) AS ready,
    coalesce(sum(CASE WHEN available_at <= :overdue THEN 1 ELSE 0 END), 0) AS overdue
FROM activities
WHERE
    namespace = :namespace
    AND task_queue = :task_queue
    AND task_status = 'ready'
    AND available_at <= :now;

-- oldest_ready_activity_task: the activity task of a queue that has waited longest. One row or none.
SELECT a.task_id, r.workflow_id, a.run_id, a.available_at
FROM activities AS a
INNER JOIN runs AS r ON a.run_id = r.run_id
WHERE
    a.namespace = :namespace
    AND a.task_queue = :task_queue
    AND a.task_status = 'ready'
    AND a.available_at <= :now
ORDER BY a.available_at, a.task_id
LIMIT 1;

-- leased_activity_tasks: how many activity tasks are leased: in a queue, of these with a lease that
-- ran out, and in the namespace.
SELECT {leased_counts}
FROM activities
WHERE {leased_in_namespace};

-- activity_task_leases: the leases of the activity tasks of a queue, those that end first first.
SELECT
    a.task_id, r.workflow_id, a.run_id, a.lease_owner, a.lease_expires_at, a.attempt_count,
    a.attempt_id
FROM activities AS a
INNER JOIN runs AS r ON a.run_id = r.run_id
WHERE a.namespace = :namespace AND a.task_queue = :task_queue AND a.task_status = 'leased'
ORDER BY a.lease_expires_at, a.task_id
LIMIT :most;
