-- Where the large payloads of a namespace go: a policy as JSON. What is kept of a run's workflow tasks
-- goes with the run, so it is found by it.

ALTER TABLE namespaces ADD COLUMN external_storage TEXT;
CREATE INDEX past_workflow_tasks_of_run ON past_workflow_tasks (run_id);
