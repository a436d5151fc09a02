-- A session that has a stream: its connection says whether it is there. The reports of workflow tasks
-- are recognised when they are repeated, as those of activities are.

ALTER TABLE workers ADD COLUMN on_stream INTEGER NOT NULL DEFAULT 0;
ALTER TABLE past_workflow_tasks ADD COLUMN lease_owner TEXT;
ALTER TABLE past_workflow_tasks ADD COLUMN lease_session TEXT;
ALTER TABLE past_workflow_tasks ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0;
