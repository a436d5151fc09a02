-- What lists are searched by without case: workflow id and business key, one below the other. The
-- server folds them when it writes a run, because databases fold differently.

ALTER TABLE run_details ADD COLUMN folded TEXT NOT NULL DEFAULT '';
UPDATE run_details
SET folded = (
    SELECT lower(r.workflow_id || '
' || coalesce(run_details.business_key, ''))
    FROM runs AS r
    WHERE r.run_id = run_details.run_id
)
WHERE run_id IN (SELECT run_id FROM runs);
