-- {first_due_times}: when the first of each kind falls due, where nothing is set aside.
    (SELECT min(fire_at) FROM timers WHERE status = 'pending') AS timer,
    (SELECT min(due_at) FROM runs WHERE due_at IS NOT NULL) AS run,
    (SELECT min(due_at) FROM activities WHERE due_at IS NOT NULL) AS activity,
    (SELECT min(due_at) FROM workers WHERE due_at IS NOT NULL) AS worker,
    (SELECT min(due_at) FROM schedules WHERE due_at IS NOT NULL) AS schedule,
    (SELECT min(until) FROM set_aside) AS set_aside;

-- {next_due_times}: when the first of each kind falls due that is not set aside; null for never.
    (
        SELECT min(fire_at)
        FROM timers
        WHERE
            status = 'pending'
            AND NOT EXISTS (
                SELECT 1
                FROM set_aside
                WHERE source = 'timer' AND item = timers.timer_id AND until > :now
            )
    ) AS timer,
    (
        SELECT min(due_at)
        FROM runs
        WHERE
            due_at IS NOT NULL
            AND NOT EXISTS (
                SELECT 1
                FROM set_aside
                WHERE source = 'run' AND item = runs.run_id AND until > :now
            )
    ) AS run,
    (
        SELECT min(due_at)
        FROM activities
        WHERE
            due_at IS NOT NULL
            AND NOT EXISTS (
                SELECT 1
                FROM set_aside
                WHERE source = 'activity' AND item = activities.execution_id AND until > :now
            )
    ) AS activity,
    (
        SELECT min(due_at)
        FROM workers
        WHERE
            due_at IS NOT NULL
            AND NOT EXISTS (
                SELECT 1
                FROM set_aside
                WHERE
                    source = 'worker'
                    AND item = workers.namespace || '/' || workers.worker_id || '/' || workers.session
                    AND until > :now
            )
    ) AS worker,
    (
        SELECT min(due_at)
        FROM schedules
        WHERE
            due_at IS NOT NULL
            AND NOT EXISTS (
                SELECT 1
                FROM set_aside
                WHERE
                    source = 'schedule'
                    AND item = schedules.namespace || '/' || schedules.schedule_id
                    AND until > :now
            )
    ) AS schedule,
    (SELECT min(until) FROM set_aside) AS set_aside;

-- first_due: when the first timer, run and so on needs the clock, where nothing is set aside.
SELECT
    {first_due_times};

-- next_due: when the first timer, run, activity, worker and schedule needs the clock.
SELECT
    {next_due_times};
