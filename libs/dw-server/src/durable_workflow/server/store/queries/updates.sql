-- {update_columns}: the columns of an update.
    update_id, namespace, workflow_id, run_id, command_id, command_sequence, update_name,
    request_id, arguments, position, accepted_at, status, applied_at, rejected_at, closed_at,
    workflow_sequence, result, failure_id, failure_message;

-- insert_update: an update that was accepted, or refused at once.
INSERT INTO updates ({update_columns})
VALUES ({:update_columns});

-- save_update: how an update stands.
UPDATE updates
SET
    run_id = :run_id, status = :status, applied_at = :applied_at, rejected_at = :rejected_at,
    closed_at = :closed_at, workflow_sequence = :workflow_sequence, result = :result,
    failure_id = :failure_id, failure_message = :failure_message
WHERE update_id = :update_id;

-- update_by_id: one update.
SELECT {update_columns}
FROM updates
WHERE
    update_id = :update_id
    AND EXISTS (
        SELECT 1 FROM runs AS r
        WHERE r.run_id = updates.run_id AND r.namespace = updates.namespace
    );

-- update_by_request: the update that this request asked for before.
SELECT {update_columns}
FROM updates
WHERE
    namespace = :namespace
    AND workflow_id = :workflow_id
    AND update_name = :update_name
    AND request_id = :request_id
    AND EXISTS (
        SELECT 1 FROM runs AS r
        WHERE r.run_id = updates.run_id AND r.namespace = updates.namespace
    );

-- accepted_updates: the accepted updates of a run that have no outcome, oldest first.
SELECT {update_columns}
FROM updates
WHERE run_id = :run_id AND status = 'accepted'
ORDER BY position
LIMIT :most;

-- move_updates: accepted updates go on with the next run.
UPDATE updates SET run_id = :to_run_id WHERE run_id = :run_id AND status = 'accepted';

-- end_updates: the run is over, and its accepted updates with it.
UPDATE updates
SET status = 'failed', closed_at = :now, failure_message = :message
WHERE run_id = :run_id AND status = 'accepted';
