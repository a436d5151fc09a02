-- Upkeep by operators: what has stopped, and figures of a namespace.

-- repair_candidates: what of a namespace should have gone on by now, and due work that is set aside, the
-- oldest first. A deadline that passed counts before a lease. The namespace is said so that no index
-- of it fits: little is due, and the index of that finds it.
SELECT kind, item, run_id, task_queue, compatibility, connection, since
FROM (
    SELECT
        CASE
            WHEN
                coalesce(execution_deadline, :now + 1) <= :now
                OR coalesce(run_deadline, :now + 1) <= :now
                THEN 'deadline'
            ELSE 'task'
        END AS kind,
        coalesce(task_id, run_id) AS item, run_id, task_queue, compatibility, connection,
        due_at AS since
    FROM runs
    WHERE due_at IS NOT NULL AND due_at <= :now AND namespace || '' = :namespace
    UNION ALL
    SELECT
        CASE WHEN {activity_is_overdue} THEN 'timeout' ELSE 'task' END AS kind,
        task_id AS item, run_id, task_queue, NULL AS compatibility, connection, due_at AS since
    FROM activities
    WHERE due_at IS NOT NULL AND due_at <= :now AND namespace = :namespace
    UNION ALL
    SELECT
        'task' AS kind, s.item, s.run_id, r.task_queue, r.compatibility, r.connection,
        s.until AS since
    FROM set_aside AS s
    INNER JOIN runs AS r ON s.run_id = r.run_id
    WHERE s.until > :now AND r.namespace || '' = :namespace
) AS candidate
ORDER BY since, item
LIMIT :most;

-- {activity_is_overdue}: a deadline of an open activity has passed by :now.
    closed_at IS NULL
    AND (
        coalesce(schedule_to_close_at, :now + 1) <= :now
        OR (status = 'pending' AND coalesce(schedule_to_start_at, :now + 1) <= :now)
        OR (
            status = 'running'
            AND (
                coalesce(start_to_close_at, :now + 1) <= :now
                OR coalesce(heartbeat_at, :now + 1) <= :now
            )
        )
    );

-- overdue_activities: the activities of a namespace of which a deadline has passed, the oldest first.
SELECT {activity_columns}
FROM activities
WHERE due_at IS NOT NULL AND due_at <= :now AND namespace = :namespace AND {activity_is_overdue}
ORDER BY due_at
LIMIT :most;

-- open_activities_by_execution: those of some activities of a namespace that have a task.
-- :execution_ids is a JSON list of ids.
SELECT {activity_columns}
FROM activities
WHERE
    namespace = :namespace AND task_status = 'ready'
    AND execution_id IN ({listed_execution_ids})
UNION ALL
SELECT {activity_columns}
FROM activities
WHERE
    namespace = :namespace AND task_status = 'leased'
    AND execution_id IN ({listed_execution_ids});

-- {open_workflow_tasks}: each by the index of its state.
    SELECT
        workflow_type, task_status, task_available_at, lease_expires_at, task_failures
    FROM runs
    WHERE namespace = :namespace AND task_status = 'ready'
    UNION ALL
    SELECT
        workflow_type, task_status, task_available_at, lease_expires_at, task_failures
    FROM runs
    WHERE namespace = :namespace AND task_status = 'leased';

-- failing_workflow_types: the types whose workflow tasks have failed in a row, those that failed most
-- often first.
SELECT workflow_type, max(task_failures) AS failures, count(*) AS tasks
FROM ({open_workflow_tasks}) AS task
WHERE task_failures > 0
GROUP BY workflow_type
ORDER BY failures DESC, workflow_type;

-- runs_by_status_counts: how many runs of a namespace have each status, and the oldest of each.
SELECT status, count(*) AS runs, min(started_at) AS oldest
FROM runs
WHERE namespace = :namespace
GROUP BY status;

-- open_run_figures: of the open runs of a namespace: how many wait, begin, and have long histories.
SELECT
    count(*) AS open_runs,
    coalesce(sum(CASE WHEN task_status IS NULL THEN 1 ELSE 0 END), 0) AS waiting,
    min(CASE WHEN task_status IS NULL THEN last_progress_at END) AS oldest_wait,
    coalesce(sum(CASE WHEN tasks_completed = 0 THEN 1 ELSE 0 END), 0) AS starting,
    min(CASE WHEN tasks_completed = 0 THEN started_at END) AS oldest_start,
    coalesce(max(last_sequence), 0) AS most_events,
    coalesce(max(history_bytes), 0) AS most_bytes,
    coalesce(sum(last_sequence), 0) AS events,
    coalesce(sum(CASE WHEN warned = 1 THEN 1 ELSE 0 END), 0) AS long,
    coalesce(
        sum(CASE WHEN task_status IS NOT NULL AND task_failures > 0 THEN 1 ELSE 0 END), 0
    ) AS failing
FROM runs
WHERE namespace = :namespace AND status IN ('pending', 'running', 'waiting');

-- instance_count: the workflow ids of a namespace, each with its current run.
SELECT count(*) AS instances
FROM workflow_instances
WHERE namespace = :namespace;

-- workflow_task_figures: the open workflow tasks of a namespace.
SELECT
    coalesce(sum(CASE WHEN task_status = 'ready' THEN 1 ELSE 0 END), 0) AS ready,
    coalesce(
        sum(CASE WHEN task_status = 'ready' AND task_available_at > :now THEN 1 ELSE 0 END), 0
    ) AS delayed,
    coalesce(sum(CASE WHEN task_status = 'leased' THEN 1 ELSE 0 END), 0) AS leased,
    coalesce(
        sum(CASE WHEN task_status = 'leased' AND lease_expires_at <= :now THEN 1 ELSE 0 END), 0
    ) AS expired,
    coalesce(sum(CASE WHEN task_failures > 0 THEN 1 ELSE 0 END), 0) AS failed,
    coalesce(
        sum(
            CASE
                WHEN
                    task_failures > 0 OR (task_status = 'leased' AND lease_expires_at <= :now)
                    THEN 1
                ELSE 0
            END
        ),
        0
    ) AS unhealthy,
    min(
        CASE WHEN task_status = 'leased' AND lease_expires_at <= :now THEN lease_expires_at END
    ) AS oldest_expired,
    min(
        CASE WHEN task_status = 'ready' AND task_available_at <= :now THEN task_available_at END
    ) AS oldest_ready
FROM ({open_workflow_tasks}) AS task;

-- activity_figures: the open activities of a namespace.
SELECT
    coalesce(sum(CASE WHEN task_status = 'ready' THEN 1 ELSE 0 END), 0) AS ready,
    coalesce(
        sum(CASE WHEN task_status = 'ready' AND available_at > :now THEN 1 ELSE 0 END), 0
    ) AS delayed,
    coalesce(sum(CASE WHEN task_status = 'leased' THEN 1 ELSE 0 END), 0) AS leased,
    coalesce(
        sum(CASE WHEN task_status = 'leased' AND lease_expires_at <= :now THEN 1 ELSE 0 END), 0
    ) AS expired,
    coalesce(
        sum(CASE WHEN task_status = 'ready' AND attempt_count > 0 THEN 1 ELSE 0 END), 0
    ) AS retrying,
    coalesce(max(attempt_count), 0) AS most_attempts,
    coalesce(sum(CASE WHEN {activity_is_overdue} THEN 1 ELSE 0 END), 0) AS overdue,
    min(
        CASE WHEN task_status = 'leased' AND lease_expires_at <= :now THEN lease_expires_at END
    ) AS oldest_expired,
    min(CASE WHEN task_status = 'ready' AND available_at <= :now THEN available_at END)
        AS oldest_ready
FROM (
    SELECT
        task_status, status, closed_at, available_at, lease_expires_at, attempt_count,
        schedule_to_close_at, schedule_to_start_at, start_to_close_at, heartbeat_at
    FROM activities
    WHERE namespace = :namespace AND task_status = 'ready'
    UNION ALL
    SELECT
        task_status, status, closed_at, available_at, lease_expires_at, attempt_count,
        schedule_to_close_at, schedule_to_start_at, start_to_close_at, heartbeat_at
    FROM activities
    WHERE namespace = :namespace AND task_status = 'leased'
) AS task;

-- archived_runs: how many runs of a namespace are archived.
SELECT count(*) AS archived
FROM runs
WHERE namespace = :namespace AND archived_at IS NOT NULL;

-- schedule_figures: the schedules of a namespace that are not deleted.
SELECT
    coalesce(sum(CASE WHEN status = 'active' THEN 1 ELSE 0 END), 0) AS active,
    coalesce(sum(CASE WHEN status = 'paused' THEN 1 ELSE 0 END), 0) AS paused,
    coalesce(sum(CASE WHEN status = 'active' AND next_fire_at <= :now THEN 1 ELSE 0 END), 0)
        AS missed,
    min(CASE WHEN status = 'active' AND next_fire_at <= :now THEN next_fire_at END) AS overdue,
    coalesce(sum(fires_count), 0) AS fires,
    coalesce(sum(failures_count), 0) AS failures
FROM schedules
WHERE namespace = :namespace AND status <> 'deleted';
