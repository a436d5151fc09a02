-- first_workflow_class: the first ready task of the lowest priority above :above that has any, with its
-- class, and the last class that has one of that priority: the same where there is one class.
SELECT
    lowest.priority, lowest.class, lowest.fairness_weight, lowest.task_available_at, lowest.task_id,
    (
        SELECT coalesce(last.fairness_key, '')
        FROM runs AS last
        WHERE
            last.namespace = :namespace AND last.task_queue = :task_queue
            AND last.task_status = 'ready' AND last.priority = lowest.priority
        ORDER BY coalesce(last.fairness_key, '') DESC
        LIMIT 1
    ) AS last_class
FROM (
    SELECT
        first.priority, coalesce(first.fairness_key, '') AS class, first.fairness_weight,
        first.task_available_at, first.task_id
    FROM runs AS first
    WHERE
        first.namespace = :namespace AND first.task_queue = :task_queue
        AND first.task_status = 'ready' AND first.priority > :above
    ORDER BY first.priority, coalesce(first.fairness_key, ''), first.task_available_at, first.task_id
    LIMIT 1
) AS lowest;

-- first_activity_class: the first ready task of the lowest priority above :above that has any, with its
-- class, and the last class that has one of that priority: the same where there is one class.
SELECT
    lowest.priority, lowest.class, lowest.fairness_weight, lowest.available_at, lowest.task_id,
    (
        SELECT coalesce(last.fairness_key, '')
        FROM activities AS last
        WHERE
            last.namespace = :namespace AND last.task_queue = :task_queue
            AND last.task_status = 'ready' AND last.priority = lowest.priority
        ORDER BY coalesce(last.fairness_key, '') DESC
        LIMIT 1
    ) AS last_class
FROM (
    SELECT
        first.priority, coalesce(first.fairness_key, '') AS class, first.fairness_weight,
        first.available_at, first.task_id
    FROM activities AS first
    WHERE
        first.namespace = :namespace AND first.task_queue = :task_queue
        AND first.task_status = 'ready' AND first.priority > :above
    ORDER BY first.priority, coalesce(first.fairness_key, ''), first.available_at, first.task_id
    LIMIT 1
) AS lowest;

-- ready_workflow_classes: the fairness classes that have ready tasks, of the lowest priority above :above
-- that has any, from :first on: weight and first task of each, and what it was given of late.
WITH RECURSIVE
classes (priority, class, number) AS (
    SELECT
        lowest.priority,
        (
            SELECT coalesce(fairness_key, '')
            FROM runs
            WHERE
                namespace = :namespace AND task_queue = :task_queue AND task_status = 'ready'
                AND priority = lowest.priority AND coalesce(fairness_key, '') >= :first
            ORDER BY coalesce(fairness_key, '')
            LIMIT 1
        ),
        1
    FROM (
        SELECT min(priority) AS priority
        FROM runs
        WHERE
            namespace = :namespace AND task_queue = :task_queue AND task_status = 'ready'
            AND priority > :above
    ) AS lowest
    UNION ALL
    SELECT
        priority,
        (
            SELECT coalesce(next.fairness_key, '')
            FROM runs AS next
            WHERE
                next.namespace = :namespace AND next.task_queue = :task_queue
                AND next.task_status = 'ready'
                AND next.priority = classes.priority
                AND coalesce(next.fairness_key, '') > classes.class
            ORDER BY coalesce(next.fairness_key, '')
            LIMIT 1
        ),
        number + 1
    FROM classes
    WHERE class IS NOT NULL AND number < :most
)
SELECT
    c.priority, c.class, head.fairness_weight, head.task_available_at, head.task_id,
    coalesce(s.dispatched, 0.0) AS dispatched, coalesce(s.counted_at, 0) AS counted_at
FROM classes AS c
INNER JOIN runs AS head ON head.task_id = (
    SELECT first.task_id
    FROM runs AS first
    WHERE
        first.namespace = :namespace AND first.task_queue = :task_queue
        AND first.task_status = 'ready'
        AND first.priority = c.priority AND coalesce(first.fairness_key, '') = c.class
    ORDER BY first.task_available_at, first.task_id
    LIMIT 1
)
LEFT JOIN fair_shares AS s
    ON
        s.kind = 'workflow' AND s.namespace = :namespace AND s.task_queue = :task_queue
        AND s.class = c.class;

-- ready_activity_classes: the fairness classes that have ready tasks, of the lowest priority above :above
-- that has any, from :first on: weight and first task of each, and what it was given of late.
WITH RECURSIVE
classes (priority, class, number) AS (
    SELECT
        lowest.priority,
        (
            SELECT coalesce(fairness_key, '')
            FROM activities
            WHERE
                namespace = :namespace AND task_queue = :task_queue AND task_status = 'ready'
                AND priority = lowest.priority AND coalesce(fairness_key, '') >= :first
            ORDER BY coalesce(fairness_key, '')
            LIMIT 1
        ),
        1
    FROM (
        SELECT min(priority) AS priority
        FROM activities
        WHERE
            namespace = :namespace AND task_queue = :task_queue AND task_status = 'ready'
            AND priority > :above
    ) AS lowest
    UNION ALL
    SELECT
        priority,
        (
            SELECT coalesce(next.fairness_key, '')
            FROM activities AS next
            WHERE
                next.namespace = :namespace AND next.task_queue = :task_queue
                AND next.task_status = 'ready'
                AND next.priority = classes.priority
                AND coalesce(next.fairness_key, '') > classes.class
            ORDER BY coalesce(next.fairness_key, '')
            LIMIT 1
        ),
        number + 1
    FROM classes
    WHERE class IS NOT NULL AND number < :most
)
SELECT
    c.priority, c.class, head.fairness_weight, head.available_at, head.task_id,
    coalesce(s.dispatched, 0.0) AS dispatched, coalesce(s.counted_at, 0) AS counted_at
FROM classes AS c
INNER JOIN activities AS head ON head.task_id = (
    SELECT first.task_id
    FROM activities AS first
    WHERE
        first.namespace = :namespace AND first.task_queue = :task_queue
        AND first.task_status = 'ready'
        AND first.priority = c.priority AND coalesce(first.fairness_key, '') = c.class
    ORDER BY first.available_at, first.task_id
    LIMIT 1
)
LEFT JOIN fair_shares AS s
    ON
        s.kind = 'activity' AND s.namespace = :namespace AND s.task_queue = :task_queue
        AND s.class = c.class;

-- fair_share: what a class of a queue was given, and when that was counted.
SELECT
    dispatched, counted_at
FROM fair_shares
WHERE kind = :kind AND namespace = :namespace AND task_queue = :task_queue AND class = :class;

-- has_fair_shares: whether classes of a queue are counted.
SELECT 1
FROM fair_shares
WHERE kind = :kind AND namespace = :namespace AND task_queue = :task_queue
LIMIT 1;

-- put_fair_share: what a class of a queue was given.
INSERT INTO fair_shares (kind, namespace, task_queue, class, dispatched, counted_at)
VALUES (:kind, :namespace, :task_queue, :class, :dispatched, :counted_at)
ON CONFLICT (namespace, task_queue, kind, class) DO UPDATE
SET dispatched = excluded.dispatched, counted_at = excluded.counted_at;

-- forget_fair_shares: classes of a queue that were given nothing for long.
DELETE FROM fair_shares
WHERE
    kind = :kind AND namespace = :namespace AND task_queue = :task_queue
    AND counted_at < :before;

-- delete_fair_shares_of_namespace: nothing was given out there.
DELETE FROM fair_shares WHERE namespace = :namespace;
