-- Runs that may refer to payloads that are kept elsewhere from before it was noted who refers to each.
-- Until they have been read no payload is deleted: one of them may refer to it.

CREATE TABLE unread_runs (
    holder TEXT NOT NULL PRIMARY KEY
) {by key};
INSERT INTO unread_runs (holder)
SELECT r.run_id
FROM runs AS r INNER JOIN namespaces AS n ON r.namespace = n.name
WHERE n.external_storage IS NOT NULL;
