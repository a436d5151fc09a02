-- Payloads that are kept elsewhere, by their URIs.

-- hold_payload: a run or a schedule refers to it.
INSERT INTO external_payloads (holder, uri) VALUES (:holder, :uri)
ON CONFLICT (holder, uri) DO NOTHING;

-- held_payloads: some of those that a run or a schedule refers to, in order.
SELECT uri FROM external_payloads WHERE holder = :holder ORDER BY uri LIMIT :most;

-- holder_of_payload: somebody who refers to it. One row or none.
SELECT holder FROM external_payloads WHERE uri = :uri LIMIT 1;

-- let_go_of_payload: a run or a schedule refers to it no more.
DELETE FROM external_payloads WHERE holder = :holder AND uri = :uri;

-- release_payload: it is to be deleted, unless somebody else refers to it.
INSERT INTO released_payloads (uri, holder, removed_from, policy)
VALUES (:uri, :holder, :removed_from, :policy)
ON CONFLICT (uri) DO UPDATE
SET holder = excluded.holder, removed_from = excluded.removed_from, policy = excluded.policy;

-- released_payloads: some that are to be deleted, behind a URI, in order.
SELECT uri, removed_from, policy
FROM released_payloads
WHERE uri > :after
ORDER BY uri
LIMIT :most;

-- released_payloads_of: likewise, of those that a run referred to last.
SELECT uri, removed_from, policy
FROM released_payloads
WHERE holder = :holder AND uri > :after
ORDER BY uri
LIMIT :most;

-- forget_released_payload: it is deleted, or stays.
DELETE FROM released_payloads WHERE uri = :uri;

-- policy_of_removed_run: the namespace that a removed run was in, and its policy of large payloads.
SELECT namespaces.name, namespaces.external_storage
FROM runs INNER JOIN namespaces ON runs.removed_from = namespaces.name
WHERE runs.run_id = :run_id;

-- policy_of_namespace: the policy of large payloads, of a namespace whose deletion was begun too.
SELECT external_storage FROM namespaces WHERE name = :namespace;

-- payloads_of_schedules: some of those that the schedules of a namespace refer to.
SELECT external_payloads.holder, external_payloads.uri
FROM schedules INNER JOIN external_payloads ON schedules.schedule_ulid = external_payloads.holder
WHERE schedules.namespace = :namespace
LIMIT :most;

-- unread_runs: some runs whose references are not noted yet.
SELECT holder FROM unread_runs LIMIT :most;

-- is_unread_run: whether a run is one of them.
SELECT 1 FROM unread_runs WHERE holder = :holder;

-- forget_unread_run: its references are noted, or it is gone.
DELETE FROM unread_runs WHERE holder = :holder;
