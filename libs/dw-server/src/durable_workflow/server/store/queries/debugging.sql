-- recent_events: the newest records of a run behind :after whose type is among :types, newest first.
-- :types is a JSON list.
SELECT record
FROM history
WHERE
    run_id = :run_id
    AND sequence > :after
    AND event_type IN ({listed_types})
ORDER BY sequence DESC
LIMIT :most;

-- first_open_activities: the first activities of a run that have no outcome, in order.
SELECT {activity_columns}
FROM activities
WHERE run_id = :run_id AND closed_at IS NULL
ORDER BY sequence
LIMIT :most;

-- next_timer: the pending timer of a run that fires first. One row or none.
SELECT {timer_columns}
FROM timers
WHERE run_id = :run_id AND status = 'pending'
ORDER BY fire_at, timer_id
LIMIT 1;
