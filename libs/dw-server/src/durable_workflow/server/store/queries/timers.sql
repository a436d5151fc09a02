-- {timer_columns}: the columns of a timer.
    timer_id, run_id, sequence, delay, fire_at, wait_id, status;

-- insert_timer: a pending timer.
INSERT INTO timers ({timer_columns})
VALUES ({:timer_columns});

-- save_timer: whether a timer is pending, fired or cancelled.
UPDATE timers SET status = :status WHERE timer_id = :timer_id;

-- open_timers: the pending timers of a run, in order.
SELECT {timer_columns}
FROM timers
WHERE run_id = :run_id AND status = 'pending'
ORDER BY sequence;

-- runs_of_due_timers: the runs of the timers that should fire, in the order in which they should have.
SELECT run_id
FROM timers
WHERE
    status = 'pending'
    AND fire_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE source = 'timer' AND item = timers.timer_id AND until > :now
    )
ORDER BY fire_at, timer_id
LIMIT :most;

-- due_timers: the timers of a run that should fire, in the order in which they should have.
SELECT {timer_columns}
FROM timers
WHERE
    run_id = :run_id
    AND status = 'pending'
    AND fire_at <= :now
    AND NOT EXISTS (
        SELECT 1
        FROM set_aside
        WHERE source = 'timer' AND item = timers.timer_id AND until > :now
    )
ORDER BY fire_at, timer_id
LIMIT :most;

-- batch_members: the blocking steps of a run from :first on, as a worker would name them.
SELECT sequence, 'activity' AS kind, activity_type AS name
FROM activities
WHERE run_id = :run_id AND sequence >= :first
UNION ALL
SELECT sequence, 'timer' AS kind, '' AS name
FROM timers
WHERE run_id = :run_id AND sequence >= :first AND wait_id IS NULL
UNION ALL
SELECT sequence, 'child workflow' AS kind, child_type AS name
FROM child_links
WHERE run_id = :run_id AND sequence >= :first
ORDER BY sequence;
