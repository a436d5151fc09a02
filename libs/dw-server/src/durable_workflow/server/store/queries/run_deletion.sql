-- Everything that belongs to a run, by its id. What there may be much of is deleted in pieces of at
-- most :most rows, and each statement returns a row for each one that it deleted. Where lengths are
-- summed they are read beside the key: of a large value itself all pages would be read.

-- remove_run: nobody finds the run any more. Its id stands in for the workflow's, which is free.
UPDATE runs
SET
    removed_from = namespace, namespace = '', workflow_id = run_id,
    due_at = NULL, task_id = NULL, task_status = NULL
WHERE run_id = :run_id;

-- removed_runs: runs that nobody finds any more and whose rows are to be deleted.
SELECT run_id FROM runs WHERE namespace = '' LIMIT :most;

-- newest_run_of_instance: the run of a workflow id that began last. One row or none.
SELECT run_id
FROM runs
WHERE namespace = :namespace AND workflow_id = :workflow_id
ORDER BY run_number DESC
LIMIT 1;

-- repoint_instance: the current run of a workflow id is another one of its runs.
UPDATE workflow_instances
SET current_run_id = :current_run_id
WHERE namespace = :namespace AND workflow_id = :workflow_id;

-- delete_instance: a workflow id that has no runs is free.
DELETE FROM workflow_instances WHERE namespace = :namespace AND workflow_id = :workflow_id;

-- expired_runs: the runs of a namespace that closed before :cutoff and are not archived, oldest first.
SELECT run_id
FROM runs
WHERE namespace = :namespace AND closed_at < :cutoff AND archived_at IS NULL
ORDER BY closed_at, started_at, run_id
LIMIT :most;

-- expired_runs_without_payloads: likewise, those that refer to no payload that is kept elsewhere.
SELECT run_id
FROM runs
WHERE
    namespace = :namespace AND closed_at < :cutoff AND archived_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM external_payloads WHERE holder = runs.run_id)
ORDER BY closed_at, started_at, run_id
LIMIT :most;

-- delete_run: the row itself.
DELETE FROM runs WHERE run_id = :run_id
RETURNING 1;

-- delete_run_details: its cold half.
DELETE FROM run_details WHERE run_id = :run_id
RETURNING 1;

-- delete_run_history: its first events, up to so many bytes.
DELETE FROM history
WHERE run_id = :run_id AND sequence IN (
    SELECT sequence
    FROM (
        SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before
        FROM (
            SELECT sequence, octet_length(record) AS bytes
            FROM history
            WHERE run_id = :run_id
            ORDER BY sequence
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING events;

-- delete_run_closed_history: likewise, of what was packed when it closed, up to so many bytes.
DELETE FROM closed_history
WHERE run_id = :run_id AND sequence IN (
    SELECT sequence
    FROM (
        SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before
        FROM (
            SELECT sequence, octet_length(record) AS bytes
            FROM closed_history
            WHERE run_id = :run_id
            ORDER BY sequence
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING events;

-- delete_run_past_tasks: its workflow tasks that are over.
DELETE FROM past_workflow_tasks
WHERE run_id = :run_id AND task_id IN (
    SELECT task_id FROM past_workflow_tasks WHERE run_id = :run_id LIMIT :most
)
RETURNING 1;

-- delete_run_activities: its activities, and the workflow tasks that were decided with their results.
DELETE FROM activities
WHERE run_id = :run_id AND sequence IN (
    SELECT sequence FROM activities WHERE run_id = :run_id ORDER BY sequence LIMIT :most
)
RETURNING 1, CASE WHEN task_status = 'decided' THEN 1 ELSE 0 END;

-- delete_run_activity_arguments: what the first of them were called with, up to so many bytes.
DELETE FROM activity_arguments
WHERE run_id = :run_id AND sequence IN (
    SELECT sequence
    FROM (
        SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before
        FROM (
            SELECT sequence, coalesce(octet_length(arguments), 0) AS bytes
            FROM activity_arguments
            WHERE run_id = :run_id
            ORDER BY sequence
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING 1;

-- delete_run_large_strings: the large strings that its rows referred to, up to so many bytes.
DELETE FROM large_strings
WHERE run_id = :run_id AND digest IN (
    SELECT digest
    FROM (
        SELECT digest, sum(bytes) OVER (ORDER BY digest) - bytes AS before
        FROM (
            SELECT digest, octet_length(string) AS bytes
            FROM large_strings
            WHERE run_id = :run_id
            ORDER BY digest
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING 1;

-- delete_run_past_attempts: their superseded attempts.
DELETE FROM past_attempts
WHERE run_id = :run_id AND attempt_id IN (
    SELECT attempt_id FROM past_attempts WHERE run_id = :run_id LIMIT :most
)
RETURNING 1;

-- delete_run_timers: its timers.
DELETE FROM timers
WHERE run_id = :run_id AND timer_id IN (
    SELECT timer_id FROM timers WHERE run_id = :run_id LIMIT :most
)
RETURNING 1;

-- delete_run_child_links: its links to children.
DELETE FROM child_links
WHERE run_id = :run_id AND link_id IN (
    SELECT link_id FROM child_links WHERE run_id = :run_id LIMIT :most
)
RETURNING 1;

-- delete_run_updates: its updates, up to so many bytes.
DELETE FROM updates
WHERE run_id = :run_id AND update_id IN (
    SELECT update_id
    FROM (
        SELECT update_id, sum(bytes) OVER (ORDER BY update_id) - bytes AS before
        FROM (
            SELECT
                update_id,
                coalesce(octet_length(arguments), 0) + coalesce(octet_length(result), 0) AS bytes
            FROM updates
            WHERE run_id = :run_id
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING 1;

-- delete_run_buffered_events: the events that wait for a completion, up to so many bytes.
DELETE FROM buffered_events
WHERE run_id = :run_id AND position IN (
    SELECT position
    FROM (
        SELECT position, sum(bytes) OVER (ORDER BY position) - bytes AS before
        FROM (
            SELECT position, octet_length(payload) AS bytes
            FROM buffered_events
            WHERE run_id = :run_id
            ORDER BY position
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING 1;

-- delete_run_held_results: the results that wait for their batch, up to so many bytes.
DELETE FROM held_results
WHERE run_id = :run_id AND sequence IN (
    SELECT sequence
    FROM (
        SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before
        FROM (
            SELECT sequence, octet_length(payload) AS bytes
            FROM held_results
            WHERE run_id = :run_id
            ORDER BY sequence
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING 1;

-- delete_run_commands: the commands of callers to it, up to so many bytes.
DELETE FROM commands
WHERE run_id = :run_id AND sequence IN (
    SELECT sequence
    FROM (
        SELECT sequence, sum(bytes) OVER (ORDER BY sequence) - bytes AS before
        FROM (
            SELECT sequence, coalesce(octet_length(payload), 0) AS bytes
            FROM commands
            WHERE run_id = :run_id
            ORDER BY sequence
            LIMIT :most
        ) AS first_ones
    ) AS sized
    WHERE before < :most_bytes
)
RETURNING 1;

-- delete_run_set_aside: what of it was set aside.
DELETE FROM set_aside
WHERE run_id = :run_id AND item IN (
    SELECT item FROM set_aside WHERE run_id = :run_id LIMIT :most
)
RETURNING 1;

-- free_space: how many pages of the file hold nothing. Zero where the database sees to that itself.
{free_pages};

-- release_space: give some pages that hold nothing back to the system.
{release_pages};
