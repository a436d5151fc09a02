-- insert_event: one more row at the end of a run's history.
INSERT INTO history (run_id, sequence, event_type, record, events)
VALUES (:run_id, :sequence, :event_type, :record, :events);

-- insert_closed_history: some of the history of a run that has closed.
INSERT INTO closed_history (run_id, sequence, events, record)
VALUES (:run_id, :sequence, :events, :record);

-- history_after: rows with the records behind :after, in order, at most :most; none that ends at
-- :bound or behind it.
SELECT
    sequence, events, record
FROM (
    SELECT sequence, events, record
    FROM closed_history
    WHERE run_id = :run_id AND sequence > :after AND sequence < :bound
    UNION ALL
    SELECT sequence, events, record
    FROM history
    WHERE run_id = :run_id AND sequence > :after AND sequence < :bound
) AS whole
ORDER BY sequence
LIMIT :most;

-- open_history: the rows of a run that are not packed as those of closed runs are.
SELECT
    sequence, events, record
FROM history
WHERE run_id = :run_id
ORDER BY sequence;

-- closed_history: the rows of a run that are.
SELECT
    sequence, events, record
FROM closed_history
WHERE run_id = :run_id
ORDER BY sequence;

-- delete_open_history: they are packed anew.
DELETE FROM history WHERE run_id = :run_id;

-- insert_buffered_event: something that waits until the run's worker has decided.
INSERT INTO buffered_events (
    run_id, position, kind, ref, event_type, payload, command_id, context
)
VALUES (
    :run_id,
    (SELECT coalesce(max(position), 0) + 1 FROM buffered_events WHERE run_id = :run_id),
    :kind, :ref, :event_type, :payload, :command_id, :context
);

-- buffered_events: what waits for the run's worker, oldest first.
SELECT
    kind, ref, event_type, payload, command_id, context
FROM buffered_events
WHERE run_id = :run_id
ORDER BY position;

-- delete_buffered_events: nothing waits any more.
DELETE FROM buffered_events WHERE run_id = :run_id;

-- insert_held_results: the outcome of a member of a batch that is not complete, or not wanted yet.
INSERT INTO held_results (run_id, sequence, event_type, payload, task_id)
VALUES (:run_id, :sequence, :event_type, :payload, :task_id);

-- held_results: the outcomes of a batch that are not in history, in member order.
SELECT
    sequence, event_type, payload, task_id
FROM held_results
WHERE run_id = :run_id
ORDER BY sequence;

-- delete_held_results: they are in history now, or never will be.
DELETE FROM held_results WHERE run_id = :run_id;
