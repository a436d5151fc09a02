-- Runs that retention or a deleted namespace has removed. Such a run is in no namespace, '', so nobody
-- finds it; `removed_from` is the one that it was in, and its rows are deleted little by little.

ALTER TABLE runs ADD COLUMN removed_from TEXT;

-- Not unique: the id of a workflow is free again while rows of its removed runs are still there. What
-- asks for an update has locked the workflow id, and finds the update that it asked for before.
DROP INDEX IF EXISTS updates_by_request;
CREATE INDEX updates_by_request
ON updates (namespace, workflow_id, update_name, request_id) WHERE request_id IS NOT NULL;
