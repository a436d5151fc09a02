-- Everything that belongs to a run, by its id.

-- delete_run: the row itself.
DELETE FROM runs WHERE run_id = :run_id;

-- delete_run_details: its cold half.
DELETE FROM run_details WHERE run_id = :run_id;

-- delete_run_history: its events.
DELETE FROM history WHERE run_id = :run_id;

-- delete_run_past_tasks: its workflow tasks that are over.
DELETE FROM past_workflow_tasks WHERE run_id = :run_id;

-- delete_run_activities: its activities.
DELETE FROM activities WHERE run_id = :run_id;

-- delete_run_activity_arguments: what they were called with.
DELETE FROM activity_arguments WHERE run_id = :run_id;

-- delete_run_past_attempts: their superseded attempts.
DELETE FROM past_attempts WHERE run_id = :run_id;

-- delete_run_timers: its timers.
DELETE FROM timers WHERE run_id = :run_id;

-- delete_run_child_links: its links to children.
DELETE FROM child_links WHERE run_id = :run_id;

-- delete_run_updates: its updates.
DELETE FROM updates WHERE run_id = :run_id;

-- delete_run_buffered_events: the events that wait for a completion.
DELETE FROM buffered_events WHERE run_id = :run_id;

-- delete_run_held_results: the results that wait for their batch.
DELETE FROM held_results WHERE run_id = :run_id;

-- delete_run_commands: the commands of callers to it.
DELETE FROM commands WHERE run_id = :run_id;

-- delete_run_set_aside: what of it was set aside.
DELETE FROM set_aside WHERE run_id = :run_id;
