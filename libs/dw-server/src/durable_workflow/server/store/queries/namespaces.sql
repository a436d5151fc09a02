-- {namespace_columns}: the columns of a namespace, in the order of its fields.
    name, description, retention_days, status, created_at, updated_at, external_storage;

-- namespace: what is known of a namespace that is served.
SELECT {namespace_columns}
FROM namespaces
WHERE name = :name AND status = 'active';

-- namespace_to_change [lock]: what is known of a namespace that is served.
SELECT {namespace_columns}
FROM namespaces
WHERE name = :name AND status = 'active'
{lock};

-- namespaces: all that are served, oldest first.
SELECT {namespace_columns}
FROM namespaces
WHERE status = 'active'
ORDER BY created_at, name;

-- ensure_namespace: a namespace that is served, made unless it is there.
INSERT INTO namespaces (name, description, retention_days, created_at, updated_at)
VALUES (:name, :description, :retention_days, :now, :now)
ON CONFLICT (name) DO UPDATE SET status = 'active';

-- insert_namespace: a new namespace.
INSERT INTO namespaces ({namespace_columns})
VALUES ({:namespace_columns});

-- save_namespace: everything of a namespace that may change.
UPDATE namespaces
SET
    description = :description, retention_days = :retention_days, status = :status,
    updated_at = :updated_at, external_storage = :external_storage
WHERE name = :name;

-- namespaces_going: those whose deletion was begun.
SELECT name FROM namespaces WHERE status = 'deleted';

-- delete_namespace: nothing is left of it.
DELETE FROM namespaces WHERE name = :name;

-- some_runs_of_namespace: a few of all its runs.
SELECT {run_columns} FROM runs WHERE namespace = :namespace LIMIT :most;

-- count_workers_of_namespace: how many sessions of workers are registered.
SELECT count(*) FROM workers WHERE namespace = :namespace;

-- delete_workers_of_namespace: no worker is registered there.
DELETE FROM workers WHERE namespace = :namespace;

-- delete_search_attributes_of_namespace: nothing is registered there.
DELETE FROM search_attributes WHERE namespace = :namespace;

-- delete_instances_of_namespace: no workflow id was used there.
DELETE FROM workflow_instances WHERE namespace = :namespace;
