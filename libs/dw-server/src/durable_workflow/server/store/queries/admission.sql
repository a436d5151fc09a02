-- dispatch_count: how many tasks a budget has given out in a minute.
SELECT dispatched
FROM dispatch_counts
WHERE
    namespace = :namespace AND kind = :kind AND scope = :scope AND name = :name
    AND minute = :minute;

-- count_dispatch: one more task that a budget gives out.
INSERT INTO dispatch_counts (namespace, kind, scope, name, minute, dispatched)
VALUES (:namespace, :kind, :scope, :name, :minute, 1)
ON CONFLICT (namespace, kind, scope, name) DO UPDATE
SET
    dispatched = CASE
        WHEN dispatch_counts.minute = excluded.minute THEN dispatch_counts.dispatched + 1
        ELSE 1
    END,
    minute = excluded.minute;

-- delete_dispatch_counts_of_namespace: nothing was given out there.
DELETE FROM dispatch_counts WHERE namespace = :namespace;
