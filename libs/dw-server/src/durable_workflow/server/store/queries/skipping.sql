-- standing: what falls due first where nothing is set aside, whether a task is leased, and the newest
-- tasks that are ready now.
SELECT
    {first_due_times},
    EXISTS (SELECT 1 FROM runs WHERE task_status = 'leased')
        OR EXISTS (SELECT 1 FROM activities WHERE task_status = 'leased') AS leased,
    (SELECT max(task_id) FROM runs WHERE task_status = 'ready' AND task_available_at <= :now)
        AS workflow_task,
    (SELECT max(task_id) FROM activities WHERE task_status = 'ready' AND available_at <= :now)
        AS activity_task;

-- shift_workers: time was skipped, and every worker was heard as lately as before.
UPDATE workers
SET
    heartbeat_at = heartbeat_at + :by, seen_at = seen_at + :by, due_at = due_at + :by,
    challenged_at = challenged_at + :by, left_at = left_at + :by,
    next_due_at = next_due_at + :by;
