-- Archived runs are kept, whatever their age. Who archived one, and why, is JSON beside the run.

ALTER TABLE runs ADD COLUMN archived_at BIGINT;
ALTER TABLE run_details ADD COLUMN archive TEXT;

-- The payload of a command, where it is neither in the run's history nor the run's own arguments.

ALTER TABLE commands ADD COLUMN payload TEXT;

-- For how long a workflow task was ready before it was leased the last time, and leased before it
-- ended: durations are half as large as times.

ALTER TABLE past_workflow_tasks ADD COLUMN waited BIGINT;
ALTER TABLE past_workflow_tasks ADD COLUMN held BIGINT;
