-- waiting_workflow_tasks: by queue of a namespace: how many workflow tasks could be taken now, how
-- many rest, and since when the oldest of the former could be taken.
SELECT
    task_queue,
    sum(CASE WHEN task_available_at <= :now THEN 1 ELSE 0 END) AS ready,
    sum(CASE WHEN task_available_at > :now THEN 1 ELSE 0 END) AS resting,
    min(CASE WHEN task_available_at <= :now THEN task_available_at END) AS oldest
FROM runs
WHERE namespace = :namespace AND task_status = 'ready'
GROUP BY task_queue;

-- waiting_activity_tasks: by queue of a namespace: how many activity tasks could be taken now, how
-- many rest, and since when the oldest of the former could be taken.
SELECT
    task_queue,
    sum(CASE WHEN available_at <= :now THEN 1 ELSE 0 END) AS ready,
    sum(CASE WHEN available_at > :now THEN 1 ELSE 0 END) AS resting,
    min(CASE WHEN available_at <= :now THEN available_at END) AS oldest
FROM activities
WHERE namespace = :namespace AND task_status = 'ready'
GROUP BY task_queue;

-- count_leased_workflow_tasks: how many workflow tasks of a namespace workers have.
SELECT count(*) AS leases FROM runs WHERE namespace = :namespace AND task_status = 'leased';

-- count_leased_activity_tasks: how many activity tasks of a namespace workers have.
SELECT count(*) AS leases FROM activities WHERE namespace = :namespace AND task_status = 'leased';

-- count_set_aside: how many items that fell due could not be handled.
SELECT count(*) AS items FROM set_aside WHERE until > :now;

-- count_namespaces: how many namespaces are served.
SELECT count(*) AS namespaces FROM namespaces WHERE status = 'active';

-- oldest_namespaces: the names of those that are served, :most at most.
SELECT name FROM namespaces WHERE status = 'active' ORDER BY created_at, name LIMIT :most;
