-- {rollout_columns}: the columns of what was decided about a build, in the order of its fields.
    namespace, task_queue, build_id, drained_at, promoted_at, rolled_back_at, selected;

-- build_rollout: what was decided about a build of a queue.
SELECT {rollout_columns}
FROM build_rollouts
WHERE namespace = :namespace AND task_queue = :task_queue AND build_id = :build_id;

-- build_rollouts_of_queue: what was decided about the builds of a queue.
SELECT {rollout_columns}
FROM build_rollouts
WHERE namespace = :namespace AND task_queue = :task_queue
ORDER BY build_id;

-- selected_build: the build that new runs of a queue are pinned to; no row where none is.
SELECT {rollout_columns}
FROM build_rollouts
WHERE namespace = :namespace AND task_queue = :task_queue AND selected = 1;

-- put_build_rollout: what is decided about a build from now on.
INSERT INTO build_rollouts ({rollout_columns})
VALUES ({:rollout_columns})
ON CONFLICT (namespace, task_queue, build_id) DO UPDATE
SET
    drained_at = excluded.drained_at, promoted_at = excluded.promoted_at,
    rolled_back_at = excluded.rolled_back_at, selected = excluded.selected;

-- drain_workers: the workers of a build get no tasks, or get them again.
UPDATE workers
SET draining = :draining
WHERE
    namespace = :namespace AND task_queue = :task_queue
    AND coalesce(build_id, '') = :build_id;

-- pinned_runs: how many open runs of a queue are pinned to each build.
SELECT
    compatibility, count(*) AS pinned
FROM runs
WHERE namespace = :namespace AND task_queue = :task_queue AND closed_at IS NULL
    AND compatibility IS NOT NULL
GROUP BY compatibility;

-- delete_rollouts_of_namespace: nothing was decided about builds there.
DELETE FROM build_rollouts WHERE namespace = :namespace;
