-- A routing word that commands give their activities and children, and that is only handed on.

ALTER TABLE runs ADD COLUMN connection TEXT;
ALTER TABLE activities ADD COLUMN connection TEXT;

-- A signal that is sent again with its request id is found by it.

CREATE INDEX commands_by_request
ON commands (namespace, workflow_id, type, target_name, request_id)
WHERE request_id IS NOT NULL;
