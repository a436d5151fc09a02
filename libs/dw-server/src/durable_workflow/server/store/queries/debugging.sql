-- recent_events: the newest records of a run behind :after whose type is among :types, newest first.
-- :types is a JSON list.
SELECT record
FROM history
WHERE
    run_id = :run_id
    AND sequence > :after
    AND event_type IN (SELECT value FROM json_each(:types))
ORDER BY sequence DESC
LIMIT :most;

-- first_open_activities: the first activities of a run that have no outcome, in order.
SELECT
    execution_id, run_id, namespace, sequence, activity_type, task_queue, priority, codec,
    policy, scheduled_at, status, attempt_count, task_id, task_status, available_at, attempt_id,
    lease_owner, lease_expires_at, poll_request_id, started_at, last_heartbeat_at, progress,
    schedule_to_start_at, schedule_to_close_at, start_to_close_at, heartbeat_at, closed_at,
    due_at
FROM activities
WHERE run_id = :run_id AND closed_at IS NULL
ORDER BY sequence
LIMIT :most;

-- next_timer: the pending timer of a run that fires first. One row or none.
SELECT
    timer_id, run_id, sequence, delay, fire_at, wait_id, status
FROM timers
WHERE run_id = :run_id AND status = 'pending'
ORDER BY fire_at, timer_id
LIMIT 1;
