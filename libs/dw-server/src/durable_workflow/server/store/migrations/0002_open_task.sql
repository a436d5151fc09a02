-- What operators want to know of a run's open workflow task: since when its worker has it, and the
-- kind of error that its last attempt ended with.

ALTER TABLE runs ADD COLUMN task_error_type TEXT;
ALTER TABLE runs ADD COLUMN leased_at BIGINT;
